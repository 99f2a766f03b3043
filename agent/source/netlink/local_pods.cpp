// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/local_pods.h"

#include <algorithm>
#include <utility>

namespace bulkhead::netlink {

namespace {

template <typename T>
bool contains(const std::vector<T>& values, const T& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

using Candidates = std::set<PodNames::Candidate>;

bool names_pod(const Candidates& candidates, const state::PodKey& pod) {
    return std::any_of(candidates.begin(), candidates.end(), [&](const auto& one) { return one.pod == pod; });
}

/// Pods that every named interface of a group may belong to.
Candidates common_candidates(const std::vector<const Veth*>& veths, const PodNames& names) {
    Candidates common;
    for (const auto* veth : veths) {
        const auto candidates = names.candidates(veth->name);
        if (candidates.empty()) continue; // a random name: the other family's veth
        if (common.empty())
            common = candidates;
        else
            std::erase_if(common, [&](const auto& one) { return !names_pod(candidates, one.pod); });
        if (common.empty()) break; // they contradict each other
    }
    // "a.1" as a first interface is likelier than as the second one of "a", which would come with a first.
    if (!common.empty()) std::erase_if(common, [nic = common.begin()->nic](const auto& one) { return one.nic != nic; });
    return common;
}

state::Problem about(const Veth& veth, std::string text) {
    return {.origin = "netlink", .object = "interface " + veth.name, .field = "", .text = std::move(text)};
}

std::string joined(const Candidates& candidates) {
    std::string text;
    for (const auto& one : candidates)
        text += (text.empty() ? "" : ", ") + one.pod;
    return text;
}

} // namespace

void LocalPods::restore(uint32_t ifindex, RestoredSlot slot) {
    restored_[ifindex] = slot;
    last_generation_ = std::max(last_generation_, slot.generation);
}

std::map<uint16_t, state::LocalPod> LocalPods::update(const std::vector<Veth>& veths, const PodNames& names) {
    problems_.clear();
    drop_gone(veths);
    std::map<uint16_t, std::vector<const Veth*>> members;
    for (const auto& veth : veths) {
        auto* group = group_of(veth);
        if (group == nullptr) group = new_group(veth);
        if (group == nullptr) {
            problems_.push_back(about(veth, "shut, it can neither send nor be reached: all " +
                                                std::to_string(slots_ - 1) + " pod slots are taken"));
            continue;
        }
        if (!contains(group->incarnations, veth.incarnation)) group->incarnations.push_back(veth.incarnation);
        members[group->pod.slot].push_back(&veth);
    }
    restored_.clear(); // what wasn't there at the first look is another device if it comes
    const bool is_first = std::exchange(first_look_, false);

    std::map<uint16_t, state::LocalPod> pods;
    for (const auto& [slot, own] : members) {
        auto& group = groups_.at(slot);
        group.pod.ifindexes.clear();
        group.pod.addresses.clear();
        for (const auto* veth : own) {
            group.pod.nsid = std::max(group.pod.nsid, veth->nsid);
            group.pod.ifindexes.push_back(veth->ifindex);
            group.pod.addresses.insert(group.pod.addresses.end(), veth->addresses.begin(), veth->addresses.end());
        }
        if (!group.had_addresses && !group.pod.addresses.empty()) {
            group.had_addresses = true;
            if (!is_first) group.pod.addressed = state::Cluster::machine_time();
        }
        group.pod.places.update(group.pod.addresses);
        name(group, own, names);
        pods[slot] = group.pod;
    }
    return pods;
}

void LocalPods::drop_gone(const std::vector<Veth>& veths) {
    std::set<uint64_t> alive;
    for (const auto& veth : veths)
        alive.insert(veth.incarnation);
    for (auto& [slot, group] : groups_)
        std::erase_if(group.incarnations, [&](uint64_t one) { return !alive.contains(one); });
    std::erase_if(groups_, [](const auto& entry) { return entry.second.incarnations.empty(); });
}

LocalPods::Group* LocalPods::group_of(const Veth& veth) {
    for (auto& [slot, group] : groups_) {
        const bool same_netns = veth.nsid >= 0 && group.pod.nsid == veth.nsid;
        if (same_netns || contains(group.incarnations, veth.incarnation)) return &group;
    }
    return nullptr;
}

LocalPods::Group* LocalPods::new_group(const Veth& veth) {
    Group group;
    group.pod.nsid = veth.nsid;
    const auto restored = restored_.find(veth.ifindex);
    const bool keeps = restored != restored_.end() && !groups_.contains(restored->second.slot);
    group.pod.slot = keeps ? restored->second.slot : free_slot();
    if (group.pod.slot == 0) return nullptr;
    group.pod.generation = keeps ? restored->second.generation : ++last_generation_;
    group.pod.older = keeps ? restored->second.older : first_look_;
    if (keeps) group.pod.places = restored->second.places;
    return &(groups_[group.pod.slot] = std::move(group));
}

uint16_t LocalPods::free_slot() const {
    const auto is_restored = [&](uint16_t slot) {
        return std::any_of(restored_.begin(), restored_.end(),
                           [&](const auto& entry) { return entry.second.slot == slot; });
    };
    for (uint32_t slot = 1; slot < slots_; ++slot) {
        const auto candidate = static_cast<uint16_t>(slot);
        if (!groups_.contains(candidate) && !is_restored(candidate)) return candidate;
    }
    return 0;
}

void LocalPods::name(Group& group, const std::vector<const Veth*>& veths, const PodNames& names) {
    const auto candidates = common_candidates(veths, names);
    // Who has the veth keeps it: a later pod with a colliding name can't take it over, nor its identity.
    if (names_pod(candidates, group.pod.pod)) return;
    group.pod.pod = candidates.size() == 1 ? candidates.begin()->pod : state::PodKey();
    if (candidates.size() > 1)
        problems_.push_back(about(*veths.front(), "held: its name fits several pods: " + joined(candidates)));
}

} // namespace bulkhead::netlink
