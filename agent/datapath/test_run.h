// SPDX-License-Identifier: Apache-2.0
//
// Runs a loaded program on one synthetic packet (BPF_PROG_TEST_RUN): what explain, the packet tables and
// the benches ask. A test run can't set the packet's circumstances, so a rehearsal variant of the
// programs takes them from cb[] and leaves its answer there; see bulkhead/abi.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "bulkhead/abi.h"

namespace bulkhead::datapath {

struct Circumstances {
    uint32_t ifindex = 0;         // where the program is attached
    uint32_t ingress_ifindex = 0; // where the packet came in; 0 = made by this node
    bool local_socket = false;    // a socket of this node made it
    uint32_t mark = 0;            // skb->mark that an earlier hook left
};

struct Rehearsal {
    int32_t action = 0; // what the program returned: -1 = continue, 2 = drop
    bh_verdict verdict = BH_VERDICT_ALLOW;
    bh_reason reason = BH_REASON_OPEN;
    bh_reason original = BH_REASON_SELF; // with reason REPLY: why the original direction is allowed
    uint32_t src_identity = 0;
    uint32_t dst_identity = 0;
    uint32_t origin = 0;
    bool judged = false; // this hook was the judge
    uint32_t mark = 0;
};

/// What of __sk_buff goes in and comes out.
struct Context {
    std::array<uint32_t, 5> cb{};
    uint32_t mark = 0;
    uint32_t ifindex = 0;         // of the device that it is on, in this network namespace; 0 = lo
    uint32_t ingress_ifindex = 0; // of the one by which it came; 0 = none
};

struct TestRun {
    int32_t action = 0;
    Context context;
    uint32_t nanoseconds = 0; // per repetition
};

/// `packet` begins with its Ethernet header. At least 14 bytes.
Result<TestRun> test_run(int program_fd, std::span<const std::byte> packet, const Context& context, int repeat = 1);

/// The same, once; what the program made of the packet comes back in `after`, which may be the same memory and has to
/// be as large.
Result<TestRun> test_run(int program_fd, std::span<const std::byte> packet, const Context& context,
                         std::span<std::byte> after);

Result<Rehearsal> rehearse(int program_fd, std::span<const std::byte> packet, const Circumstances& circumstances);

} // namespace bulkhead::datapath
