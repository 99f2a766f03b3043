// SPDX-License-Identifier: Apache-2.0
//
// A pod's flow memory as it lies in the kernel: looked at, and made older, entry by entry.
#pragma once

#include <bpf/bpf.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>

#include "bpf/small_cluster.h"

namespace bulkhead::test {

/// Every entry in the memory of a pod of node-a, changed in place.
inline void for_each_flow(const Machine& machine, const Wire& wire, const std::string& pod,
                          const std::function<void(bh_flow&)>& change) {
    const auto& maps = machine.kernel().maps();
    const auto id = maps.flows.find(wire.stage.ifindex(pod) - 100);
    REQUIRE(id);
    const Fd table(bpf_map_get_fd_by_id(*id));
    REQUIRE(table.valid());
    for (uint32_t index = 0; index < maps.flow_sets; ++index) {
        bh_flow_set set{};
        REQUIRE(bpf_map_lookup_elem(table.get(), &index, &set) == 0);
        for (bh_flow& flow : set.way)
            if (flow.check) change(flow);
        REQUIRE(bpf_map_update_elem(table.get(), &index, &set, BPF_ANY) == 0);
    }
}

/// As if that long had passed; negative: another CPU is ahead.
inline void age(const Machine& machine, const Wire& wire, const std::string& pod, int seconds) {
    const auto hertz = static_cast<int>(machine.kernel().clock().hertz());
    const int ticks = seconds < 0 ? -1 : seconds * hertz >> BH_FLOW_TICK_SHIFT;
    for_each_flow(machine, wire, pod, [&](bh_flow& flow) { flow.stamp -= static_cast<uint32_t>(ticks) << 8; });
}

} // namespace bulkhead::test
