// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/unwired.h"

namespace bulkhead::netlink {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

std::set<state::PodKey> with_address(const PodNames& names, const state::Cluster& cluster) {
    std::set<state::PodKey> pods;
    for (const auto& key : names.pods()) {
        const auto pod = cluster.pods().find(key);
        if (pod != cluster.pods().end() && !pod->second.finished && !pod->second.ips.empty()) pods.insert(key);
    }
    return pods;
}

} // namespace

bool Unwired::update(const PodNames& names, const state::Cluster& cluster, Time now) {
    auto pods = with_address(names, cluster);
    for (const auto& [slot, local] : cluster.local_pods())
        pods.erase(local.pod);
    std::erase_if(since_, [&](const auto& entry) { return !pods.contains(entry.first); });
    std::set<state::PodKey> lasting;
    for (const auto& key : pods)
        if (now - since_.try_emplace(key, now).first->second >= kPatience) lasting.insert(key);
    return std::exchange(pods_, std::move(lasting)) != pods_;
}

} // namespace bulkhead::netlink
