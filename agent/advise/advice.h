// SPDX-License-Identifier: Apache-2.0
//
// What to write so that refused traffic passes, for somebody to review: the narrowest entry that the rule has for it.
// Made of edges alone, so also from a file, without a cluster. Pure.
#pragma once

#include <string>
#include <vector>

#include "flow/edges.h"
#include "state/objects.h"

namespace bulkhead::advise {

/// What the destination's Tenant lets others write or open; of one that isn't declared, or of which nobody knows: all.
struct Doors {
    bool access_grants = true; // AccessGrants of its namespaces count
    bool pod_expose = true;    // so do its pods' annotations
    bool sealed = false;       // trust opens nothing
};

/// A refused or audited edge, and by which labels its parties' pods can be selected; empty = nobody knows.
struct Refusal {
    flow::EdgeKey edge;
    flow::Sighting seen;
    state::Labels source_labels{};
    state::Labels destination_labels{};
    Doors doors{};
};

/// A port that an entry opens, and what was seen of it.
struct OpenedPort {
    uint8_t protocol = BH_TCP;
    uint16_t port = 0;  // 0 = all: of ICMP, or of ports that were too many to keep
    uint64_t count = 0; // 0 = nothing was seen: somebody asks
    flow::Time first{};
    flow::Time last{};
};

/// One entry to add, of one peer.
struct Entry {
    enum class Where : uint8_t {
        kAccessGrant,  // of the namespace `ns`
        kResourceFrom, // AWSResource `object`, spec.allowFrom
        kTenantTo,     // Tenant `object`, spec.allowTo
        kExpose,       // by the pods of `ns` themselves, which are of tenant `object`: to everybody
        kTrusted,      // Tenant `object`, spec.trusted: the pods of `ns`, at pods of every tenant
        kTenantFrom,   // Tenant `object`, spec.allowFrom, to pods of `ns`: where it lets nobody write AccessGrants
        kTenantExpose, // Tenant `object`, spec.expose, of pods of `ns`; `peer` says nothing
    };
    Where where = Where::kAccessGrant;
    std::string ns;
    std::string object;      // the AccessGrant's name, or whose entry it is
    state::Labels pods;      // that it opens, or trusts; empty = all of the namespace
    flow::Party peer;        // whom it lets in, or where it lets out; of a broad one whose pods it is about
    state::Labels peer_pods; // of the peer's namespace; empty = all
    std::vector<OpenedPort> ports;
    std::vector<std::string> instead_of{}; // of a broad one: the tenants that would need an entry each
};

/// What no entry can let in, and why.
struct Remark {
    flow::EdgeKey edge;
    flow::Sighting seen;
    std::string text;
};

struct Advice {
    std::vector<Entry> entries;
    std::vector<Remark> remarks;
};

Advice advise(const std::vector<Refusal>& refusals);

/// Of the labels that a workload's pods have in common those by which people select them: without what a controller
/// adds to tell its pods apart.
state::Labels selecting(const state::Labels& labels);

/// Leaves of `labels` those that `others` has too, with the same values.
void keep_common(state::Labels& labels, const state::Labels& others);

/// What it opens beyond what was seen, for whoever reviews it; empty = as little as can be.
std::string note_on(const Entry& entry);

/// As YAML to review: whole AccessGrants, and entries for the objects that others own, with what was seen as comments.
std::string yaml_of(const Advice& advice);

/// Of one entry: a whole AccessGrant, else an element of the list that it belongs into, `- ...`.
std::string yaml_of(const Entry& entry);

/// The elements of a list of ports alone.
std::string ports_yaml(const std::vector<OpenedPort>& ports);

} // namespace bulkhead::advise
