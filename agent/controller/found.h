// SPDX-License-Identifier: Apache-2.0
//
// What was found for AWSResources, as IdentitySlices of no node and as the condition Resolved:
//
//   True     AWS and DNS answer whatever it names
//   False    something isn't answered, its reason is the first failure's, and what was said last stays in force; or
//            all is, and the API server doesn't take it
//   Unknown  not everything was asked yet
//
// Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controller/conditions.h"
#include "controller/observed.h"
#include "resolve/finder.h"
#include "resolve/placement.h"
#include "state/cluster.h"

namespace bulkhead::controller {

/// Of a resource, by name; nullptr: nothing is looked up for it. Empty: we don't look up, another one does.
using Findings = std::function<const resolve::Finding*(const std::string&)>;

/// By AWSResource, why the API server hasn't its slices as they should be.
using Unpublished = std::map<std::string, std::string>;

/// The condition, if it has one. `before` is the status as it is: who has just begun to ask, or doesn't, takes nothing
/// back that was said of this generation.
std::vector<Condition> resolved_of(const Findings& findings, const Unpublished& unpublished,
                                   const std::string& resource, int64_t generation, const Json& before);

Json found_slice(const std::string& resource, uint32_t number, const resolve::Placed& placed, state::Time changed);

/// What whoever led before us had found, of resources of which we know nothing yet.
resolve::Memories memories_of(const Observed& observed, const Findings& findings);

/// Which slices have which addresses, by resource.
std::map<std::string, resolve::Placement> placements_of(const Observed& observed);

/// Names of the resource's slices that are none of `placed`.
std::vector<std::string> slices_besides(const Observed& observed, const std::string& resource,
                                        const resolve::Placement& placed);

/// What slices say of AWSResources becomes part of the cluster state, as in the agents. `told` are those that were told
/// before, and now are.
void tell_found(const Observed& observed, state::Cluster& cluster, std::set<std::string>& told);

} // namespace bulkhead::controller
