// SPDX-License-Identifier: Apache-2.0
//
// Overrides, which must be in force also where little else is known: an agent that starts while its source is away may
// be told to let a tenant pass. So what is wanted is written at once, and only what nobody wants waits for a complete
// list, because a former agent may have heard of it.
#include "datapath/writer.h"

namespace bulkhead::datapath {

/// Tightens.
void Writer::end_overrides(const Job& job, WriteReport& report) {
    std::vector<uint32_t> gone;
    for (const auto& [tenant, row] : tables_.overrides.rows())
        if (!job.desired.overrides.contains(tenant) && (settled_ || !tables_.overrides.is_restored(tenant)))
            gone.push_back(tenant);
    for (const auto tenant : gone)
        tables_.overrides.erase(tenant, report);
}

/// Loosens. What a former agent wrote and nobody knows of yet is not shortened.
void Writer::begin_overrides(const Job& job, WriteReport& report) {
    for (const auto& [tenant, wanted] : job.desired.overrides) {
        const bh_override row{.until = job.now.jiffies_at(wanted.until), .origin = wanted.origin, .reserved = 0};
        const bh_override* there = tables_.overrides.find(tenant);
        if (there != nullptr) {
            if (there->origin == row.origin) tables_.overrides.own(tenant); // the same one, which we heard of now
            if (there->origin == row.origin && job.now.same_date(there->until, row.until)) continue;
            if (!settled_ && tables_.overrides.is_restored(tenant) && there->until > row.until) continue;
        }
        if (tables_.overrides.put(tenant, row, report)) tables_.overrides.own(tenant);
    }
    set_armed(BH_ARMED_OVERRIDES, !tables_.overrides.rows().empty(), report);
}

} // namespace bulkhead::datapath
