// SPDX-License-Identifier: Apache-2.0
#include "advise/plan.h"

#include <algorithm>

#include "compile/tenancy.h"

namespace bulkhead::advise {

Result<std::vector<std::string>> namespaces_of(const std::string& who, const state::Cluster& cluster,
                                               const compile::Settings& settings) {
    if (cluster.namespaces().contains(who)) return std::vector{who};
    std::vector<state::Problem> problems;
    compile::SourcesByOwner sources;
    const compile::Tenancy tenancy(cluster, settings, problems, sources);
    std::vector<std::string> names;
    for (const auto& [name, member] : tenancy.memberships())
        if (member.tenant == who) names.push_back(name);
    if (names.empty()) return fail("neither a namespace nor a tenant \"" + who + "\" is known to this node");
    std::ranges::sort(names);
    return names;
}

Plan plan(const flow::Edges::Rows& edges, std::vector<std::string> namespaces, const state::Cluster& cluster,
          const compile::Settings& settings, state::Time now) {
    const Supposition supposed(cluster, settings, protected_namespaces(cluster, namespaces));
    Plan plan{.namespaces = std::move(namespaces), .losses = {}, .kept = 0};
    for (const auto& [edge, seen] : edges) {
        if (edge.verdict == BH_VERDICT_DENY || edge.destination.kind != flow::Kind::kPod) continue;
        if (!std::ranges::binary_search(plan.namespaces, edge.destination.ns)) continue;
        const auto answer = supposed.judge(edge, now);
        if (answer.reason && !answer.refuses())
            ++plan.kept;
        else
            plan.losses.push_back({.edge = edge, .seen = seen, .answer = answer});
    }
    return plan;
}

} // namespace bulkhead::advise
