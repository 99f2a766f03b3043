// SPDX-License-Identifier: Apache-2.0
//
// What the agent tells of who talked to whom, and of what that is judged by.
#include "agent.h"

#include "advise/plan.h"
#include "flow/time.h"
#include "observe/edge_views.h"
#include "observe/matrix.h"

#include <spdlog/spdlog.h>

namespace bulkhead {

namespace {

constexpr auto kSavePeriod = std::chrono::minutes(1);
constexpr size_t kPiece = 1000; // edges: 2 ms

} // namespace

/// Without the file the agent is one that enforces: no reason not to start.
Result<> Agent::keep_edges() {
    if (!options_.edges_file.empty())
        if (const auto kept = edges_.keep_in(options_.edges_file); !kept) spdlog::error("{}", kept.error().text);
    auto timer = loop_.timer([this] { edges_.save(flow::now()); });
    if (!timer) return tl::unexpected(timer.error());
    edges_timer_ = std::move(*timer);
    edges_timer_->arm_every(kSavePeriod);
    return {};
}

flow::Edges::Rows Agent::edges_after(const std::optional<flow::EdgeKey>& last) const {
    const auto& rows = edges_.edges().rows();
    flow::Edges::Rows piece;
    for (auto row = last ? rows.upper_bound(*last) : rows.begin(); row != rows.end() && piece.size() < kPiece; ++row)
        piece.insert(piece.end(), *row);
    return piece;
}

observe::EdgeFacts Agent::edge_facts() const {
    return {.node = options_.node_name,
            .limit = options_.edges.edges,
            .refused = edges_.edges().refused(),
            .labels = observe::labels_of_workloads(cluster_),
            .doors = observe::doors_of_tenants(cluster_)};
}

observe::Grounds Agent::grounds() const {
    return {.cluster = cluster_,
            .settings = options_.compile_settings(),
            .now = state::Cluster::machine_time(),
            .refused = edges_.edges().refused()};
}

observe::Json Agent::matrix() const {
    return observe::matrix_view(compiler_->desired(), edges_.edges().rows(), state::Cluster::machine_time());
}

std::set<std::string> Agent::known_tenants() const {
    return advise::tenants_of(cluster_, options_.compile_settings());
}

} // namespace bulkhead
