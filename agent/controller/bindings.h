// SPDX-License-Identifier: Apache-2.0
//
// TargetGroupBindings of the AWS Load Balancer Controller -> AccessGrants that open to the load balancer what it is
// there for, and nothing else:
//
//   whose pods   those that the Service selects which the binding names, in the binding's own namespace
//   to whom      what networking.ingress names: a CIDR as it is; a security group if an AWSResource stands for exactly
//                this group, which only the platform can say. None is made up for it: a tenant may write a binding, and
//                an AWSResource of addresses that are another one's would take those from it.
//   on which     ip: the ports that it names, else the Service's target port. instance: the target port, since
//                what it names are node ports there.
//
// What is behind nodes that put their own address in place of the source (externalTrafficPolicy: Cluster) isn't granted
// to anybody. Whatever is left out is a problem of the binding. Pure.
// (sigs.k8s.io/aws-load-balancer-controller, TargetGroupBinding v1beta1.)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compile/tenancy.h"
#include "controller/json.h"
#include "controller/observed.h"
#include "state/cluster.h"

namespace bulkhead::controller {

inline constexpr std::string_view kBindingApi = "elbv2.k8s.aws/v1beta1";
inline constexpr std::string_view kBindingKind = "TargetGroupBinding";

/// On AccessGrants that we made of bindings.
inline constexpr std::string_view kMadeOf = "bulkhead.dev/made-of";
inline constexpr std::string_view kMadeOfBinding = "target-group-binding";

/// As it says; of several, or of none, the first thing that is there counts.
struct BoundPeer {
    std::string cidr{};
    std::string group{}; // "sg-0123456789abcdef0"
    bool operator==(const BoundPeer&) const = default;
};

struct BoundPort {
    std::string protocol = "TCP";
    uint16_t number = 0; // 0: by name, or every port
    std::string name{};
    bool operator==(const BoundPort&) const = default;
};

struct BoundRule {
    std::vector<BoundPeer> from;
    std::vector<BoundPort> ports; // none: every port of TCP
    bool operator==(const BoundRule&) const = default;
};

struct Binding {
    std::string uid;
    std::string target_type; // "ip", "instance"; "alb" has no pods
    std::string service;
    uint16_t port = 0; // of the Service; 0: by name
    std::string port_name{};
    std::vector<BoundRule> ingress;
    bool operator==(const Binding&) const = default;
};

Binding read_binding(const source::Field& binding);

/// An AccessGrant that was made of a binding.
struct BoundGrant {
    std::string binding; // its uid
    std::string version;
    std::string spec; // as text
    bool operator==(const BoundGrant&) const = default;
};

BoundGrant read_bound_grant(const source::Field& grant);

/// What says whether a binding can be granted.
struct Surroundings {
    const Kept<ServiceFacts>& services;
    const state::Cluster& cluster; // its AWSResources
    const compile::Tenancy& tenancy;
};

/// Specs of the AccessGrants of the binding of that name ("shop/web"), by their names ("shop/tgb-0-web"). Adds to
/// `problems` what can't be granted.
std::map<std::string, Json> grants_of(const std::string& name, const Binding& binding, const Surroundings& surroundings,
                                      std::vector<state::Problem>& problems);

/// The object, to be written; `version` empty: it isn't there yet.
Json bound_grant(const std::string& grant, const Json& spec, const std::string& binding, const std::string& uid,
                 const std::string& version);

} // namespace bulkhead::controller
