// SPDX-License-Identifier: Apache-2.0
//
// What the agent tells of who talked to whom, and of what would be.
#include "agent.h"

#include "advise/check.h"
#include "advise/plan.h"
#include "flow/time.h"
#include "observe/edge_views.h"
#include "observe/matrix.h"
#include "source/check.h"

#include <spdlog/spdlog.h>

namespace bulkhead {

namespace {

constexpr auto kSavePeriod = std::chrono::minutes(1);

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

observe::Json Agent::edges() const {
    auto view = observe::edges_view(edges_.edges(), options_.edges.edges, cluster_);
    view["node"] = options_.node_name;
    return view;
}

observe::Json Agent::matrix() const {
    return observe::matrix_view(compiler_->desired(), edges_.edges().rows(), state::Cluster::machine_time());
}

std::set<std::string> Agent::known_tenants() const {
    return advise::tenants_of(cluster_, options_.compile_settings());
}

Result<observe::Json> Agent::plan(const std::string& who) const {
    const auto settings = options_.compile_settings();
    auto namespaces = advise::namespaces_of(who, cluster_, settings);
    if (!namespaces) return tl::unexpected(namespaces.error());
    return observe::plan_view(advise::plan(edges_.edges().rows(), std::move(*namespaces), cluster_, settings,
                                           state::Cluster::machine_time()));
}

observe::Json Agent::check(const std::string& manifests) const {
    std::vector<state::Problem> problems;
    auto changes = source::read_text("the change", manifests, problems);
    const advise::Supposition supposed(cluster_, options_.compile_settings(), std::move(changes));
    return observe::check_view(advise::check(edges_.edges().rows(), supposed, state::Cluster::machine_time()),
                               problems);
}

} // namespace bulkhead
