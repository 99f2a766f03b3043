// SPDX-License-Identifier: Apache-2.0
//
// What the programs counted of what they told: the difference of two is what they told meanwhile.
#pragma once

#include <cstdint>

#include "datapath/map.h"

namespace bulkhead::bench {

/// Of all CPUs.
struct Told {
    uint64_t events = 0, merged = 0, lost = 0; // packets but for events
    uint64_t untold = 0;                       // conversations that no event tells of

    Told operator-(const Told& other) const {
        return {events - other.events, merged - other.merged, lost - other.lost, untold - other.untold};
    }
};

Result<Told> told(const PerCpuArray<uint64_t>& statistics);

} // namespace bulkhead::bench
