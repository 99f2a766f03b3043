// SPDX-License-Identifier: Apache-2.0
#include "datapath/counters.h"

namespace bulkhead::datapath {

Result<SlotCounters> read_counters(const Maps& maps, uint16_t slot) {
    SlotCounters sums{};
    for (uint32_t direction = 0; direction < sums.size(); direction++)
        for (uint32_t reason = 0; reason < BH_REASON_COUNT; reason++) {
            const auto values = maps.counters.read((slot * 2u + direction) * BH_REASON_COUNT + reason);
            if (!values) return tl::unexpected(values.error());
            for (const bh_counter& each : *values) {
                sums[direction][reason].packets += each.packets;
                sums[direction][reason].bytes += each.bytes;
            }
        }
    return sums;
}

Result<Statistics> read_statistics(const Maps& maps) {
    Statistics sums{};
    for (uint32_t index = 0; index < sums.size(); index++) {
        const auto values = maps.statistics.read(index);
        if (!values) return tl::unexpected(values.error());
        for (const uint64_t each : *values)
            sums[index] += each;
    }
    return sums;
}

} // namespace bulkhead::datapath
