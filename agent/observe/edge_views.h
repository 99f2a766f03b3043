// SPDX-License-Identifier: Apache-2.0
//
// The edge table and what follows from it, as JSON for bulkheadctl. Pure.
#pragma once

#include "advise/plan.h"
#include "observe/party.h"

namespace bulkhead::observe {

/// What the pods of a workload have in common, by the party that stands for it. Of pods that this node knows: those of
/// which it knows all labels, where there are any.
std::map<flow::Party, state::Labels> labels_of_workloads(const state::Cluster& cluster);

/// {"edges": [...], "limit", "refused"}: an edge as flow::to_json() has it, and `labels` of either side.
Json edges_view(const flow::Edges& edges, size_t limit, const state::Cluster& cluster);

/// {"edges", "problems"}: each edge, and what `would` become of it, as in plan_view().
Json check_view(const std::vector<advise::Loss>& edges, const std::vector<state::Problem>& problems);

/// {"namespaces", "kept", "losses"}: of each loss the edge, and what `would` become of it: a reason, or nothing where
/// nobody can tell; `someWouldPass` where that holds for some of the pods only.
Json plan_view(const advise::Plan& plan);

} // namespace bulkhead::observe
