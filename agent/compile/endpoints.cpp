// SPDX-License-Identifier: Apache-2.0
#include "compile/endpoints.h"

#include <algorithm>
#include <iterator>

#include "compile/local.h"
#include "compile/strictest.h"

namespace bulkhead::compile {

namespace {

constexpr auto kDisputed = ", as old as it: until one of them is gone the address is nobody's";
constexpr auto kOneTenants = ", as old as it: until one of them is gone the address may only what both may";

bool is_rival(const Claims::Entry& a, const Claims::Entry& b) {
    return &a != &b && !a.second.is_node && a.second.age() == b.second.age();
}

void touch(const state::LocalPod& pod, std::set<Address>& addresses, std::set<state::PodKey>& pods) {
    addresses.insert(pod.addresses.begin(), pod.addresses.end());
    if (!pod.pod.empty()) pods.insert(pod.pod);
}

std::string name_of_service(const std::set<std::string>& names) {
    return "service " + *names.begin();
}

/// A pod that is its node there, if no other claims it; nullptr if there is none.
const Claims::Entry* on_host_at(const Claims& claims, const Address& address) {
    const auto* claimants = claims.of(address);
    if (claimants == nullptr) return nullptr;
    return claimants->first_that([](const Claims::Entry& entry) { return entry.second.is_node; });
}

/// A slice's field where one tells of it.
state::Problem conflict(const state::Cluster& cluster, const Address& address, const state::PodKey& loser,
                        const std::string& winner) {
    using Nature = state::Problem::Nature;
    const auto text = " is also " + winner;
    const auto found = cluster.pods().find(loser);
    if (found == cluster.pods().end())
        return {"", "Pod " + loser, "status.podIPs", address.text() + text, Nature::kConflict};
    const auto& pod = found->second;
    if (pod.slice.empty())
        return {pod.origin.text(), "Pod " + loser, "status.podIPs", address.text() + text, Nature::kConflict};
    return {pod.origin.text(), "IdentitySlice " + pod.slice.str(), "spec.endpoints",
            address.text() + " of Pod " + loser + " on node " + pod.node.str() + text, Nature::kConflict};
}

/// A Service's name is only of use where nobody has a better one.
std::string name_of_external(const Address& address, const Identity& identity, const state::Cluster& cluster) {
    const auto service = cluster.external_ips().find(address);
    const bool named = (identity.traits.flags & BH_RESOURCE) != 0 || service == cluster.external_ips().end();
    return named ? identity.traits.what : name_of_service(service->second);
}

} // namespace

void Endpoints::set_local(const state::Cluster& cluster, std::set<Address>& touched, std::set<state::PodKey>& pods) {
    std::set_symmetric_difference(own_addresses_.begin(), own_addresses_.end(), cluster.own_addresses().begin(),
                                  cluster.own_addresses().end(), std::inserter(touched, touched.end()));
    own_addresses_ = cluster.own_addresses();
    const auto touch_missing = [&](const auto& from, const auto& in) {
        for (const auto& [slot, pod] : from)
            if (const auto other = in.find(slot); other == in.end() || other->second != pod) touch(pod, touched, pods);
    };
    touch_missing(local_pods_, cluster.local_pods());
    touch_missing(cluster.local_pods(), local_pods_);
    local_pods_ = cluster.local_pods();
    slots_by_address_.clear();
    slots_by_pod_.clear();
    for (const auto& [slot, pod] : local_pods_) {
        for (const auto& address : pod.addresses)
            slots_by_address_[address].insert(slot);
        if (!pod.pod.empty()) slots_by_pod_[pod.pod].push_back(slot);
    }
}

const std::vector<uint16_t>* Endpoints::slots_of(const state::PodKey& key) const {
    const auto found = slots_by_pod_.find(key);
    return found == slots_by_pod_.end() ? nullptr : &found->second;
}

bool Endpoints::is_this_node(const Address& address) const {
    return own_addresses_.contains(address) || probe_addresses_.contains(address);
}

const Identity& Endpoints::identity_of(const state::LocalPod& pod) const {
    const auto* record = claims.find(pod.pod);
    if (!record || !record->identity || record->is_node) return *fixed.held;
    return *record->identity;
}

const Identity& Endpoints::node_identity(const Address& address, const Policy& policy) const {
    return *fixed.nodes.at(policy.role_of(address));
}

std::optional<Owner> Endpoints::owner_of(const Address& address, const Policy& policy) const {
    if (const auto local = slots_by_address_.find(address); local != slots_by_address_.end()) {
        const auto slot = *local->second.begin();
        const auto& pod = local_pods_.at(slot);
        return Owner{&identity_of(pod), slot, 0, name_of(pod)};
    }
    if (is_this_node(address)) return Owner{&node_identity(address, policy), 0, BH_ENDPOINT_THIS_NODE, "this node"};
    if (const auto* pod = pod_at(address, policy)) {
        if (auto disputed = disputed_at(*pod, address, policy)) return disputed;
        return Owner{pod->second.identity_at(address), 0, 0, pod->first};
    }
    if (const auto node = policy.nodes.find(address); node != policy.nodes.end())
        return Owner{&node_identity(address, policy), 0, 0, node->second};
    if (const auto* host = on_host_at(claims, address))
        return Owner{&node_identity(address, policy), 0, 0, host->first};
    if (const auto external = fixed.externals.find(address); external != fixed.externals.end())
        return Owner{external->second, 0, 0, name_of_external(address, *external->second, policy.cluster)};
    if (const auto service = policy.cluster.cluster_ips().find(address); service != policy.cluster.cluster_ips().end())
        return Owner{fixed.service, 0, 0, name_of_service(service->second)};
    return std::nullopt;
}

std::optional<std::string> Endpoints::owner_against(const Claims::Entry& claim, const Address& address,
                                                    const Policy& policy) const {
    if (!claim.second.from_slice) return std::nullopt;
    if (const auto found = policy.reserved.find(address); found != policy.reserved.end()) {
        const auto& reserved = found->second;
        if (reserved.pods.contains(claim.first)) return std::nullopt;
        const auto pod = policy.cluster.pods().find(claim.first);
        const bool is_its_node =
            !reserved.node.empty() && pod != policy.cluster.pods().end() && pod->second.node == reserved.node;
        if (!is_its_node) return reserved.owner;
    }
    if (const auto service = policy.cluster.cluster_ips().find(address); service != policy.cluster.cluster_ips().end())
        return name_of_service(service->second);
    return std::nullopt;
}

/// The first whose claim may be right.
const Claims::Entry* Endpoints::pod_at(const Address& address, const Policy& policy) const {
    const auto* claimants = claims.of(address);
    if (claimants == nullptr) return nullptr;
    return claimants->first_that(
        [&](const Claims::Entry& entry) { return !entry.second.is_node && !owner_against(entry, address, policy); });
}

/// Believable pods of that one's age whom rules tell from it.
Endpoints::Entries Endpoints::rivals_of(const Claims::Entry& first, const Address& address,
                                        const Policy& policy) const {
    Entries rivals;
    claims.of(address)->first_that([&](const Claims::Entry& entry) {
        const bool is_other = entry.second.identity_at(address) != first.second.identity_at(address);
        if (is_other && is_rival(entry, first) && !owner_against(entry, address, policy)) rivals.push_back(&entry);
        return false;
    });
    return rivals;
}

/// Of several pods of one age nobody knows who has it. That matters if rules tell them apart.
std::optional<Owner> Endpoints::disputed_at(const Claims::Entry& first, const Address& address,
                                            const Policy& policy) const {
    const auto rivals = rivals_of(first, address, policy);
    if (rivals.empty()) return std::nullopt;
    const auto is_enforced = [&](const Claims::Entry* entry) {
        return (entry->second.identity_at(address)->traits.flags & (BH_PROTECTED | BH_AUDIT)) == BH_PROTECTED;
    };
    auto names = first.first;
    for (const auto* rival : rivals)
        names += " or " + rival->first;
    if (const auto common = in_common.find(address); common != in_common.end())
        return Owner{common->second, 0, 0, std::move(names)};
    const bool is_protected = is_enforced(&first) || std::ranges::any_of(rivals, is_enforced);
    return Owner{is_protected ? fixed.held : fixed.disputed, 0, 0, std::move(names)};
}

std::optional<Traits> Endpoints::in_common_at(const Address& address, const Policy& policy) const {
    const auto* claimants = claims.of(address);
    if (claimants == nullptr || claimants->rival() == nullptr) return std::nullopt;
    const auto* first = pod_at(address, policy);
    if (first == nullptr) return std::nullopt;
    auto pods = rivals_of(*first, address, policy);
    if (pods.empty()) return std::nullopt;
    pods.push_back(first);
    std::vector<const Traits*> all;
    for (const auto* pod : pods)
        all.push_back(&pod->second.identity_at(address)->traits);
    return strictest_of(all);
}

std::optional<state::Age> Endpoints::claimed(const Address& address, const state::PodKey& besides) const {
    const auto* claimants = claims.of(address);
    const auto* youngest = claimants == nullptr ? nullptr : claimants->first_that([&](const Claims::Entry& entry) {
        return !entry.second.is_node && entry.first != besides;
    });
    if (youngest == nullptr) return std::nullopt;
    return youngest->second.age();
}

std::optional<state::Problem> Endpoints::conflict_at(const Address& address, const Policy& policy) const {
    const auto report = [&](const state::PodKey& loser, const std::string& winner,
                            const std::string& outcome = ", which keeps it") {
        return conflict(policy.cluster, address, loser, winner + "'s" + outcome);
    };
    const auto* claimants = claims.of(address);
    const auto* claimant = claimants && !claimants->winner()->second.is_node ? claimants->winner() : nullptr;
    if (const auto local = slots_by_address_.find(address); local != slots_by_address_.end()) {
        const auto& owner = local_pods_.at(*local->second.begin());
        if (local->second.size() > 1)
            return report(name_of(local_pods_.at(*local->second.rbegin())), "Pod " + name_of(owner));
        if (claimant && claimant->first != owner.pod) return report(claimant->first, "Pod " + name_of(owner));
        return std::nullopt;
    }
    if (!claimant) return std::nullopt;
    if (is_this_node(address)) return report(claimant->first, "this node");
    std::optional<std::string> owner;
    const auto* refused = claimants->first_that(
        [&](const Claims::Entry& entry) { return (owner = owner_against(entry, address, policy)).has_value(); });
    if (refused) return report(refused->first, *owner);
    if (const auto* rival = claimants->rival()) {
        const auto winner = "Pod " + claimant->first;
        if (!disputed_at(*claimant, address, policy)) return report(rival->first, winner);
        return report(rival->first, winner, in_common.contains(address) ? kOneTenants : kDisputed);
    }
    return std::nullopt;
}

} // namespace bulkhead::compile
