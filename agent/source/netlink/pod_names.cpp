// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/pod_names.h"

#include <nettle/sha1.h>

#include <algorithm>
#include <array>

namespace bulkhead::netlink {

namespace {

constexpr size_t kSuffixLength = 11;
constexpr std::string_view kDigits = "0123456789abcdef";

std::string suffix_of(const state::PodKey& key, int nic) {
    const auto slash = std::min(key.find('/'), key.size());
    const std::string_view text(key);
    return veth_suffix(text.substr(0, slash), text.substr(std::min(slash + 1, key.size())), nic);
}

} // namespace

std::string veth_suffix(std::string_view ns, std::string_view pod, int nic) {
    std::string name = std::string(ns) + "." + std::string(pod);
    if (nic > 0) name += "." + std::to_string(nic);
    sha1_ctx context;
    sha1_init(&context);
    sha1_update(&context, name.size(), reinterpret_cast<const uint8_t*>(name.data()));
    std::array<uint8_t, SHA1_DIGEST_SIZE> digest{};
    sha1_digest(&context, digest.size(), digest.data());

    std::string hex;
    for (const uint8_t byte : digest) {
        hex += kDigits[byte >> 4];
        hex += kDigits[byte & 15];
    }
    return hex.substr(0, kSuffixLength);
}

bool is_veth_suffix(std::string_view text) {
    return text.size() == kSuffixLength && text.find_first_not_of(kDigits) == std::string_view::npos;
}

bool is_pods_name(std::string_view name, const std::vector<std::string>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
        return name.starts_with(prefix) && is_veth_suffix(name.substr(prefix.size()));
    });
}

bool PodNames::is_local(const state::Pod& pod) const {
    // Only a Pod object says what runs here: slices are other nodes' word. First what is cheapest to ask of many.
    return pod.slice.empty() && pod.node == node_name_ && !pod.common->host_network;
}

bool PodNames::learn(const state::Cluster& cluster, const state::Changes& changes) {
    std::set<state::PodKey> suspects = changes.pods;
    if (changes.many_pods) {
        suspects.insert(known_.begin(), known_.end());
        for (const auto& [key, pod] : cluster.pods())
            if (is_local(pod)) suspects.insert(key);
    }
    bool different = false;
    for (const auto& key : suspects)
        different |= learn_pod(cluster, key);
    return different;
}

bool PodNames::learn_pod(const state::Cluster& cluster, const state::PodKey& key) {
    const auto pod = cluster.pods().find(key);
    const bool local = pod != cluster.pods().end() && is_local(pod->second);
    if (local == known_.contains(key)) return false;
    if (local)
        add(key);
    else
        remove(key);
    return true;
}

void PodNames::add(const state::PodKey& key) {
    known_.insert(key);
    for (int nic = 0; nic < BH_POD_INTERFACES; ++nic)
        by_suffix_[suffix_of(key, nic)].insert({nic, key});
}

void PodNames::remove(const state::PodKey& key) {
    known_.erase(key);
    for (int nic = 0; nic < BH_POD_INTERFACES; ++nic) {
        const auto found = by_suffix_.find(suffix_of(key, nic));
        if (found == by_suffix_.end()) continue;
        found->second.erase({nic, key});
        if (found->second.empty()) by_suffix_.erase(found);
    }
}

std::set<PodNames::Candidate> PodNames::candidates(const std::string& veth) const {
    for (const auto& prefix : prefixes_) {
        if (!veth.starts_with(prefix)) continue;
        const auto found = by_suffix_.find(veth.substr(prefix.size()));
        if (found != by_suffix_.end()) return found->second;
    }
    return {};
}

} // namespace bulkhead::netlink
