// SPDX-License-Identifier: Apache-2.0
//
// What the controller watches beside the cluster state, and what of it counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/json.h"
#include "controller/kept.h"
#include "source/kube/kube_source.h"
#include "state/cluster.h"
#include "state/not_guarded.h"
#include "state/objects.h"

namespace bulkhead::controller {

/// On a node that was just started: it takes pods once its agent guards them.
inline constexpr std::string_view kStartTaint = "bulkhead.dev/agent-not-ready";

/// A pod of the agents' DaemonSet.
struct AgentPod {
    std::string node;
    bool running = false;                 // its container
    bool ready = false;                   // as the kubelet's probe has it
    std::optional<state::Time> started{}; // the container that runs; nothing = nobody said
    bool operator==(const AgentPod&) const = default;
};

struct NodeFacts {
    std::string instance{}; // of EC2: "i-0123456789abcdef0"; empty = it is none
    bool silent = false;    // its kubelet isn't heard of
    bool tainted = false;   // bulkhead.dev/agent-not-ready
    // Of a tainted one:
    Json other_taints = Json::array();
    std::string version{};                // of the object
    std::optional<state::Time> created{}; // the object, and so when this machine came
    bool operator==(const NodeFacts&) const = default;
};

/// A Tenant, AccessGrant, AWSResource or Override, as far as its status goes.
struct Reported {
    std::string uid;
    int64_t generation = 0;
    Json status;
    bool operator==(const Reported&) const = default;
};

/// Whom the API server calls.
struct Callee {
    std::string ns;
    std::string service;
    uint16_t port = 443;
    auto operator<=>(const Callee&) const = default;
};
using Callees = std::vector<Callee>;

struct ServicePort {
    std::string name{};
    uint16_t port = 0;
    uint16_t target = 0; // 0: by name
    std::string target_name{};
    std::string protocol = "TCP";
    bool operator==(const ServicePort&) const = default;
};

struct ServiceFacts {
    state::Labels selector; // empty = somebody else keeps its endpoints
    std::vector<ServicePort> ports;
    bool keeps_source = false; // its NodePorts do: externalTrafficPolicy Local
    bool operator==(const ServiceFacts&) const = default;
};

struct NotGuardedPod {
    std::string ns;
    std::string pod;
    state::NotGuarded why;
    bool operator==(const NotGuardedPod&) const = default;
};

/// Told to a node alone, by bulkheadctl there.
struct NodeOverride {
    std::string tenant; // empty = everybody
    state::Time until;
    std::string reason;
    bool operator==(const NodeOverride&) const = default;
};

struct SliceFacts {
    std::string node; // empty = of no node
    std::string spec; // as text
    std::string version{};
    std::vector<NotGuardedPod> not_guarded{};
    std::vector<NodeOverride> overrides{};
    std::string resource{}; // of no node, but of this AWSResource, whose these are:
    std::vector<Cidr> addresses{};
    state::OwnerTags owner{};           // of them all
    std::optional<state::Time> found{}; // when these had been
    bool operator==(const SliceFacts&) const = default;
};

class Observed {
public:
    /// Of the agents in namespace `ns`.
    std::vector<source::kube::Tap> taps(const std::string& ns);

    /// Any of them, since the last call.
    bool take_changed();

    /// What the agents say that they can't guard, of their own nodes' pods only.
    void add_not_guarded(const state::Cluster& cluster, std::vector<state::Problem>& problems) const;

    /// What the agents say that their nodes were told to let pass, and that isn't over at `now`: a problem of that
    /// Node.
    void add_overrides(const state::Cluster& cluster, state::Time now, std::vector<state::Problem>& problems) const;

    /// Nothing: there is no such object, or its kind has no status of ours.
    const Reported* reported(const state::ObjectKey& key) const;

    Kept<AgentPod> agents;
    Kept<NodeFacts> nodes;
    Kept<Reported> tenants;
    Kept<Reported> access_grants;
    Kept<Reported> resources;
    Kept<Reported> overrides;
    Kept<SliceFacts> slices;
    Kept<ServiceFacts> services;
    Kept<Callees> validating_webhooks;
    Kept<Callees> mutating_webhooks;
    Kept<Callees> api_services;
    Kept<Callees> conversions;

    Observed();
};

} // namespace bulkhead::controller
