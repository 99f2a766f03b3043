// SPDX-License-Identifier: Apache-2.0
//
// What filters sit on a device's clsact qdisc, in the order in which they run. libbpf can add and remove
// filters but not list them, and the order is what matters beside other agents.
#pragma once

#include <cstdint>
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

/// Every device of this network namespace.
std::vector<uint32_t> interfaces();

} // namespace bulkhead::datapath
