// SPDX-License-Identifier: Apache-2.0
//
// Everything that opens something, as one flat list: exposes, trust, grants, allowTo and the open ports
// of resources, each with the side that it opens and the side that it lets through. Where Tenant,
// AccessGrant and AWSResource differ ends here. Beside it the overrides, which open nothing but lift the rule.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bulkhead/reasons.h"
#include "compile/parts.h"
#include "compile/ports.h"
#include "compile/tenancy.h"

namespace bulkhead::compile {

using RuleId = uint32_t;

/// Some pods. Absent parts do not narrow; at least one of tenant, ns and all is there.
struct PodScope {
    std::string tenant{};
    std::string ns{};
    bool all = false; // of every tenant
    std::optional<state::Selector> namespaces{};
    std::optional<state::Selector> pods{};
    std::optional<std::string> service_account{};
};

/// One side of a rule: whoever is named by any of these.
struct Side {
    std::vector<PodScope> pods{};
    std::vector<std::string> resources{}; // AWSResources: as a source all that cover an address, else its owner,
                                          // by name, or Part::name()
    std::vector<Cidr> cidrs{};
    bool world = false;
    bool cluster_dns = false;
    bool kube_apiserver = false;
};

struct Rule {
    enum class Shape : uint8_t { kToAny, kFromAny, kPair }; // which key its rows have

    bh_reason line = BH_REASON_GRANTED; // OPEN, EXPOSED, TRUSTED, GRANTED, CONFINED
    Shape shape = Shape::kPair;
    Side dst{}; // kFromAny: empty
    Side src{}; // kToAny: empty
    state::Ports ports{};
    PortRanges ranges{}; // unless named: what the ports mean everywhere
    bool named = false;  // ports depend on the destination's container ports
    std::optional<state::Time> until{};
    uint32_t origin = 0; // key of Rules::origins
    std::string text{};  // "Tenant payments spec.allowFrom[0]"
};

/// Where a rule is written.
struct Author {
    std::string origin{}; // file:line
    std::string object{}; // "Tenant payments"; empty = the pods' own annotations
    std::string field{};  // "spec.allowFrom[0]"
};

/// An override that isn't over.
struct Exemption {
    std::string tenant; // empty = everybody
    state::Time until;
    uint32_t origin = 0; // key of Rules::origins
};

struct Rules {
    std::vector<Rule> list{}; // by RuleId
    std::vector<Exemption> overrides{};
    std::map<uint32_t, std::string> origins{};
    std::map<uint32_t, Author> authors{}; // by the same keys
};

inline constexpr std::string_view kClusterDns = "cluster-dns";
inline constexpr std::string_view kKubeApiserver = "kube-apiserver";
inline constexpr std::string_view kNetwork = "network"; // of a CIDR that somebody names, and nobody owns
inline constexpr std::string_view kExposeField = "metadata.annotations[bulkhead.dev/expose]";

/// The key of the pods' own annotations in Rules::origins.
uint32_t annotation_origin();

Rules collect_rules(const state::Cluster& cluster, const Tenancy& tenancy, const Parts& parts,
                    std::vector<state::Problem>& problems);

} // namespace bulkhead::compile
