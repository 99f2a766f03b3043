// SPDX-License-Identifier: Apache-2.0
//
// An independent answer to "may src reach dst?": section 2 of the design, evaluated by brute force over
// the decoded objects. No identities, no rows, no interning, and nothing shared with verdict.h or
// compile/: what agrees with this agrees with the text. Clarity over speed; immutable, any thread.
//
//   oracle_match.h    selectors, ports, annotations: does this text match that thing
//   oracle_cluster.h  who is who: tenancy, levels, modes, owners of addresses
//   oracle.h          the nine lines
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "state/objects.h"

namespace bulkhead::test {

/// What the objects don't say. The defaults are the agent's.
struct OracleSettings {
    state::Mode default_mode = state::Mode::kEnforce;
    std::set<std::string> tenant_sources{"tenant", "label", "capsule", "kiosk", "hnc"};
    std::set<std::string> keep_open = {};   // namespaces that are neither protected nor confined
    std::set<Address> dns_addresses = {};   // cluster DNS besides kube-dns' endpoints
    std::set<Address> probe_addresses = {}; // count as every node's own
};

/// Where the packet is judged. Line 2 belongs to the source's node, all others to the destination's.
enum class Side : uint8_t {
    kBoth,        // what the two ends see: every line
    kSource,      // the source's node: of pods on other nodes, line 2 alone
    kDestination, // the destination's node: line 2 only if the source lives there too
};

/// The first packet of a conversation. A party is "namespace/pod", a node's name, an AWSResource's
/// name, or an address.
struct Question {
    std::string src;
    std::string dst;
    uint8_t protocol = BH_TCP; // enum bh_protocol; BH_ICMP stands for ICMPv6 too
    uint16_t port = 0;         // host order; ICMP has none
    uint8_t family = BH_IPV4;  // which of a resource's addresses is meant
    state::Time time{};        // when, for `until`
    Side side = Side::kBoth;
    std::optional<bool> same_node = {}; // absent = as the objects say
    bool made_by_dst_node = true;       // a socket of dst's node made it; false = it only bears such an address
};

enum class Verdict : uint8_t { kAllow, kAudit, kDeny };

struct Answer {
    Verdict verdict = Verdict::kDeny;
    /// "self", "confined", "open", "same-tenant", "local-host", "exposed", "trusted", "granted",
    /// "not-granted", "audit", "confined-audit", "held"; "elsewhere" = Side::kSource lets it pass to
    /// the destination's node.
    std::string_view line;
    bool operator==(const Answer&) const = default;
};

std::string_view verdict_name(Verdict verdict);

class Oracle {
public:
    explicit Oracle(std::vector<state::Object> objects, OracleSettings settings = {});

    /// Fails when a party's name means nobody, or a resource has no address of that family.
    Result<Answer> ask(const Question& question) const;

    /// The tenant of a namespace as people write it: "payments", "capsule/payments", "ns/web".
    std::string tenant_of_namespace(const std::string& ns) const;
    bool is_protected_namespace(const std::string& ns) const;
    bool is_audited_namespace(const std::string& ns) const;

private:
    std::vector<state::Object> objects_;
    OracleSettings settings_;
};

} // namespace bulkhead::test
