// SPDX-License-Identifier: Apache-2.0
#include "publish/succession.h"

#include <algorithm>
#include <limits>

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
    std::erase_if(addresses, [](const Address& address) { return address.is_link_local(); });
    return addresses;
}

} // namespace

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
        if (pod == cluster.pods().end()) continue; // isn't told to anybody
        auto& holder = holders_[local.generation];
        holder.pod = local.pod;
        for (const auto& address : there[local.generation])
            if (!holder.addresses.contains(address)) take(holder, address, claim);
        holder.addresses = std::move(there[local.generation]);
        holder.age = std::max(pod->second.age(), holder.heir.value_or(state::Age{}));
    }
}

void Succession::let_go(const Holder& holder, const std::set<Address>& kept) {
    for (const auto& address : holder.addresses)
        if (!kept.contains(address)) former_[address] = {holder.pod, holder.age};
}

void Succession::take(Holder& holder, const Address& address, const Claim& claim) {
    std::optional<state::Age> other = claim(address, holder.pod);
    // Under its own name a pod only replaces itself.
    if (const auto former = former_.find(address); former != former_.end() && former->second.pod != holder.pod)
        other = std::max(other, std::optional(former->second.age));
    if (other) holder.heir = std::max(holder.heir, std::optional(after(*other)));
}

std::optional<state::Age> Succession::of(const state::LocalPod& local) const {
    const auto found = holders_.find(local.generation);
    return found == holders_.end() ? std::nullopt : found->second.heir;
}

} // namespace bulkhead::publish
