// SPDX-License-Identifier: Apache-2.0
//
// compile(): cluster state -> desired maps. Deterministic, no I/O, no clock but the one that is handed
// in. Full when policy changed, incremental when only pods did; both give the same result.
//
//   tenancy.h      which tenant, level and mode a namespace has, and why
//   selectors.h    which peers and targets name which pods
//   identities.h   classes of endpoints and their ids
//   openings.h     lines 6-8, allowTo and open ports as rows
//   prefixes.h     CIDRs of resources and peers, flattened
//   endpoints.h    whose an address is when several say that it is theirs
//   gather.h       the kernel's look-ups, made in the result
#pragma once

#include <memory>
#include <set>
#include <string>

#include "compile/desired.h"
#include "state/cluster.h"

namespace bulkhead::compile {

enum class TenantSource : uint8_t { kTenantObject, kLabel, kCapsule, kKiosk, kHnc, kNamespace };

struct Settings {
    std::string node_name;
    state::Mode default_mode = state::Mode::kEnforce;
    std::set<TenantSource> tenant_sources{TenantSource::kTenantObject, TenantSource::kLabel, TenantSource::kCapsule,
                                          TenantSource::kKiosk,        TenantSource::kHnc,   TenantSource::kNamespace};
    std::set<std::string> keep_open;      // namespaces that are never protected nor confined
    std::set<Address> dns_addresses;      // counted as cluster DNS besides kube-dns' endpoints
    std::set<Address> probe_addresses;    // counted as this node's own (Istio ambient's)
    uint32_t max_identities = UINT32_MAX; // lower ids have room in the kernel
};

/// Ids that pinned maps already use, so that a restart changes nothing: the agent reads them back.
struct KnownIds {
    std::map<std::string, uint32_t> tenants;   // "source/name" -> id
    std::map<uint64_t, IdentityId> identities; // bh_identity::key_hash -> id
};

struct Interest;

class Compiler {
public:
    Compiler(Settings settings, KnownIds known);
    Compiler(Compiler&&) noexcept;
    ~Compiler();

    /// Brings desired() in step with `cluster`, whose changes since the last call are `changes`.
    Touched update(const state::Cluster& cluster, const state::Changes& changes);

    /// What was compiled last is a step on the way: update() again once it is written, changes or not.
    bool is_halfway() const;

    /// An identity without room in the kernel could have some, by the next update(), changes or not.
    bool has_room_again() const;

    /// Once a complete state was written: ids whose classes did not come back after a restart are free.
    void release_known_ids();

    const Desired& desired() const;

    /// The age of the youngest pod that is told to have this address, besides that one; nothing: none is.
    std::optional<state::Age> claimed(const Address& address, const state::PodKey& besides) const;

    /// Of what was compiled last, from `cluster`.
    Interest interest(const state::Cluster& cluster) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace bulkhead::compile
