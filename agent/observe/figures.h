// SPDX-License-Identifier: Apache-2.0
//
// The agent's numbers at one moment: what /metrics and /v1/status are made of. Passive; the agent fills
// it on its own thread when somebody asks.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "bulkhead/abi.h"
#include "compile/desired.h"
#include "datapath/program_runs.h"
#include "observe/process.h"
#include "observe/tenant_pairs.h"

namespace bulkhead::observe {

struct MapFill {
    std::string name;
    uint64_t entries = 0; // that it should hold; more than `limit` = some don't fit
    uint64_t limit = 0;
    uint64_t refused = 0; // writes of rows that the kernel refused, so far
};

/// [enum bh_direction][enum bh_verdict]
using ByVerdict = std::array<std::array<bh_counter, 3>, 2>;

/// What a pod of this node sent and received.
struct PodCount {
    std::string ns;
    std::string name;
    std::string tenant;
    ByVerdict counters{};
};

/// What pods are, as far as people ask: as label_of_tenant() has it.
struct TenantClass {
    std::string tenant;
    bool is_protected = false;
    bool is_audited = false;
    auto operator<=>(const TenantClass&) const = default;
};

/// Of one kind of objects, see source::Hearing.
struct Heard {
    uint64_t events = 0;
    uint64_t lists = 0;
    uint64_t failures = 0;
};

struct Settings {
    std::string default_mode;
    std::string slice_scope;
    std::string hash; // of all by which a policy is read
};

struct FlowFigures {
    uint64_t remembered = 0;
    uint64_t readers = 0;
    uint64_t cut_off = 0; // readers that were too slow, so far
};

struct Figures {
    std::string version;
    std::string node;

    bool synced = false;  // every source has told its first list
    bool in_sync = false; // ... and the kernel's maps hold all that they should
    bool ready = false;   // ... and every local veth is guarded, and the other nodes could be told of its pods
    bool armed = false;

    /// [direction][reason], all pods of this node, those that are gone included.
    std::array<std::array<bh_counter, BH_REASON_COUNT>, 2> counters{};
    std::array<uint64_t, BH_STAT_COUNT> statistics{};
    std::map<std::string, ByVerdict> tenant_traffic; // of pods that are here
    std::vector<PodCount> pod_traffic;               // if somebody wants it
    std::map<TenantPair, uint64_t> conversations;    // that were denied, or would have been
    std::map<TenantPair, uint64_t> admissions;       // that needed a door, or lead to AWS resources
    uint64_t tenant_pairs = 0;
    uint64_t tenant_pairs_overflow = 0;
    std::vector<datapath::ProgramRuns> program_runs;

    uint64_t guarded = 0;   // pods' veths with our programs on them
    uint64_t held = 0;      // of those: of a pod that no source has told of
    uint64_t unguarded = 0; // pods' veths without
    uint64_t shut = 0;      // with our programs, but no slot of the pods map is left for their pods: nothing passes
    uint64_t unwired = 0;   // pods that run here without an interface that is known as theirs
    uint64_t uplinks = 0;
    std::map<TenantClass, uint64_t> tenant_pods; // this node's
    uint64_t audit_resources = 0;                // classes of them, Protected and in audit mode

    uint64_t endpoints = 0;
    uint64_t identities = 0;
    uint64_t tenants = 0;
    uint64_t prefixes = 0;
    uint64_t openings = 0; // rows
    std::vector<MapFill> maps;

    uint64_t source_age = 0; // seconds for which what is known may be out of date; 0 = it isn't
    uint64_t source_events = 0;
    uint64_t source_lists = 0;
    uint64_t source_failures = 0;
    std::map<std::string, Heard> heard; // the same by kind

    bool published = true; // the API server has this node's slices as they should be, if it is to have any
    uint64_t slice_writes = 0;
    uint64_t slice_removals = 0;

    std::vector<state::Override> overrides; // in force

    uint64_t problems = 0;
    std::map<std::string, uint64_t> errors; // so far, by kind: attach, netlink, write
    uint64_t writes = 0;                    // turns that reached the kernel
    uint64_t reattachments = 0;
    uint64_t replacements = 0; // interfaces on which our programs took the place of a former agent's
    Histogram overtakings;     // seconds from the news of another's filter until ours was first again
    Histogram policy_delays;   // seconds from the news of a change until it is in the kernel
    Histogram guard_delays;    // ... of a veth until it is guarded
    uint64_t netlink_overruns = 0;
    Settings settings;
    std::optional<ProcessFigures> process;
    FlowFigures flows;
};

/// What a desired state takes up: `limits` are the maps' sizes, named as the maps are.
std::vector<MapFill> fill_of(const compile::Desired& desired, const std::map<std::string, uint64_t>& limits);

} // namespace bulkhead::observe
