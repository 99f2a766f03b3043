// SPDX-License-Identifier: Apache-2.0
//
// Which rules name which endpoints: from a pod's namespace and template, or from what covers an
// address, to the traits that make its identity. Rules are found by tenant, namespace, resource or
// CIDR, so that a pod costs the rules that may concern it and not all of them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "compile/identities.h"
#include "compile/parts.h"
#include "compile/problems.h"
#include "compile/tenancy.h"

namespace bulkhead::compile {

/// What an address is besides whose it is.
struct Role {
    bool cluster_dns = false;
    bool kube_apiserver = false;
    bool infra = false; // a confined pod may always reach it
    auto operator<=>(const Role&) const = default;
};

/// A rule that names something, and on which side of it that something then is.
struct Mention {
    RuleId rule = 0;
    bool as_destination = false;
    auto operator<=>(const Mention&) const = default;
};

using Mentions = std::vector<Mention>;

/// What is known of an address that is neither a pod's nor a node's.
struct External {
    const Part* owner = nullptr;         // the most specific one
    std::vector<const Part*> covering{}; // all of them
    Mentions cidrs{};                    // by all CIDR peers that cover it
    Role role{};
    bool in_network = false; // which the owner says is his, but not this very address
    bool is_service = false; // external address of a Service
};

class Selectors {
public:
    /// Keeps the first two; they must outlive it. Unless `all_pods_known`, who has no address of his own may be a pod:
    /// he may nothing for being in a network, but a network's protection holds.
    Selectors(const Rules& rules, const Tenancy& tenancy, state::Mode default_mode, bool all_pods_known);

    Traits pod(const Membership& member, const state::PodTemplate& pod, Role role) const;
    Traits node(Role role) const;
    Traits external(const External& external) const;
    Traits world() const;
    Traits held() const;
    Traits service() const;
    Traits disputed() const;              // one of several pods, nobody knows which
    Traits no_room(uint32_t flags) const; // stands in for what has these flags and doesn't fit

    /// The stricter of the resource's own and its tenant's.
    state::Mode mode_of(const Part& part) const;

    Sources sources_of(const Part& part) const;

    /// About the annotation of a pod; nullptr = its namespace is not known.
    std::vector<PodComplaint> complaints(const Membership* member, const state::PodTemplate& pod) const;

    const std::vector<std::pair<Cidr, Mention>>& cidrs() const { return cidrs_; }

private:
    struct ScopeMention {
        const PodScope* scope;
        Mention mention;
    };
    using Scopes = std::vector<ScopeMention>;

    void index(const Side& side, Mention mention);
    void index_outside(const Side& side, Mention mention);
    void match(const Scopes& scopes, const Membership& member, const state::PodTemplate& pod, Mentions& out) const;
    void add_role(Role role, Mentions& out) const;
    void append_of_owner(const Part& owner, bool may_be_pods, Mentions& out) const;
    void apply(Mentions mentions, const ContainerPorts& container_ports, Traits& traits) const;

    const Rules& rules_;
    const Tenancy& tenancy_;
    state::Mode default_mode_;
    bool all_pods_known_;
    std::unordered_map<std::string, Scopes> by_tenant_;
    std::unordered_map<std::string, Scopes> by_namespace_;
    Scopes everywhere_;
    std::unordered_map<std::string, Mentions> by_resource_;
    std::unordered_map<std::string, Mentions> by_owner_;
    std::vector<std::pair<Cidr, Mention>> cidrs_;
    Mentions world_;
    Mentions cluster_dns_;
    Mentions kube_apiserver_;
};

} // namespace bulkhead::compile
