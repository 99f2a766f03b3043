// SPDX-License-Identifier: Apache-2.0
//
// Whose is an address? Several may say that it is theirs; the first of these has it:
//
//   1 a pod on this node, as netlink sees it
//   2 this node itself (its interfaces, probe addresses)
//   3 another pod, as the API server tells
//   4 a node (Node objects, hostNetwork pods). After pods, since a Fargate node has its pod's address
//   5 cluster DNS, the API server, a single-address resource
//   6 a Service whose cluster IP it is
//
// Everything else is a prefix or the world.
//
// Other nodes' pods are what IdentitySlices say, and a node that was taken over writes what it likes: so a slice is not
// believed about what 4 to 6 have, but where they themselves say that a pod is behind it (see Policy::reserved).
//
// Of several other pods the youngest has it. Where two are of one age, made within one second say, nobody knows which
// of them it is, and one may be a friend of a Protected pod's and the other a stranger: until it is clear the address
// is nobody's, and protected if one of them is. Where all are of one tenant, it is a pod of that tenant, of which
// holds what holds of each of them: see compile/strictest.h.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compile/claims.h"
#include "compile/policy.h"

namespace bulkhead::compile {

struct Owner {
    const Identity* identity = nullptr;
    uint16_t slot = 0;
    uint16_t flags = 0; // enum bh_endpoint_flag
    std::string name;   // for people
};

/// Identities that exist without any pod.
struct FixedIdentities {
    Identity* world = nullptr;
    Identity* held = nullptr;
    Identity* service = nullptr;
    Identity* disputed = nullptr; // one of several pods, none of them protected
    std::map<Role, Identity*> nodes;
    std::unordered_map<Address, Identity*> externals;
};

class Endpoints {
public:
    explicit Endpoints(std::set<Address> probe_addresses) : probe_addresses_(std::move(probe_addresses)) {}

    /// Takes over what netlink says; `touched` get the addresses and pods that this concerns.
    void set_local(const state::Cluster& cluster, std::set<Address>& touched, std::set<state::PodKey>& pods);

    /// The local pods that carry this name; nullptr if there is none.
    const std::vector<uint16_t>* slots_of(const state::PodKey& key) const;
    const std::map<uint16_t, state::LocalPod>& local_pods() const { return local_pods_; }
    bool is_this_node(const Address& address) const;

    /// Held while nobody says what pod it is, or what it says cannot be a pod with an interface of its own.
    const Identity& identity_of(const state::LocalPod& pod) const;

    std::optional<Owner> owner_of(const Address& address, const Policy& policy) const;

    /// The age of the youngest pod that claims it, besides that one; nothing: none does.
    std::optional<state::Age> claimed(const Address& address, const state::PodKey& besides) const;

    /// What the pods have in common of which nobody knows whose this address is; nothing: there are no such, or not of
    /// one tenant.
    std::optional<Traits> in_common_at(const Address& address, const Policy& policy) const;

    /// Somebody else who says that this address is his, in vain.
    std::optional<state::Problem> conflict_at(const Address& address, const Policy& policy) const;

    Claims claims;
    FixedIdentities fixed;
    std::map<Address, Identity*> in_common; // by in_common_at(); held

private:
    using Entries = std::vector<const Claims::Entry*>;
    /// Who has it for sure, whatever this claim says; nothing: the claim may be right.
    std::optional<std::string> owner_against(const Claims::Entry& claim, const Address& address,
                                             const Policy& policy) const;
    const Claims::Entry* pod_at(const Address& address, const Policy& policy) const;
    Entries rivals_of(const Claims::Entry& first, const Address& address, const Policy& policy) const;
    std::optional<Owner> disputed_at(const Claims::Entry& first, const Address& address, const Policy& policy) const;
    const Identity& node_identity(const Address& address, const Policy& policy) const;

    std::set<Address> probe_addresses_;
    std::set<Address> own_addresses_;
    std::map<uint16_t, state::LocalPod> local_pods_;
    std::unordered_map<Address, std::set<uint16_t>> slots_by_address_;
    std::unordered_map<state::PodKey, std::vector<uint16_t>> slots_by_pod_;
};

} // namespace bulkhead::compile
