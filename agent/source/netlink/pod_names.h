// SPDX-License-Identifier: Apache-2.0
//
// Which pod a veth belongs to, by its name alone: the VPC CNI names the host side prefix + the first 11
// hex digits of sha1("<namespace>.<pod>"), with ".<nic index>" appended for a pod's further interfaces.
// So the name is known before the veth exists.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "state/cluster.h"

namespace bulkhead::netlink {

/// The 11 hex digits; `nic` 0 is the only or first interface.
std::string veth_suffix(std::string_view ns, std::string_view pod, int nic);
/// Could it be one?
bool is_veth_suffix(std::string_view text);
/// As the VPC CNI names them. The prefix alone would take its "vlan.eth.1", which leads off the node, for a pod's.
bool is_pods_name(std::string_view name, const std::vector<std::string>& prefixes);

class PodNames {
public:
    PodNames(std::string node_name, std::vector<std::string> prefixes)
        : node_name_(std::move(node_name)), prefixes_(std::move(prefixes)) {}

    /// Looks at the pods that changed. True if one of this node came or went.
    bool learn(const state::Cluster& cluster, const state::Changes& changes);

    /// Of this node, with interfaces of their own.
    const std::set<state::PodKey>& pods() const { return known_; }

    struct Candidate {
        int nic = 0;
        state::PodKey pod;
        auto operator<=>(const Candidate&) const = default;
    };

    /// Pods of this node that a veth of this name may belong to, by interface number. More than one only
    /// where names collide: by a crafted hash, or "a.1" and the second interface of "a".
    std::set<Candidate> candidates(const std::string& veth) const;

private:
    bool learn_pod(const state::Cluster& cluster, const state::PodKey& key);
    bool is_local(const state::Pod& pod) const;
    void add(const state::PodKey& key);
    void remove(const state::PodKey& key);

    std::string node_name_;
    std::vector<std::string> prefixes_;
    std::set<state::PodKey> known_;
    std::unordered_map<std::string, std::set<Candidate>> by_suffix_;
};

} // namespace bulkhead::netlink
