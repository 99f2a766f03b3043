// SPDX-License-Identifier: Apache-2.0
//
// The first installation on a node whose pods are talking already: who spoke first in conversations that the programs
// did not see begin is taken over from connection tracking into the pods' flow memories. What the rule says of them
// is another matter, and asked with every packet as always.
//
// To be done once, after the rows of the pods and their peers are in the kernel and before anything is dropped.
#pragma once

#include <map>
#include <vector>

#include "bulkhead/adoption.h"
#include "datapath/maps.h"
#include "source/netlink/conntrack.h"
#include "state/cluster.h"

namespace bulkhead {

/// Pods that were there before us, by address; and the slots of their memories.
using OlderPods = std::map<Address, uint16_t>;
OlderPods older_pods(const std::map<uint16_t, state::LocalPod>& pods);

/// A conversation as the veths of its local ends see it: none, one or two. Pure.
std::vector<bh_adoption> adoptions_of(const netlink::Tracked& tracked, const OlderPods& pods);

/// Reads connection tracking, and says in the log what came of it. Takes no longer than ten seconds.
void adopt_conversations(const datapath::Programs& programs, const OlderPods& pods);

} // namespace bulkhead
