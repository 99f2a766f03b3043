// SPDX-License-Identifier: Apache-2.0
#include "datapath/features.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <unistd.h>

#include <climits>
#include <iterator>

#include "base/fd.h"

namespace bulkhead::datapath {

namespace {

constexpr uint32_t kLargeMap = 16u << 20; // more than any default limit on locked memory

bool raise_memlock() {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
}

/// "Continue with the next program": what an empty tc program says.
Fd load_empty_program() {
    const bpf_insn program[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = -1},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    };
    return Fd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bh_probe", "GPL", program, std::size(program), nullptr));
}

Result<> try_large_map(bool limit_raised) {
    const Fd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "bh_probe", sizeof(uint32_t), kLargeMap, 1, nullptr));
    if (map.valid()) return {};
    if (errno == EPERM && !limit_raised)
        return fail("this kernel counts BPF maps as locked memory and the limit may not be raised: allow "
                    "CAP_SYS_RESOURCE or set LimitMEMLOCK=infinity",
                    EPERM);
    return fail("create a BPF map", errno);
}

Result<> try_ring_buffer() {
    const auto bytes = static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
    const Fd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bh_probe", 0, 0, bytes, nullptr));
    if (ring.valid()) return {};
    return fail("this kernel has no BPF ring buffer; Linux 5.10 or later is needed", errno);
}

/// No device has this index. A kernel with tcx looks for it, one without refuses the attach type.
bool has_tcx(const Fd& program) {
    const Fd link(bpf_link_create(program.get(), INT_MAX, BPF_TCX_INGRESS, nullptr));
    return errno == ENODEV;
}

} // namespace

Result<Features> probe_features() {
    const bool raised = raise_memlock();
    const Fd program = load_empty_program();
    if (!program.valid() && errno == EPERM)
        return fail("may not load BPF programs: run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON", EPERM);
    if (!program.valid()) return fail("load an empty tc program", errno);
    if (auto tried = try_large_map(raised); !tried) return tl::unexpected(tried.error());
    if (auto tried = try_ring_buffer(); !tried) return tl::unexpected(tried.error());
    return Features{.tcx = has_tcx(program)};
}

} // namespace bulkhead::datapath
