// SPDX-License-Identifier: Apache-2.0
//
// The pods' flow tables: empty ones, and ones that are full of other, living conversations.
#pragma once

#include <vector>

#include "datapath/maps.h"

namespace bulkhead::bench {

/// What a pod gets by default.
inline constexpr uint32_t kFlowSets = datapath::Sizes{}.flow_sets;

class FlowTables {
public:
    /// One for each slot, put in its place.
    static Result<FlowTables> create(const datapath::Maps& maps, const std::vector<uint16_t>& slots);

    Result<> make_empty() const;

    /// Every way is taken by a conversation that `jiffies` saw last.
    Result<> make_full(uint64_t jiffies) const;

private:
    using Table = Map<uint32_t, bh_flow_set>;

    Result<> overwrite(const bh_flow_set& set) const;

    std::vector<Table> tables_;
};

} // namespace bulkhead::bench
