// SPDX-License-Identifier: Apache-2.0
#include "told.h"

#include <numeric>

#include "bulkhead/abi.h"

namespace bulkhead::bench {

Result<Told> told(const PerCpuArray<uint64_t>& statistics) {
    Told told;
    for (const auto& [statistic, sum] : {std::pair{BH_STAT_EVENTS, &told.events},
                                         {BH_STAT_REFUSED_MERGED, &told.merged},
                                         {BH_STAT_REFUSED_UNTOLD, &told.lost},
                                         {BH_STAT_EVENTS_LIMITED, &told.untold},
                                         {BH_STAT_EVENTS_LOST, &told.untold}}) {
        const auto values = statistics.read(statistic);
        if (!values) return tl::unexpected(values.error());
        *sum += std::accumulate(values->begin(), values->end(), uint64_t{0});
    }
    return told;
}

} // namespace bulkhead::bench
