// SPDX-License-Identifier: Apache-2.0
#include "publish/succession.h"

#include <algorithm>

namespace bulkhead::publish {

namespace {

/// Its next one's. At the end of the numbers they are alike, and nobody's.
state::Age after(state::Age age) {
    if (age.turn < state::kLastTurn) ++age.turn;
    return age;
}

/// By what other nodes may know it.
std::set<Address> told_addresses(const state::LocalPod& local) {
    std::set<Address> addresses(local.addresses.begin(), local.addresses.end());
    std::erase_if(addresses, [](const Address& address) { return address.is_node_local(); });
    return addresses;
}

} // namespace

std::optional<state::Time> since_of(const state::Pod& pod, const state::LocalPod& local) {
    const auto known = pod.dated();
    const bool is_late = known && local.addressed && *local.addressed > *known + state::kMuchLater;
    return is_late ? local.addressed : pod.since;
}

state::Age own_age(const state::Pod& pod, const state::LocalPod& local) {
    return {std::max(pod.created, since_of(pod, local)), 0};
}

void Succession::update(const state::Cluster& cluster, const Claim& claim) {
    std::map<uint32_t, std::set<Address>> there;
    for (const auto& [slot, local] : cluster.local_pods())
        there[local.generation] = told_addresses(local);
    for (auto& [generation, holder] : holders_) {
        const auto now = there.find(generation);
        let_go(holder, now == there.end() ? std::set<Address>{} : now->second);
    }
    std::erase_if(holders_, [&](const auto& entry) { return !there.contains(entry.first); });
    for (const auto& [slot, local] : cluster.local_pods()) {
        const auto pod = cluster.pods().find(local.pod);
        if (pod == cluster.pods().end()) { // isn't told to anybody
            holders_.erase(local.generation);
            continue;
        }
        auto& holder = holders_[local.generation];
        holder.pod = local.pod;
        for (const auto& address : there[local.generation])
            if (!holder.addresses.contains(address)) take(holder, address, claim);
        holder.addresses = std::move(there[local.generation]);
        holder.age = std::max(own_age(pod->second, local), holder.heir.value_or(state::Age{}));
    }
}

void Succession::let_go(const Holder& holder, const std::set<Address>& kept) {
    for (const auto& address : holder.addresses)
        if (!kept.contains(address)) remember(address, holder.pod, holder.age);
}

void Succession::remember(const Address& address, const state::PodKey& pod, const state::Age& age) {
    if (former_.size() >= kMostFormer && !former_.contains(address)) {
        for (const auto& [other, former] : former_)
            youngest_ = std::max(youngest_, std::optional(former.age));
        former_.clear();
    }
    former_[address] = {pod, age};
}

void Succession::forget_former() {
    former_.clear();
    youngest_.reset();
}

void Succession::take(Holder& holder, const Address& address, const Claim& claim) {
    if (const auto other = claim(address, holder.pod))
        holder.heir = std::max(holder.heir, std::optional(after(*other)));
    if (youngest_) holder.heir = std::max(holder.heir, std::optional(after(*youngest_)));
    const auto former = former_.find(address);
    if (former == former_.end()) return;
    // Under its own name a pod only replaces itself: it is whose heir that one was.
    const auto& [pod, age] = former->second;
    holder.heir = std::max(holder.heir, std::optional(pod == holder.pod ? age : after(age)));
}

std::optional<state::Age> Succession::of(const state::LocalPod& local) const {
    const auto found = holders_.find(local.generation);
    return found == holders_.end() ? std::nullopt : found->second.heir;
}

} // namespace bulkhead::publish
