// SPDX-License-Identifier: Apache-2.0
//
// The edge table and what follows from it, as JSON for bulkheadctl. Ten thousand edges are 3 MB of it, and a
// supposition compiles the whole cluster: too much for the thread that takes up changes. So questions are answered from
// copies of what the agent knew at one moment, by whichever thread has them. Pure.
#pragma once

#include "advise/advice.h"
#include "advise/plan.h"
#include "observe/party.h"

namespace bulkhead::observe {

/// What the pods of a workload have in common, by the party that stands for it. Of pods that this node knows: those of
/// which it knows all labels, where there are any.
std::map<flow::Party, state::Labels> labels_of_workloads(const state::Cluster& cluster);

/// By name; of the declared Tenants that keep something shut.
using DoorsByTenant = std::map<std::string, advise::Doors>;
DoorsByTenant doors_of_tenants(const state::Cluster& cluster);

/// What /v1/edges tells beside the edges.
struct EdgeFacts {
    std::string node;
    size_t limit = 0;
    uint64_t refused = 0;
    std::map<flow::Party, state::Labels> labels; // of workloads
    DoorsByTenant doors{};
};

/// {"edges": [...], "limit", "refused", "node"}: an edge as flow::to_json() has it, and `labels` of either side; of a
/// destination whose Tenant shuts these doors "accessGrants": false, "podExpose": false and "sealed": true.
Json edges_view(const flow::Edges::Rows& edges, const EdgeFacts& facts);

/// What edges are judged by, as it was at one moment.
struct Grounds {
    state::Cluster cluster;
    compile::Settings settings;
    state::Time now;
    uint64_t refused = 0; // records that found no room among the edges
};

/// {"namespaces", "kept", "losses"}: of each loss the edge, and what `would` become of it: a reason, or nothing where
/// nobody can tell; `someWouldPass` where that holds for some of the pods only. `who` is a namespace or a tenant.
Result<Json> plan_view(const flow::Edges::Rows& edges, Grounds grounds, const std::string& who);

/// {"edges", "problems", "refused"}: each edge, and what `would` become of it with the changes, as in plan_view(); and
/// what is wrong with these.
Json check_view(const flow::Edges::Rows& edges, Grounds grounds, std::vector<state::Object> changes,
                const std::vector<state::Problem>& problems);

} // namespace bulkhead::observe
