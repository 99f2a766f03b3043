// SPDX-License-Identifier: Apache-2.0
#include "compile/interest.h"

#include <algorithm>

#include "compile/policy.h"

namespace bulkhead::compile {

namespace {

/// A pod is bound to its node before netlink knows it.
std::set<std::string> namespaces_at(const state::Cluster& cluster, const std::string& node) {
    std::set<std::string> here;
    for (const auto& [key, pod] : cluster.pods())
        if (pod.node == node) here.insert(pod.ns);
    for (const auto& [slot, local] : cluster.local_pods())
        here.insert(local.pod.substr(0, local.pod.find('/')));
    return here;
}

class Collector {
public:
    Collector(const state::Cluster& cluster, const Policy& policy, const std::string& node)
        : cluster_(cluster), policy_(policy), namespaces_(namespaces_at(cluster, node)) {
        for (const auto& ns : namespaces_)
            add_namespace(ns);
        tenants_here_ = interest_.tenants;
    }

    Interest collect() && {
        for (const auto& rule : policy_.rules.list)
            add(rule);
        for (const auto& [key, slice] : cluster_.endpoint_slices())
            if (!slice.pods.empty()) add_namespace(slice.meta.ns);
        for (const auto& [name, resource] : cluster_.resources())
            if (has_network(resource)) widen("AWSResource " + name + " has a CIDR, which any pod's address may be in");
        return std::move(interest_);
    }

private:
    /// Exposes and open ports let in whoever comes.
    void add(const Rule& rule) {
        switch (rule.line) {
        case BH_REASON_TRUSTED:
            return add(rule, rule.src);
        case BH_REASON_GRANTED:
            if (is_here(rule.dst)) add(rule, rule.src);
            return;
        case BH_REASON_CONFINED:
            if (is_here(rule.src)) add(rule, rule.dst);
            return;
        default:
            return;
        }
    }

    bool is_here(const Side& side) const {
        return std::ranges::any_of(side.pods, [this](const PodScope& scope) {
            return scope.all || tenants_here_.contains(scope.tenant) || namespaces_.contains(scope.ns);
        });
    }

    void add(const Rule& rule, const Side& others) {
        for (const auto& scope : others.pods) {
            if (!scope.tenant.empty()) interest_.tenants.insert(scope.tenant);
            if (!scope.ns.empty()) add_namespace(scope.ns);
        }
        if (!others.cidrs.empty()) widen(rule.text + " names a CIDR");
        if (others.world) widen(rule.text + " names the world");
    }

    void add_namespace(const std::string& ns) {
        const auto* member = policy_.tenancy.find(ns);
        if (member != nullptr && !member->tenant.empty()) interest_.tenants.insert(member->tenant);
    }

    void widen(std::string why) {
        if (interest_.in_all.empty()) interest_.in_all = std::move(why);
    }

    const state::Cluster& cluster_;
    const Policy& policy_;
    std::set<std::string> namespaces_; // of pods on this node
    std::set<std::string> tenants_here_;
    Interest interest_;
};

} // namespace

Interest interest_of(const state::Cluster& cluster, const Policy& policy, const std::string& node) {
    return Collector(cluster, policy, node).collect();
}

Interest interest_of(const state::Cluster& cluster, const Settings& settings) {
    return interest_of(cluster, Policy(cluster, settings), settings.node_name);
}

} // namespace bulkhead::compile
