// SPDX-License-Identifier: Apache-2.0
//
// Pods that run on this node, by the kubelet's word, without an interface that we know as theirs: the CNI calls
// interfaces otherwise than the VPC's does, and nothing guards them.
#pragma once

#include <chrono>
#include <map>
#include <set>

#include "source/netlink/pod_names.h"
#include "state/cluster.h"

namespace bulkhead::netlink {

class Unwired {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// True if they are others than before. Addresses are written after the interface is there, and read before it
    /// is gone, so it takes a while until one counts.
    bool update(const PodNames& names, const state::Cluster& cluster, Time now);

    const std::set<state::PodKey>& pods() const { return pods_; }

private:
    std::map<state::PodKey, Time> since_;
    std::set<state::PodKey> pods_;
};

} // namespace bulkhead::netlink
