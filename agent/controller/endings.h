// SPDX-License-Identifier: Apache-2.0
//
// Grants and Overrides whose date has passed. The kernel's rows carry the date, so nothing has to happen for them to
// end: that is only for people to see. Pure.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "state/cluster.h"

namespace bulkhead::controller {

/// A grant, or an Override, that has ended.
struct Ending {
    std::string field; // "spec.allowFrom[0]"; empty = all that the object says
    state::Time at;
    bool operator==(const Ending&) const = default;
};

struct Endings {
    std::unordered_map<std::string, std::vector<Ending>> by_object{}; // "AccessGrant payments/reports"
    std::optional<state::Time> next{};                                // when the next one ends
};

Endings endings_at(state::Time now, const state::Cluster& cluster);

} // namespace bulkhead::controller
