// SPDX-License-Identifier: Apache-2.0
//
// The pods' flow tables: empty ones, and ones that are full of other, living conversations.
#pragma once

#include <vector>

#include "datapath/maps.h"

namespace bulkhead::bench {

/// What docs/operations sizes: 16,384 conversations a pod.
inline constexpr uint32_t kFlowSets = 2048;

/// Puts a new, empty table in place of each slot's.
Result<> renew_flow_tables(const datapath::Maps& maps, const std::vector<uint16_t>& slots);

/// The same, with every way taken by a conversation that `jiffies` saw last.
Result<> renew_full_flow_tables(const datapath::Maps& maps, const std::vector<uint16_t>& slots, uint64_t jiffies);

} // namespace bulkhead::bench
