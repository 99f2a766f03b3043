// SPDX-License-Identifier: Apache-2.0
//
// What the other nodes' agents need to know of this node's pods, as IdentitySlices: one for each tenant, more where it
// would get too large, and none of two. Also what pods expose: where a Protected pod calls one of them from another
// node, that node asks whether the call was allowed before it lets the answer in.
// Pure: cluster state and what was compiled from it in, objects out.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compile/desired.h"
#include "compile/tenancy.h"
#include "publish/succession.h"
#include "state/cluster.h"
#include "state/not_guarded.h"

namespace bulkhead::publish {

/// IdentitySlices as JSON, by name, ready to be applied. Equal state makes equal text.
using Slices = std::map<std::string, std::string>;

/// Of the pods of `node` that netlink found, that a Pod object names, and whose namespace is known, with these labels.
/// And one that tells of those which the node can't guard, and of the overrides that only this node was told, if there
/// are any.
Slices slices_of(const state::Cluster& cluster, const compile::Desired& desired, const std::string& node,
                 const std::set<std::string>& label_keys, const state::NotGuardedPods& not_guarded = {},
                 const Succession& succession = {});

/// What slices leave out of this pod, since it is too much.
std::vector<state::Problem> left_out_of(const state::Pod& pod, const std::set<std::string>& label_keys);

/// Of nodes without an agent, from their Pod objects: later than netlink would say, and nothing of an address that the
/// kubelet doesn't report.
Slices slices_of_pods(const state::Cluster& cluster, const compile::Tenancy& tenancy,
                      const std::set<std::string>& nodes);

} // namespace bulkhead::publish
