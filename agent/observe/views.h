// SPDX-License-Identifier: Apache-2.0
//
// The agent's state as JSON for bulkheadctl: field names are an interface that scripts read. Pure.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "datapath/features.h"
#include "observe/figures.h"
#include "observe/party.h"

namespace bulkhead::observe {

/// What /v1/status says beyond the figures.
struct StatusFacts {
    std::string source; // "dir:/etc/bulkhead"
    std::string slices; // whose: "of 12 tenants", "of all tenants"; empty = there are none
    std::string attach_mode;
    std::string attach_asked;
    std::string kernel_release;
    datapath::Features kernel_features;
    uint32_t hertz = 0;
    std::string pin_dir;
    std::vector<std::string> uplinks;
    std::vector<std::string> errors; // what fails at the moment and is tried again
    std::vector<state::Problem> problems;
};

Json override_view(const state::Override& override);
Json status_view(const Figures& figures, const StatusFacts& facts);
Json problems_view(const std::vector<state::Problem>& problems);

/// Local pods' veths, by ifindex.
struct Interfaces {
    std::function<std::string(uint32_t)> name;
    std::function<bool(uint32_t)> is_guarded;
    std::set<state::PodKey> shut{}; // pods that there is no slot for
};

/// One row for each pod, node, Service and single-address resource, with one of these states:
///
///   guarded     a pod of this node, with the programs at all of its veths
///   held        the same, but no source has told of the pod or its namespace yet
///   unguarded   of this node, without a guard: the node itself, pods on its network, pods whose veth isn't there,
///               or not guarded, yet
///   shut        a pod of this node that there is no room for: it neither sends nor is reached
///   remote      a pod of another node
///   address     no pod: another node, a Service, an AWS resource, cluster DNS or the API server by address
///
/// Text, made row by row, because a hundred thousand of them as one tree would be the agent's largest object.
std::string endpoints_text(const Surroundings& here, const Interfaces& interfaces);

/// Tenants with endpoints here or elsewhere, or with identities.
Json tenants_view(const compile::Desired& desired);

} // namespace bulkhead::observe
