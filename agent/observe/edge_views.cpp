// SPDX-License-Identifier: Apache-2.0
#include "observe/edge_views.h"

#include "advise/advice.h"
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

Json edges_view(const flow::Edges& edges, size_t limit, const state::Cluster& cluster) {
    const auto labels = labels_of_workloads(cluster);
    Json json{{"edges", Json::array()}, {"limit", limit}, {"refused", edges.refused()}};
    for (const auto& [edge, seen] : edges.rows()) {
        Json row = flow::to_json(edge, seen);
        add_labels(row["source"], edge.source, labels);
        add_labels(row["destination"], edge.destination, labels);
        json["edges"].push_back(std::move(row));
    }
    return json;
}

namespace {

Json loss_view(const advise::Loss& loss) {
    Json row = flow::to_json(loss.edge, loss.seen);
    if (loss.answer.reason) row["would"] = label_of(*loss.answer.reason);
    if (loss.answer.differs) row["someWouldPass"] = true;
    return row;
}

} // namespace

Json check_view(const std::vector<advise::Loss>& edges, const std::vector<state::Problem>& problems) {
    Json json{{"edges", Json::array()}, {"problems", problems_view(problems)}};
    for (const auto& edge : edges)
        json["edges"].push_back(loss_view(edge));
    return json;
}

Json plan_view(const advise::Plan& plan) {
    Json json{{"namespaces", plan.namespaces}, {"kept", plan.kept}, {"losses", Json::array()}};
    for (const auto& loss : plan.losses)
        json["losses"].push_back(loss_view(loss));
    return json;
}

} // namespace bulkhead::observe
