// SPDX-License-Identifier: Apache-2.0
//
// What would be refused if somebody were protected from now on, by what was seen so far. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "advise/supposition.h"

namespace bulkhead::advise {

struct Loss {
    flow::EdgeKey edge;
    flow::Sighting seen;
    Answer answer;            // without a reason: nobody can tell any more, since one side has no endpoints
    std::string why_untold{}; // where something else is why nobody can
};

struct Plan {
    std::vector<std::string> namespaces; // that would be protected
    std::vector<Loss> losses;            // edges into their pods that passed so far and no longer would
    size_t kept = 0; // edges that passed and would go on, though a confinement in audit mode may report them
};

/// Every tenant of which an object or a label tells: declared, or of some namespace or AWS resource.
std::set<std::string> tenants_of(const state::Cluster& cluster, const compile::Settings& settings);

/// `who` is a namespace, or a tenant as bulkheadctl tenants names it. An error says that there is none of that name.
Result<std::vector<std::string>> namespaces_of(const std::string& who, const state::Cluster& cluster,
                                               const compile::Settings& settings);

Plan plan(const flow::Edges::Rows& edges, std::vector<std::string> namespaces, state::Cluster cluster,
          const compile::Settings& settings, state::Time now);

} // namespace bulkhead::advise
