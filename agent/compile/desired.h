// SPDX-License-Identifier: Apache-2.0
//
// What should be in the kernel: the result of compile(), in the kernel's own bytes, and the names that
// explain it to people.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "bulkhead/abi.h"
#include "state/cluster.h"

namespace bulkhead::compile {

using IdentityId = uint32_t;

/// For people: what an identity stands for.
struct IdentityName {
    std::string tenant; // "payments", "capsule/payments", "ns/payments"; empty = nobody's
    std::string what;   // "pods", "node", "AWSResource aurora", "cluster-dns", "world", "held"
};

/// For people: who says what the pods of a namespace, or an AWSResource, are. "Tenant payments spec.level",
/// "Namespace payments label bulkhead.dev/mode", "by default".
struct Sources {
    std::string tenant; // empty = nobody's
    std::string level;
    std::string mode;
    bool operator==(const Sources&) const = default;
};

/// By namespace, or IdentityName::what of a resource. Not by identity: the pods of several namespaces may be one
/// class, each for reasons of its own.
using SourcesByOwner = std::unordered_map<std::string, Sources>;

struct OpeningKey {
    IdentityId dst = 0;
    IdentityId src = 0;
    auto operator<=>(const OpeningKey&) const = default;
};

/// A row of the openings map before jiffies: `until` is still wall-clock time.
struct OpeningRow {
    uint16_t first_port = 0; // host order
    uint16_t last_port = 65535;
    uint8_t protocol = BH_ANY_PROTOCOL;
    uint8_t line = 0;                 // enum bh_reason: OPEN, EXPOSED, TRUSTED, GRANTED, CONFINED (an allowTo)
    uint32_t origin = 0;              // key of Desired::origins
    std::optional<state::Time> until; // no longer holds from then on
    auto operator<=>(const OpeningRow&) const = default;
};

/// A row of the overrides map before jiffies.
struct OverrideRow {
    state::Time until;
    uint32_t origin = 0; // key of Desired::origins
    bool operator==(const OverrideRow&) const = default;
};

/// Address of a pod, a node or a single-address resource.
struct EndpointRow {
    bh_endpoint row{};
    std::string owner; // "blog/web-1", "node node-a", "AWSResource aurora"; for people
};

struct Desired {
    bool armed = false;                      // an identity is protected or confined in enforce mode
    std::map<uint32_t, std::string> tenants; // id -> "source/name" or "name" of a declared one
    std::map<IdentityId, bh_identity> identities;
    std::map<IdentityId, IdentityName> names;
    SourcesByOwner sources;
    std::unordered_map<Address, EndpointRow> endpoints;
    std::map<Cidr, IdentityId> prefixes;
    std::map<OpeningKey, std::vector<OpeningRow>> openings;
    std::map<uint32_t, OverrideRow> overrides;   // by tenant; 0 = everybody
    std::map<uint16_t, bh_pod> pods;             // by slot
    std::map<uint32_t, bh_interface> interfaces; // by ifindex
    std::map<uint32_t, std::string> origins;     // "Tenant payments spec.allowFrom[0]: monthly close"
    std::vector<state::Problem> problems;
};

/// Which rows may differ from last time, so that the writer looks at nothing else.
struct Touched {
    bool everything = false;
    std::unordered_set<Address> endpoints;
    std::unordered_set<IdentityId> identities; // with their openings and names
    bool local = false;                        // pods, interfaces
};

} // namespace bulkhead::compile
