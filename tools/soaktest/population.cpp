// SPDX-License-Identifier: Apache-2.0
#include "population.h"

#include <algorithm>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr size_t kComing = 12;  // pods that come and go, at a time
constexpr size_t kWaiting = 30; // pods at the gate
constexpr auto kWhile = 5s;     // that a pod stays
constexpr std::array<std::chrono::seconds, 3> kPatience{3s, 10s, 30s};

std::string uid_of(uint64_t incarnation) {
    const std::string digits = std::to_string(1'000'000'000'000 + incarnation);
    return "50a40000-0000-4000-8000-" + digits.substr(digits.size() - 12);
}

} // namespace

Result<> Population::settle_in() {
    for (size_t ns = 0; ns < kNamespaces.size(); ++ns)
        for (size_t node = 0; node < kNodes; ++node)
            if (auto made = create(ns, node, true); !made) return made;
    return {};
}

Result<> Population::turn_over() {
    while (const PodPtr pod = next_to_go())
        if (auto removed = remove(pod); !removed) return removed;
    const std::scoped_lock lock(making_);
    const size_t ns = random(kNamespaces.size());
    return create(ns, random(kNodes), false);
}

void Population::tend() {
    remove_overdue();
    {
        const std::scoped_lock lock(making_);
        for (Guest& guest : guests_)
            see_to(guest);
    }
    settle_known();
}

bool Population::is_calm() const {
    const std::scoped_lock lock(mutex_);
    return late_.empty() && std::ranges::all_of(pods_, [](const PodPtr& pod) { return pod->settled.load(); });
}

size_t Population::size() const {
    const std::scoped_lock lock(mutex_);
    return pods_.size();
}

Result<> Population::create(size_t ns, size_t node, bool resident) {
    auto pod = std::make_shared<Pod>();
    pod->incarnation = ++incarnations_;
    pod->ns = ns;
    pod->node = node;
    pod->name = free_name(ns);
    pod->uid = uid_of(pod->incarnation);
    pod->resident = resident;
    Guest guest{
        .pod = pod, .order = static_cast<Order>(random(kOrders)), .patience = kPatience.at(random(kPatience.size()))};
    take_slot(guest);
    if (guest.order == kBefore) world_.manifests.write_pod(*pod, "Pending", false);
    if (guest.order == kBeforeWithAddress) tell(pod);
    {
        const std::scoped_lock lock(mutex_);
        pods_.push_back(pod);
    }
    world_.ledger.count(kPodsCreated);
    world_.ledger.note("created " + pod->text() + ", order " + std::to_string(guest.order));
    guests_.push_back(std::move(guest));
    return make_sandbox(guests_.back());
}

/// The manifests say so before, at once, seconds later, or that it has finished, with its addresses.
Result<> Population::remove(const PodPtr& pod) {
    const std::scoped_lock making(making_);
    world_.traffic.close(pod);
    const size_t order = random(4);
    if (order == 0) world_.manifests.remove_pod(*pod);
    const auto guest = std::ranges::find(guests_, pod, &Guest::pod);
    if (auto gone = remove_sandbox(*guest); !gone) return gone;
    give_slot(*guest);
    guests_.erase(guest);
    if (order == 1) world_.manifests.remove_pod(*pod);
    if (order == 2) world_.manifests.write_pod(*pod, "Succeeded", true);
    world_.ledger.count(kPodsDeleted);
    world_.ledger.note("deleted " + pod->text() + ", order " + std::to_string(order));
    const auto later = std::chrono::milliseconds(random(3000));
    const std::scoped_lock lock(mutex_);
    std::erase(pods_, pod);
    if (order >= 2) late_.push_back({Clock::now() + later, pod});
    return {};
}

void Population::tell(const PodPtr& pod) {
    world_.manifests.write_pod(*pod, "Running", true);
    const uint64_t told = world_.manifests.mark();
    const std::scoped_lock lock(mutex_);
    pod->told = told;
}

void Population::remove_overdue() {
    std::vector<PodPtr> overdue;
    {
        const std::scoped_lock lock(mutex_);
        const Time now = Clock::now();
        const auto due = std::ranges::partition(late_, [&](const Late& late) { return late.at > now; });
        for (const Late& late : due)
            overdue.push_back(late.pod);
        late_.erase(due.begin(), due.end());
    }
    for (const PodPtr& pod : overdue)
        world_.manifests.remove_pod(*pod);
}

void Population::settle_known() {
    const std::scoped_lock lock(mutex_);
    for (const PodPtr& pod : pods_) {
        if (pod->settled || !pod->started || pod->told == 0) continue;
        if (!std::ranges::all_of(world_.nodes, [&](const auto& node) { return node->knows(*pod); })) continue;
        pod->settled = true;
        world_.ledger.note("known " + pod->text());
    }
}

/// The lowest number that is free, as a StatefulSet has it.
std::string Population::free_name(size_t ns) const {
    const std::scoped_lock lock(mutex_);
    for (int number = 0;; ++number) {
        const std::string name = std::string(kNamespaces.at(ns).name) + "/w" + std::to_string(number);
        if (std::ranges::none_of(pods_, [&](const PodPtr& pod) { return pod->name == name; })) return name;
    }
}

/// If there are too many that run: of those that have been part of all the traffic for a while; failing those, one that
/// nobody has come to know. If too many wait: one of those.
PodPtr Population::next_to_go() {
    std::vector<PodPtr> known, started, waiting;
    {
        const std::scoped_lock lock(mutex_);
        for (const PodPtr& pod : pods_)
            if (!pod->resident) (!pod->started ? waiting : pod->settled ? known : started).push_back(pod);
    }
    const bool is_crowded = known.size() + started.size() >= kComing;
    const auto is_new = [](const PodPtr& pod) { return Clock::now() - pod->born < kWhile; };
    if (waiting.size() < kWaiting) waiting.clear();
    for (auto* candidates : {&known, &started, &waiting}) {
        if (!is_crowded && candidates != &waiting) continue;
        std::erase_if(*candidates, is_new);
        const std::scoped_lock lock(making_);
        if (!candidates->empty()) return candidates->at(random(candidates->size()));
    }
    return nullptr;
}

} // namespace bulkhead::soak
