// SPDX-License-Identifier: Apache-2.0
//
// On which nodes an agent is at work. Where none is, nobody publishes the addresses of fresh pods, and nobody withdraws
// those of pods that went: their addresses would go on being theirs for all other nodes, whoever has them by then. So
// the controller speaks for such a node, from what the API server says of its pods, until an agent is back.
//
// An agent whose kubelet has fallen silent may be at work all the same, and then knows better: its pods' addresses from
// netlink, and pods that nobody else has heard of. So there nothing is written over; only pods that are no more are
// taken from what it said, as it would do it itself.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "controller/observed.h"

namespace bulkhead::controller {

/// A node that no agent's pod is bound to (Fargate, Windows) gets one within moments, or never. An agent that is
/// restarted is back within seconds; an address is given to another pod 30 s after it was freed at the earliest
/// (amazon-vpc-cni-k8s, "ipamd": cooling period).
struct Patience {
    std::chrono::milliseconds unbound{3'000};
    std::chrono::milliseconds absent{20'000};
};

class Coverage {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Coverage(const Patience& patience = {}) : patience_(patience) {}

    /// Call it whenever something changed, and at wakes_at().
    void update(const Kept<AgentPod>& agents, const Kept<NodeFacts>& nodes, Time now);

    /// Nodes to speak for.
    const std::set<std::string>& uncovered() const { return uncovered_; }
    /// Nodes whose agent ran when their kubelet was heard last.
    const std::set<std::string>& silent() const { return silent_; }
    /// Nodes whose agent guards its pods, and which still have the taint.
    const std::set<std::string>& ready_but_tainted() const { return ready_but_tainted_; }
    std::optional<Time> wakes_at() const { return wakes_at_; }

private:
    Patience patience_;
    std::map<std::string, Time> absent_since_; // by node
    std::set<std::string> uncovered_;
    std::set<std::string> silent_;
    std::set<std::string> ready_but_tainted_;
    std::optional<Time> wakes_at_;
};

} // namespace bulkhead::controller
