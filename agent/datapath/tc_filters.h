// SPDX-License-Identifier: Apache-2.0
//
// What filters sit on a device's clsact qdisc, in the order in which they run, and several put there at once. libbpf
// can add and remove single filters but not list them, and the order is what matters beside other agents.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "datapath/hook.h"

struct nlmsghdr;

namespace bulkhead::datapath {

struct TcFilter {
    uint32_t priority = 0;
    uint32_t handle = 0;
    std::string kind;    // "bpf", "u32", ...
    std::string program; // its name, for kind "bpf"
};

/// What an RTM_NEWTFILTER or RTM_DELTFILTER tells of; handle 0 = a classifier as a whole.
TcFilter read_filter(const nlmsghdr* message);

/// Empty where there is no clsact qdisc. A device that vanished is ENODEV.
Result<std::vector<TcFilter>> list_filters(uint32_t ifindex, Side side);

/// The kind of qdisc in clsact's place: "clsact", empty, or "ingress". That one has no egress side, but the kernel
/// takes filters for it without a word, and runs them on ingress.
Result<std::string> kind_of_qdisc(uint32_t ifindex);

struct NewFilter {
    Side side = Side::kIngress;
    uint32_t priority = 0;
    uint32_t handle = 0; // not in use yet, else it isn't added
    int program_fd = -1; // direct action
    std::string program; // its name, for whoever lists filters
};

/// Errors as the kernel answered, 0 = it was done.
struct Installed {
    int qdisc = 0; // EEXIST: one was there, whatever its kind
    std::vector<int> filters;

    bool complete() const;
};

/// Adds a clsact qdisc and filters to it: in one message, for each question to rtnetlink waits until everybody else's
/// are answered. Where the qdisc can't be added, the filters are added to what is in its place.
Result<Installed> install(uint32_t ifindex, std::span<const NewFilter> filters);

/// Every device of this network namespace.
std::vector<uint32_t> interfaces();

} // namespace bulkhead::datapath
