// SPDX-License-Identifier: Apache-2.0
#include "population.h"

#include <algorithm>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr int kSlots = 45;     // addresses of each family
constexpr size_t kComing = 12; // pods that come and go, at a time

std::string ip4_of(int slot) {
    return "10.0.5." + std::to_string(slot);
}

std::string ip6_of(int slot) {
    return "fd00:10:0:5::" + std::to_string(slot);
}

bool other_tenant(size_t one, size_t other) {
    const auto is_vaults = [](size_t ns) { return ns == kVault || ns == kAnnex; };
    return one != other && !(is_vaults(one) && is_vaults(other));
}

} // namespace

Population::Population(World world, uint64_t seed) : world_(std::move(world)), random_(seed) {
    for (int number = 10; number < 10 + kSlots; ++number)
        free_.push_back({.number = number});
}

Result<> Population::settle_in() {
    for (size_t ns = 0; ns < kNamespaces.size(); ++ns)
        for (size_t node = 0; node < kNodes; ++node)
            if (auto made = create(ns, node, true); !made) return made;
    return {};
}

Result<> Population::turn_over() {
    if (size() >= kNamespaces.size() * kNodes + kComing)
        if (const PodPtr pod = next_to_go())
            if (auto removed = remove(pod); !removed) return removed;
    return create(random(kNamespaces.size()), random(kNodes), false);
}

void Population::tend() {
    std::vector<PodPtr> known;
    std::vector<PodPtr> overdue;
    {
        const std::scoped_lock lock(mutex_);
        for (const PodPtr& pod : pods_)
            if (!pod->settled && pod->told != 0 && pod->alive &&
                std::ranges::all_of(world_.nodes, [&](const auto& node) { return node->knows(*pod); }))
                known.push_back(pod);
        const Time now = Clock::now();
        const auto due = std::ranges::partition(late_, [&](const Late& late) { return late.at > now; });
        for (const Late& late : due)
            overdue.push_back(late.pod);
        late_.erase(due.begin(), due.end());
    }
    for (const PodPtr& pod : overdue)
        world_.manifests.remove_pod(*pod);
    for (const PodPtr& pod : known) {
        std::string netns = pod->name;
        std::ranges::replace(netns, '/', '.');
        auto opened = test::Netns::open(world_.net + "-" + kNodeNames.at(pod->node) + "-" + netns);
        Result<> done = opened ? world_.traffic.open(pod, std::move(*opened)) : tl::unexpected(opened.error());
        if (!done) {
            world_.ledger.note(done.error().text);
            continue;
        }
        const std::scoped_lock lock(mutex_);
        pod->settled = true;
        world_.ledger.note("open " + pod->text());
    }
}

bool Population::is_calm() const {
    const std::scoped_lock lock(mutex_);
    return late_.empty() && std::ranges::all_of(pods_, [](const PodPtr& pod) { return pod->settled; });
}

size_t Population::size() const {
    const std::scoped_lock lock(mutex_);
    return pods_.size();
}

/// The manifests tell of it before the CNI, after it, or after it and without an address before.
Result<> Population::create(size_t ns, size_t node, bool resident) {
    auto pod = std::make_shared<Pod>();
    const Slot slot = take_slot();
    pod->incarnation = ++incarnations_;
    pod->ns = ns;
    pod->node = node;
    pod->name = free_name(ns);
    pod->resident = resident;
    pod->ip4 = *Address::parse(ip4_of(slot.number));
    pod->ip6 = *Address::parse(ip6_of(slot.number));
    const size_t order = random(3);
    if (order == 0) world_.manifests.write_pod(*pod, "Pending", false);
    if (order == 1) world_.manifests.write_pod(*pod, "Running", true);
    if (auto wired = world_.wiring.add(*pod); !wired) return wired;
    if (order != 1) world_.manifests.write_pod(*pod, "Running", true);
    if (slot.ns < kNamespaces.size() && other_tenant(ns, slot.ns)) {
        world_.ledger.count(kReused);
        if (Clock::now() - slot.freed < 1s) world_.ledger.count(kReusedAtOnce);
    }
    world_.ledger.count(kPodsCreated);
    world_.ledger.note("created " + pod->text() + ", order " + std::to_string(order));
    const std::scoped_lock lock(mutex_);
    pod->told = world_.manifests.mark();
    pods_.push_back(std::move(pod));
    return {};
}

/// The manifests say so before, at once, seconds later, or that it has finished, with its addresses.
Result<> Population::remove(const PodPtr& pod) {
    world_.traffic.close(pod);
    const size_t order = random(4);
    if (order == 0) world_.manifests.remove_pod(*pod);
    if (auto gone = world_.wiring.remove(*pod); !gone) return gone;
    if (order == 1) world_.manifests.remove_pod(*pod);
    if (order == 2) world_.manifests.write_pod(*pod, "Succeeded", true);
    const int number = pod->ip4.bytes[3];
    free_.push_back({.number = number, .freed = Clock::now(), .ns = pod->ns});
    world_.ledger.count(kPodsDeleted);
    world_.ledger.note("deleted " + pod->text() + ", order " + std::to_string(order));
    const auto later = std::chrono::milliseconds(random(3000));
    const std::scoped_lock lock(mutex_);
    std::erase(pods_, pod);
    if (order >= 2) late_.push_back({Clock::now() + later, pod});
    return {};
}

/// Mostly who was freed last.
Population::Slot Population::take_slot() {
    const size_t which = random(4) == 0 ? random(free_.size()) : free_.size() - 1;
    const Slot slot = free_.at(which);
    free_.erase(free_.begin() + static_cast<ptrdiff_t>(which));
    return slot;
}

/// The lowest number that is free, as a StatefulSet has it.
std::string Population::free_name(size_t ns) const {
    const std::scoped_lock lock(mutex_);
    for (int number = 0;; ++number) {
        const std::string name = std::string(kNamespaces.at(ns).name) + "/w" + std::to_string(number);
        if (std::ranges::none_of(pods_, [&](const PodPtr& pod) { return pod->name == name; })) return name;
    }
}

/// Those that have been part of the traffic for a while; failing those, one that nobody has come to know.
PodPtr Population::next_to_go() {
    const std::scoped_lock lock(mutex_);
    std::vector<PodPtr> candidates;
    for (const bool settled : {true, false}) {
        for (const PodPtr& pod : pods_)
            if (!pod->resident && pod->settled == settled && Clock::now() - pod->born > 5s) candidates.push_back(pod);
        if (!candidates.empty()) return candidates.at(random(candidates.size()));
    }
    return nullptr;
}

} // namespace bulkhead::soak
