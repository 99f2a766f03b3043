// SPDX-License-Identifier: Apache-2.0
#include "observe/edge_views.h"

#include <utility>

#include "advise/advice.h"
#include "advise/check.h"
#include "base/reasons.h"
#include "flow/edge_json.h"
#include "observe/views.h"

namespace bulkhead::observe {

namespace {

void add_labels(Json& side, const flow::Party& party, const std::map<flow::Party, state::Labels>& labels) {
    const auto found = labels.find(party);
    if (found != labels.end() && !found->second.empty()) side["labels"] = found->second;
}

/// What is as it is unless somebody says so is left out.
void add_doors(Json& destination, const flow::EdgeKey& edge, const flow::Sighting& seen, const DoorsByTenant& tenants) {
    const auto found = tenants.find(seen.destination_tenant);
    if (found == tenants.end() || edge.destination.kind != flow::Kind::kPod) return;
    const auto& doors = found->second;
    if (!doors.access_grants) destination["accessGrants"] = false;
    if (!doors.pod_expose) destination["podExpose"] = false;
    if (doors.sealed) destination["sealed"] = true;
}

} // namespace

DoorsByTenant doors_of_tenants(const state::Cluster& cluster) {
    DoorsByTenant doors;
    for (const auto& [name, tenant] : cluster.tenants())
        if (!tenant.access_grants || !tenant.pod_expose || tenant.sealed)
            doors[name] = {
                .access_grants = tenant.access_grants, .pod_expose = tenant.pod_expose, .sealed = tenant.sealed};
    return doors;
}

std::map<flow::Party, state::Labels> labels_of_workloads(const state::Cluster& cluster) {
    std::map<flow::Party, state::Labels> whole, some; // of pods on other nodes only some labels are told
    for (const auto& [key, pod] : cluster.pods()) {
        const auto& workload = pod.common->workload;
        if (workload.name.empty()) continue;
        const flow::Party party{.kind = flow::Kind::kPod,
                                .ns = pod.ns,
                                .workload = flow::text_of(flow::Workload{workload.kind, workload.name}),
                                .name = {}};
        auto& labels = pod.common->known_labels ? some : whole;
        const auto [known, is_first] = labels.try_emplace(party, pod.common->labels);
        if (!is_first) advise::keep_common(known->second, pod.common->labels);
    }
    whole.merge(some);
    return whole;
}

Json edges_view(const flow::Edges::Rows& edges, const EdgeFacts& facts) {
    Json json{{"edges", Json::array()}, {"limit", facts.limit}, {"refused", facts.refused}, {"node", facts.node}};
    for (const auto& [edge, seen] : edges) {
        Json row = flow::to_json(edge, seen);
        add_labels(row["source"], edge.source, facts.labels);
        add_labels(row["destination"], edge.destination, facts.labels);
        add_doors(row["destination"], edge, seen, facts.doors);
        json["edges"].push_back(std::move(row));
    }
    return json;
}

namespace {

Json losses_view(const std::vector<advise::Loss>& losses, const DoorsByTenant& doors) {
    Json rows = Json::array();
    for (const auto& loss : losses) {
        Json row = flow::to_json(loss.edge, loss.seen);
        add_doors(row["destination"], loss.edge, loss.seen, doors);
        if (loss.answer.reason) row["would"] = label_of(*loss.answer.reason);
        if (loss.answer.differs) row["someWouldPass"] = true;
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace

Result<Json> plan_view(const flow::Edges::Rows& edges, Grounds grounds, const std::string& who) {
    auto namespaces = advise::namespaces_of(who, grounds.cluster, grounds.settings);
    if (!namespaces) return tl::unexpected(namespaces.error());
    const auto doors = doors_of_tenants(grounds.cluster);
    const auto plan =
        advise::plan(edges, std::move(*namespaces), std::move(grounds.cluster), grounds.settings, grounds.now);
    return Json{{"namespaces", plan.namespaces}, {"kept", plan.kept}, {"losses", losses_view(plan.losses, doors)}};
}

Json check_view(const flow::Edges::Rows& edges, Grounds grounds, std::vector<state::Object> changes,
                const std::vector<state::Problem>& problems) {
    const advise::Supposition supposed(std::move(grounds.cluster), grounds.settings, std::move(changes));
    const auto losses = advise::check(edges, supposed, grounds.now);
    return Json{{"edges", losses_view(losses, doors_of_tenants(supposed.cluster()))},
                {"problems", problems_view(problems)},
                {"refused", grounds.refused}};
}

} // namespace bulkhead::observe
