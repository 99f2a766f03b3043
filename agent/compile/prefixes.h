// SPDX-License-Identifier: Apache-2.0
//
// CIDRs of resources and peers, flattened: the kernel finds the longest prefix only, so each row carries
// everything that covers it: every peer, every resource as a peer, and the most specific resource as
// its owner. Addresses that need a row of their own in the endpoints map (single-address resources, cluster DNS, the
// API server, Services' external addresses) are worked out by the same sweep.
//
// Whoever may write a Service may claim any external address, so the claim takes nothing from the address: it
// stays its resource's, and what CIDR and world peers mean. Cluster IPs are the API server's: see endpoints.h.
#pragma once

#include <map>
#include <vector>

#include "compile/selectors.h"

namespace bulkhead::compile {

/// What is said about exactly this CIDR.
struct Saying {
    std::vector<const Part*> resources{};
    Mentions peers{};
    bool is_endpoint = false; // a row of the endpoints map, not of the prefixes
    Role role{};              // of a single address
    bool is_service = false;  // a Service claims this address, whosever it is
};

using Sayings = std::map<Cidr, Saying>;

/// What resources and CIDR peers say, `roles` of single addresses, and Services' external addresses.
Sayings collect_sayings(const state::Cluster& cluster, const Parts& parts, const Selectors& selectors,
                        const std::map<Address, Role>& roles);

struct Covered {
    Cidr cidr{};
    External external{};
    bool is_endpoint = false;
};

/// One for each of `sayings`, with what covers it. Two resources with equal CIDRs are reported; the stricter owns it.
std::vector<Covered> flatten(const Sayings& sayings, const Selectors& selectors, std::vector<state::Problem>& problems);

} // namespace bulkhead::compile
