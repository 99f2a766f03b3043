// SPDX-License-Identifier: Apache-2.0
//
// What is different at the API server from how it should be, as requests. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compile/compiler.h"
#include "controller/applier.h"
#include "controller/endings.h"
#include "controller/found.h"
#include "controller/observed.h"
#include "state/cluster.h"

namespace bulkhead::controller {

/// Status of Tenants, AccessGrants and AWSResources.
void want_statuses(const Observed& observed, const std::vector<state::Problem>& problems, const Endings& endings,
                   const Findings& findings, const Unpublished& unpublished, std::chrono::sys_seconds now,
                   Changes& changes);

/// The IdentitySlices of the addresses that AWSResources were found to have.
void want_found(const Observed& observed, const state::Cluster& cluster, const Findings& findings, Changes& changes);

/// Nodes without the start-up taint.
void want_no_taint(const Observed& observed, const std::set<std::string>& nodes, Changes& changes);

/// IdentitySlices of the pods of these nodes, and no others of theirs.
void want_slices(const Observed& observed, const state::Cluster& cluster, const compile::Settings& policy,
                 const std::set<std::string>& nodes, Changes& changes);

/// What these nodes' agents said, without the pods that the API server no longer has there.
void want_no_gone_pods(const Observed& observed, const state::Cluster& cluster, const std::set<std::string>& nodes,
                       Changes& changes);

/// The IdentitySlice of whom the API server calls.
void want_reach(const Observed& observed, Changes& changes);

} // namespace bulkhead::controller
