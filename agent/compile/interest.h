// SPDX-License-Identifier: Apache-2.0
//
// Whose pods on other nodes can change a verdict on this one: so that an agent in a large cluster needs to hear of
// those only. A pod of any other tenant is then an address that nobody knows, which the rule treats alike: it reaches
// what is open, and nothing that is protected.
//
//   tenants of this node's pods           line 4, and line 2's "its own tenant"
//   peers of grants that open these pods  line 8
//   every tenant's trusted pods           line 7
//   allowTo of confined tenants here      line 2
//   cluster DNS' tenant                   roles belong to its pods' addresses
//
// Where a CIDR or the world decides, all pods count: it matches only what is no pod's address, and an AWSResource's
// CIDR has only what no pod has.
#pragma once

#include <set>
#include <string>

#include "compile/compiler.h"

namespace bulkhead::compile {

struct Interest {
    std::set<std::string> tenants{};
    std::string in_all{}; // why every tenant's pods count: "Tenant payments spec.allowFrom[0] names a CIDR"; or empty
    bool operator==(const Interest&) const = default;
};

struct Policy;

/// Of `node`.
Interest interest_of(const state::Cluster& cluster, const Policy& policy, const std::string& node);

/// Of a state that isn't in force yet.
Interest interest_of(const state::Cluster& cluster, const Settings& settings);

} // namespace bulkhead::compile
