// SPDX-License-Identifier: Apache-2.0
//
// All that follows from namespaces, Tenants, AccessGrants, AWSResources, nodes and slices, but not from
// pods: built anew when one of them changes, read-only until then. It points into the cluster state that
// it was built from.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compile/prefixes.h"

namespace bulkhead::compile {

/// An address of which it is certain whose it is, so that no IdentitySlice can say otherwise.
struct Reserved {
    std::string owner;              // "AWSResource aurora", "cluster-dns", "node node-a"
    std::set<state::PodKey> pods{}; // whom cluster DNS is, as its EndpointSlices say
    std::string node{};             // whose slices may: its pod may have its address (Fargate)
};

struct Policy {
    Policy(const state::Cluster& cluster, const Settings& settings);
    Policy(const Policy&) = delete;

    Role role_of(const Address& address) const;

    /// Every tenant that is declared, has a namespace or owns a resource.
    std::set<std::string> tenants() const;

    const state::Cluster& cluster;
    // First: the others write these while they are built.
    std::vector<state::Problem> problems;
    SourcesByOwner sources;
    Tenancy tenancy;
    Parts parts;
    Rules rules;
    Selectors selectors;
    std::map<Address, Role> roles;                  // cluster DNS, the API server, Pod Identity
    std::unordered_map<Address, std::string> nodes; // addresses of Node objects -> "node node-a"
    std::vector<Covered> covered;                   // CIDRs and single addresses of resources and peers
    std::unordered_map<Address, Reserved> reserved;
};

} // namespace bulkhead::compile
