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

} // namespace

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
        json["edges"].push_back(std::move(row));
    }
    return json;
}

namespace {

Json losses_view(const std::vector<advise::Loss>& losses) {
    Json rows = Json::array();
    for (const auto& loss : losses) {
        Json row = flow::to_json(loss.edge, loss.seen);
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
    const auto plan =
        advise::plan(edges, std::move(*namespaces), std::move(grounds.cluster), grounds.settings, grounds.now);
    return Json{{"namespaces", plan.namespaces}, {"kept", plan.kept}, {"losses", losses_view(plan.losses)}};
}

Json check_view(const flow::Edges::Rows& edges, Grounds grounds, std::vector<state::Object> changes,
                const std::vector<state::Problem>& problems) {
    const advise::Supposition supposed(std::move(grounds.cluster), grounds.settings, std::move(changes));
    const auto losses = advise::check(edges, supposed, grounds.now);
    return Json{{"edges", losses_view(losses)}, {"problems", problems_view(problems)}};
}

} // namespace bulkhead::observe
