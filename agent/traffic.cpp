// SPDX-License-Identifier: Apache-2.0
#include "traffic.h"

#include <algorithm>

#include "observe/tenant_pairs.h"

namespace bulkhead {

namespace {

using datapath::SlotCounters;
using observe::ByVerdict;
using namespace std::chrono_literals;

constexpr auto kRemembered = 1min;

void add(bh_counter& sum, const bh_counter& more) {
    sum.packets += more.packets;
    sum.bytes += more.bytes;
}

/// A counter that is less than before has started anew.
uint64_t since(uint64_t before, uint64_t now) {
    return now >= before ? now - before : now;
}

SlotCounters difference(const SlotCounters& before, const SlotCounters& now) {
    SlotCounters more{};
    for (size_t direction = 0; direction < now.size(); ++direction)
        for (size_t reason = 0; reason < now[direction].size(); ++reason) {
            const auto& from = before[direction][reason];
            const auto& to = now[direction][reason];
            more[direction][reason] = {.packets = since(from.packets, to.packets),
                                       .bytes = since(from.bytes, to.bytes)};
        }
    return more;
}

void add(SlotCounters& sum, const SlotCounters& more) {
    for (size_t direction = 0; direction < sum.size(); ++direction)
        for (size_t reason = 0; reason < sum[direction].size(); ++reason)
            add(sum[direction][reason], more[direction][reason]);
}

void add(ByVerdict& sum, const SlotCounters& more) {
    for (size_t direction = 0; direction < more.size(); ++direction)
        for (size_t reason = 0; reason < more[direction].size(); ++reason)
            add(sum[direction][bh_verdict_of(static_cast<bh_reason>(reason))], more[direction][reason]);
}

} // namespace

void Traffic::follow(const std::map<uint16_t, state::LocalPod>& pods, Clock::time_point now) {
    for (auto followed = pods_.begin(); followed != pods_.end();) {
        const auto one = followed++;
        const auto still = pods.find(one->first);
        if (one->first == 0 || (still != pods.end() && still->second.generation == one->second.generation)) continue;
        look_at(one->first, one->second, now);
        if (!one->second.name.empty()) gone_.push_back({.pod = std::move(one->second), .since = now});
        pods_.erase(one);
    }
    for (const auto& [slot, pod] : pods) {
        auto [followed, added] = pods_.try_emplace(slot);
        followed->second.name = pod.pod;
        if (!added) continue;
        followed->second.generation = pod.generation;
        const auto row = started_ ? std::nullopt : maps_.pods.find(slot);
        // Pods that a former agent guarded have counted already.
        if (row && row->generation == pod.generation)
            followed->second.seen = datapath::read_counters(maps_, slot).value_or(SlotCounters{});
    }
    forget(now);
    if (!std::exchange(started_, true)) pods_[0].seen = datapath::read_counters(maps_, 0).value_or(SlotCounters{});
}

void Traffic::look(Clock::time_point now) {
    for (auto& [slot, pod] : pods_)
        look_at(slot, pod, now);
    forget(now);
}

void Traffic::look_at(uint16_t slot, Pod& pod, Clock::time_point now) {
    const auto counters = datapath::read_counters(maps_, slot);
    if (!counters) return;
    const auto more = difference(pod.seen, *counters);
    pod.seen = *counters;
    add(total_, more);
    if (slot == 0) return;
    if (auto tenant = tenant_of_(slot); !tenant.empty()) pod.tenant = std::move(tenant);
    if (pod.tenant.empty()) return; // nothing was compiled for it yet, so nothing has passed
    add(pod.counted, more);
    auto known = tenants_.find(pod.tenant);
    if (known == tenants_.end())
        known = tenants_.try_emplace(tenants_.size() < max_tenants_ ? pod.tenant : observe::kOtherTenant).first;
    add(known->second.counted, more);
    known->second.last = now;
}

void Traffic::forget(Clock::time_point now) {
    std::erase_if(gone_, [&](const Gone& gone) { return now - gone.since > kRemembered; });
    std::erase_if(tenants_, [&](const auto& tenant) { return now - tenant.second.last > kRemembered; });
}

std::map<std::string, ByVerdict> Traffic::by_tenant() const {
    std::map<std::string, ByVerdict> all;
    for (const auto& [name, tenant] : tenants_)
        all[name] = tenant.counted;
    return all;
}

/// A name comes once: the pod that is here has it.
std::vector<observe::PodCount> Traffic::by_pod() const {
    std::map<state::PodKey, const Pod*> named;
    for (const auto& [slot, pod] : pods_)
        if (!pod.name.empty()) named.emplace(pod.name, &pod);
    for (auto gone = gone_.rbegin(); gone != gone_.rend(); ++gone)
        named.emplace(gone->pod.name, &gone->pod);
    std::vector<observe::PodCount> all;
    for (const auto& [name, pod] : named) {
        const auto slash = name.find('/');
        all.push_back({.ns = name.substr(0, slash),
                       .name = slash == std::string::npos ? "" : name.substr(slash + 1),
                       .tenant = pod->tenant,
                       .counters = pod->counted});
    }
    return all;
}

std::string Traffic::label(const std::string& tenant) const {
    return tenants_.contains(tenant) ? tenant : observe::kOtherTenant;
}

} // namespace bulkhead
