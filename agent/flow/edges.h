// SPDX-License-Identifier: Apache-2.0
//
// The edge table: which workload talked to which, or to which AWS resource, on which port, and what came of it; how
// often, since when and until when. A ring of flows remembers minutes, a migration needs weeks: so this is small,
// bounded and without addresses of pods. Pure; one thread.
//
// Bounds, so that no scan and no crowd can grow it: of each two parties some ports, then "other ports"; of the world
// some networks for each party, then "the world"; of one source an eighth of all edges, then those to namespaces
// instead of workloads (of the world, which is one source, those without networks), and no more than a quarter; from
// three quarters of all edges on, new ones are told of namespaces instead of workloads. What finds no room then is counted as refused.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "flow/record.h"

namespace bulkhead::flow {

/// One side of an edge.
struct Party {
    Kind kind = Kind::kUnknown;
    std::string ns;       // of pods
    std::string workload; // of pods: "Deployment/web"; empty = nobody says which, or any of the namespace
    std::string name;     // of what is no pod; of the world a network, "203.0.113.0/24"; empty = anywhere in it
    auto operator<=>(const Party&) const = default;
};

struct EdgeKey {
    Party source;
    Party destination;
    uint8_t protocol = 0; // IANA's number
    uint16_t port = 0;    // of the destination; 0 = it has none, or other ones than those that have edges of their own
    bh_verdict verdict = BH_VERDICT_ALLOW;
    auto operator<=>(const EdgeKey&) const = default;
};

/// What was seen of one edge. Tenants, level and reason are those of the last time.
struct Sighting {
    uint64_t count = 0; // conversations that were let in, or packets that were refused or audited
    Time first{};
    Time last{};
    bh_reason reason = BH_REASON_OPEN;
    std::string source_tenant;
    std::string destination_tenant;
    bool destination_protected = false;

    bool operator==(const Sighting&) const = default;
};

struct EdgeLimits {
    size_t edges = 10'000;
    size_t ports = 64;    // of two parties, a protocol and a verdict
    size_t networks = 64; // of the world, for each party
};

class Edges {
public:
    explicit Edges(EdgeLimits limits = {}) : limits_(limits) {}

    using Rows = std::map<EdgeKey, Sighting>;

    /// The edge that the record counts for, and whether it is new; nullptr = there was no room.
    struct Added {
        const Rows::value_type* edge = nullptr;
        bool is_new = false;
    };
    Added add(const Record& record);

    /// As add(), with what is known already: from another node.
    Added add(EdgeKey key, const Sighting& sighting);

    /// What this table had before, from disk: as it was, however full it is. Beyond the bound of all edges as add().
    void restore(const EdgeKey& key, const Sighting& sighting);

    /// Those that were last seen before `time` are gone. How many.
    size_t forget_before(Time time);

    /// What add() changed since the last call, and is still there; what it made included.
    std::vector<const Rows::value_type*> take_changed();

    /// Of these what it made. The rest stays changed.
    std::vector<const Rows::value_type*> take_new();

    const Rows& rows() const { return rows_; }
    uint64_t refused() const { return refused_; } // records that found no room

private:
    /// Two parties, a protocol and a verdict.
    struct Pair {
        Party source;
        Party destination;
        uint8_t protocol = 0;
        bh_verdict verdict = BH_VERDICT_ALLOW;
        auto operator<=>(const Pair&) const = default;
    };

    size_t share_of(const EdgeKey& key) const; // how many edges whoever began has
    size_t full_share() const;
    EdgeKey fold(EdgeKey key) const;
    void note(const EdgeKey& key);
    Rows::iterator put(EdgeKey key, const Sighting& sighting);

    EdgeLimits limits_;
    Rows rows_;
    std::map<Pair, size_t> ports_;                    // that have an edge of their own
    std::map<Party, std::set<std::string>> networks_; // of the world, by who talked with them
    std::map<Party, size_t> shares_;                  // edges, by who began
    std::set<const Rows::value_type*> changed_; // new ones too
    std::set<const Rows::value_type*> new_;
    uint64_t refused_ = 0;
};

/// "Deployment/web"; empty where nobody says which.
std::string text_of(const Workload& workload);

/// What tells one edge from the next. The ends' own addresses and ports don't count: who keeps names apart from
/// addresses gives them apart.
struct EdgeSides {
    const End& source;
    const Address& source_address;
    const End& destination;
    const Address& destination_address;
    uint8_t protocol;
    uint16_t port; // of the destination; whatever it is where the protocol has none
    bh_verdict verdict;
};

EdgeKey edge_key(const EdgeSides& sides);

} // namespace bulkhead::flow
