// SPDX-License-Identifier: Apache-2.0
//
// Turns guarded veths into pods of this node: interfaces that lead into one netns are one pod, each pod
// has a slot of the kernel's pods map, and whoever gets a slot after another pod gets a new generation,
// so that nothing remembered of the one is taken for the other's.
//
// A veth whose pod no source has told of yet has a slot but no name: it is held.
#pragma once

#include <map>
#include <vector>

#include "source/netlink/network.h"
#include "source/netlink/pod_names.h"
#include "state/cluster.h"

namespace bulkhead::netlink {

/// What a pinned map says of a veth that was guarded before this agent started.
struct RestoredSlot {
    uint16_t slot = 0;
    uint32_t generation = 0;
    bool older = false;
    state::AddressPlaces places{}; // of the pod's addresses in its row
};

class LocalPods {
public:
    /// `slots` counts slot 0, which is nobody's. Generations start above `last_generation`.
    LocalPods(uint32_t slots, uint32_t last_generation) : slots_(slots), last_generation_(last_generation) {}

    /// Before the first update: the veth with this ifindex keeps what it had.
    void restore(uint32_t ifindex, RestoredSlot slot);

    /// The pods of these veths, by slot. Veths for which no slot is left are missing, and reported.
    std::map<uint16_t, state::LocalPod> update(const std::vector<Veth>& veths, const PodNames& names);

    const std::vector<state::Problem>& problems() const { return problems_; }

private:
    struct Group { // the interfaces of one pod
        state::LocalPod pod;
        std::vector<uint64_t> incarnations;
        bool had_addresses = false; // once
    };

    void drop_gone(const std::vector<Veth>& veths);
    Group* group_of(const Veth& veth);
    Group* new_group(const Veth& veth);
    uint16_t free_slot() const; // 0 = none is left
    void name(Group& group, const std::vector<const Veth*>& veths, const PodNames& names);

    uint32_t slots_;
    uint32_t last_generation_;
    bool first_look_ = true;
    std::map<uint32_t, RestoredSlot> restored_; // by ifindex
    std::map<uint16_t, Group> groups_;          // by slot
    std::vector<state::Problem> problems_;
};

} // namespace bulkhead::netlink
