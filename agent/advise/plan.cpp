// SPDX-License-Identifier: Apache-2.0
#include "advise/plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/near_names.h"
#include "compile/tenancy.h"

namespace bulkhead::advise {

namespace {

/// By namespace.
std::map<std::string, std::string> tenants_by_namespace(const state::Cluster& cluster,
                                                        const compile::Settings& settings) {
    std::vector<state::Problem> problems; // are told elsewhere
    compile::SourcesByOwner sources;
    const compile::Tenancy tenancy(cluster, settings, problems, sources);
    std::map<std::string, std::string> tenants;
    for (const auto& [name, member] : tenancy.memberships())
        tenants[name] = member.tenant;
    return tenants;
}

} // namespace

std::set<std::string> tenants_of(const state::Cluster& cluster, const compile::Settings& settings) {
    std::set<std::string> names;
    for (const auto& [ns, tenant] : tenants_by_namespace(cluster, settings))
        names.insert(tenant);
    for (const auto& [name, tenant] : cluster.tenants())
        names.insert(name);
    for (const auto& [name, resource] : cluster.resources())
        if (!resource.tenant.empty()) names.insert(resource.tenant);
    return names;
}

Result<std::vector<std::string>> namespaces_of(const std::string& who, const state::Cluster& cluster,
                                               const compile::Settings& settings) {
    if (cluster.namespaces().contains(who)) return std::vector{who};
    std::vector<std::string> names;
    for (const auto& [ns, tenant] : tenants_by_namespace(cluster, settings))
        if (tenant == who) names.push_back(ns);
    if (!names.empty()) return names;
    auto known = tenants_of(cluster, settings);
    if (known.contains(who))
        return fail("tenant \"" + who + "\" has no namespace, so that there are no pods to protect");
    for (const auto& [name, ns] : cluster.namespaces())
        known.insert(name);
    return fail("neither a namespace nor a tenant \"" + who + "\" is known to this node" + suggestion(who, known));
}

Plan plan(const flow::Edges::Rows& edges, std::vector<std::string> namespaces, state::Cluster cluster,
          const compile::Settings& settings, state::Time now) {
    auto changes = protected_namespaces(cluster, namespaces);
    const Supposition supposed(std::move(cluster), settings, std::move(changes));
    Plan plan{.namespaces = std::move(namespaces), .losses = {}};
    for (const auto& [edge, seen] : edges) {
        if (edge.verdict == BH_VERDICT_DENY || edge.destination.kind != flow::Kind::kPod) continue;
        if (!std::ranges::binary_search(plan.namespaces, edge.destination.ns)) continue;
        const auto answer = supposed.judge(edge, now);
        // What a confinement in audit mode reports, its destination lets in: whoever is protected changes nothing of
        // it.
        if (answer.reason && (!answer.refuses() || answer.reason == BH_REASON_CONFINED_AUDIT))
            ++plan.kept;
        else
            plan.losses.push_back({.edge = edge, .seen = seen, .answer = answer, .why_untold = {}});
    }
    return plan;
}

} // namespace bulkhead::advise
