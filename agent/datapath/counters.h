// SPDX-License-Identifier: Apache-2.0
//
// What the programs counted, summed over the CPUs.
#pragma once

#include <array>

#include "datapath/maps.h"

namespace bulkhead::datapath {

/// [enum bh_direction][enum bh_reason], as the pod sees it.
using SlotCounters = std::array<std::array<bh_counter, BH_REASON_COUNT>, 2>;

/// Slot 0 counts what no pod of this node could be named for.
Result<SlotCounters> read_counters(const Maps& maps, uint16_t slot);

/// [enum bh_statistic]
using Statistics = std::array<uint64_t, BH_STAT_COUNT>;

Result<Statistics> read_statistics(const Maps& maps);

} // namespace bulkhead::datapath
