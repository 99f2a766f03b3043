// SPDX-License-Identifier: Apache-2.0
#include "controller/coverage.h"

#include <algorithm>

namespace bulkhead::controller {

namespace {

struct AgentsOfNode {
    bool running = false;
    std::optional<state::Time> ready_since; // the last start of one that runs and is ready
};

std::map<std::string, AgentsOfNode> by_node(const Kept<AgentPod>& agents) {
    std::map<std::string, AgentsOfNode> nodes;
    for (const auto& [name, pod] : agents.all()) {
        if (pod.node.empty()) continue;
        auto& node = nodes[pod.node];
        node.running |= pod.running;
        if (pod.running && pod.ready) node.ready_since = std::max(node.ready_since, pod.started);
    }
    return nodes;
}

/// By an agent that started on this machine. One of an older machine with the same name stays Ready as long as nobody
/// says otherwise: its kubelet is gone.
bool is_guarded(const NodeFacts& node, const AgentsOfNode& agent) {
    return !node.silent && agent.ready_since && node.created && *agent.ready_since >= *node.created;
}

} // namespace

void Coverage::update(const Kept<AgentPod>& agents, const Kept<NodeFacts>& nodes, Time now) {
    const auto bound = by_node(agents);
    uncovered_.clear();
    silent_.clear();
    ready_but_tainted_.clear();
    wakes_at_.reset();
    std::erase_if(absent_since_, [&](const auto& node) { return !nodes.all().contains(node.first); });
    for (const auto& [name, node] : nodes.all()) {
        const auto found = bound.find(name);
        const auto agent = found == bound.end() ? AgentsOfNode{} : found->second;
        if (node.tainted && is_guarded(node, agent)) ready_but_tainted_.insert(name);
        if (agent.running && !node.silent) {
            absent_since_.erase(name);
            continue;
        }
        const auto since = absent_since_.try_emplace(name, now).first->second;
        const auto due = since + (found == bound.end() ? patience_.unbound : patience_.absent);
        if (now >= due)
            (agent.running ? silent_ : uncovered_).insert(name);
        else
            wakes_at_ = std::min(wakes_at_.value_or(due), due);
    }
}

} // namespace bulkhead::controller
