// SPDX-License-Identifier: Apache-2.0
//
// The only place that writes what should be into the kernel. It writes differences, in an order in which
// no moment is looser than both the old and the new state, and no packet falls that both allow:
//
//   1 disarm                     nothing may fall any more, so nothing shall on the way
//   2 prepare                    what nobody can notice yet: names, bitmap bits, flow tables, openings of what
//                                is open so far, identities that no endpoint has
//   3 tighten                    overrides that end, openings taken back, identities, then the rows that point to
//   strict ones 4 loosen                     the rows that point to others, rows that go, identities, new openings,
//   overrides 5 clear                      what nothing points to and nobody notices any more: openings, identities,
//                                names, pods, flow tables, bits
//   6 arm
//
// What a former agent left is restored first. As long as the sources have not told everything once
// (`complete`), restored rows are neither changed nor deleted, and nothing arms or disarms.
//
// A row that the kernel refuses is reported, remembered and tried again with the next write, whatever
// that touches.
//
// A map that is full opens nothing: what is Protected or confined, and what is this node's own, takes the room of
// rows that are neither (writer_room.cpp). A row whose identity has no room names a stand-in with the same
// restrictions. While the address of a pod or a node is left out, it reads as one outside, so what outside is
// granted is not in force, and neither is what lets confined pods out to there. One thread.
#pragma once

#include <map>
#include <memory>
#include <unordered_set>

#include "compile/compiler.h"
#include "compile/desired.h"
#include "datapath/flow_slots.h"
#include "datapath/jiffies.h"
#include "datapath/journal.h"
#include "datapath/maps.h"
#include "datapath/opening_rows.h"
#include "datapath/tables.h"

namespace bulkhead::datapath {

/// Flags for whose sake something is dropped.
inline constexpr uint32_t kStrict = BH_PROTECTED | BH_CONFINED;

/// Whose a slot was, so that a restart changes no pod's number.
struct SlotOwner {
    uint16_t slot = 0;
    uint32_t generation = 0;
    bool operator==(const SlotOwner&) const = default;
};

class Writer {
public:
    /// Reads back what is in the maps. `maps` and `clock` must outlive the writer.
    static Result<Writer> create(const Maps& maps, const JiffiesClock& clock);

    /// `complete`: every source has told its first list. An error means that nothing was written; refused
    /// rows are in the report.
    Result<WriteReport> write(const compile::Desired& desired, const compile::Touched& touched, bool complete);

    compile::KnownIds restore_ids() const;
    std::map<uint32_t, SlotOwner> restore_slots() const; // by ifindex

private:
    /// One write's subject, and which rows of each map are worth looking at.
    struct Job {
        const compile::Desired& desired;
        const compile::Touched& touched;
        bool complete;
        bool all_rules; // identities, openings, names, prefixes
        bool all_endpoints;
        Moment now;
        std::unordered_set<Address> retry;    // endpoints that failed last time
        std::unordered_set<uint32_t> outside; // identities that openings neither let in nor, if confined, out to

        bool any_rules() const { return all_rules || !touched.identities.empty(); }
        bool is_strict(uint32_t identity) const; // pointing a row at it can only take away
    };

    template <typename Key, typename Value>
    struct Difference {
        std::vector<std::pair<Key, Value>> tighten, loosen;
        std::vector<Key> gone;
    };

    struct OpeningChange {
        compile::OpeningKey key;
        OpeningRows kept, wanted;
        bool early = false; // as long as the identities are what they were, nobody notices it
        bool late = false;  // once the identities are what they shall be, nobody notices it
    };

    /// Everything that differs, sorted by when it is written.
    struct Plan {
        Difference<uint32_t, bh_endpoint> endpoints4;
        Difference<bh_addr, bh_endpoint> endpoints6;
        Difference<bh_prefix4, uint32_t> prefixes4;
        Difference<bh_prefix6, uint32_t> prefixes6;
        Difference<uint32_t, bh_pod> pods;
        Difference<uint32_t, bh_interface> interfaces;
        Difference<uint32_t, bh_identity> identities;
        std::vector<std::pair<uint32_t, bh_identity>> new_identities;
        std::vector<OpeningChange> openings;
    };

    Writer(const Maps& maps, const JiffiesClock& clock, Tables tables);

    // What differs: writer_plan.cpp
    Plan plan(const Job& job, WriteReport& report) const;
    void plan_endpoints(const Job& job, Plan& plan) const;
    void plan_endpoint(const Job& job, const Address& address, Plan& plan) const;
    void plan_prefixes(const Job& job, Plan& plan) const;
    void plan_identities(const Job& job, Plan& plan) const;
    void plan_identity(const Job& job, uint32_t id, Plan& plan) const;
    void plan_local(const Job& job, Plan& plan) const;
    void plan_openings(const Job& job, Plan& plan, WriteReport& report) const;
    void plan_opening(const Job& job, compile::OpeningKey key, std::span<const compile::OpeningRow> rows, Plan& plan,
                      WriteReport& report) const;
    bh_pod with_flow_table(uint32_t slot, bh_pod pod) const;

    // Where not all of it fits: writer_room.cpp
    uint32_t row_identity(const Job& job, uint32_t id) const;
    bool must_turn_outside(const WriteReport& report) const;
    bool is_worth_another(const WriteReport& report) const;
    static std::unordered_set<uint32_t> outside(const compile::Desired& desired);
    void make_room(const Job& job, Plan& plan, WriteReport& report);
    void make_room_for_endpoints(const Job& job, auto& table, auto& rows, WriteReport& report);
    void make_room_for_prefixes(const Job& job, auto& table, auto& rows, WriteReport& report);
    static size_t rank_of(const Job& job, const bh_endpoint& row);
    bool closes_something(uint32_t identity) const;
    template <typename Key, typename Value>
    void evict(Table<Key, Value>& table, const Key& key, bool is_wanted, WriteReport& report);

    // Break glass: writer_overrides.cpp
    void end_overrides(const Job& job, WriteReport& report);
    void begin_overrides(const Job& job, WriteReport& report);

    // Writing it: writer.cpp
    WriteReport pass(Job& job);
    void prepare(const Job& job, Plan& plan, WriteReport& report);
    void tighten(const Job& job, Plan& plan, WriteReport& report);
    void loosen(const Plan& plan, WriteReport& report);
    void clear(const Job& job, const Plan& plan, WriteReport& report);
    void put_rows(const auto& select, const Plan& plan, WriteReport& report);
    void give_flow_table(uint32_t slot, bh_pod& pod, WriteReport& report);
    void write_names(const Job& job, WriteReport& report);
    void write_name(const compile::Desired& desired, uint32_t tenant, WriteReport& report);
    void clear_names(const compile::Desired& desired, WriteReport& report);
    void set_bits(const Plan& plan, WriteReport& report);
    void clear_bits(const Plan& plan, WriteReport& report);
    void write_control(const bh_control& control, WriteReport& report);
    void set_armed(bh_armed flag, bool on, WriteReport& report);

    const Maps* maps_;
    const JiffiesClock* clock_;
    Tables tables_;
    std::unique_ptr<FlowSlots> flows_;
    bool settled_ = false; // a complete state was written
    bool retry_rules_ = false;
    std::unordered_set<Address> retry_endpoints_; // few, or their map is full
};

} // namespace bulkhead::datapath
