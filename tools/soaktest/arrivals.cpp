// SPDX-License-Identifier: Apache-2.0
//
// How pods of the population come: their addresses, their sandboxes, and their way through the gate.
#include <algorithm>

#include "population.h"

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr int kFirstSlot = 10;
constexpr int kSlots = 80;       // addresses of each family
constexpr auto kFirstPause = 1s; // until a pod is made anew
constexpr auto kLastPause = 10s;
constexpr auto kLongWait = 1s; // longer than a busy machine takes to start a program

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
    for (int number = kFirstSlot; number < kFirstSlot + kSlots; ++number)
        free_.push_back({.number = number});
}

/// Mostly that of who was freed last.
void Population::take_slot(Guest& guest) {
    Pod& pod = *guest.pod;
    const size_t which = random(4) == 0 ? random(free_.size()) : free_.size() - 1;
    const Slot slot = free_.at(which);
    free_.erase(free_.begin() + static_cast<ptrdiff_t>(which));
    pod.ip4 = *Address::parse(ip4_of(slot.number));
    pod.ip6 = *Address::parse(ip6_of(slot.number));
    guest.has_address = true;
    if (slot.ns == kNamespaces.size() || !other_tenant(pod.ns, slot.ns)) return;
    world_.ledger.count(kReused);
    if (Clock::now() - slot.freed < 1s) world_.ledger.count(kReusedAtOnce);
}

void Population::give_slot(Guest& guest) {
    if (!std::exchange(guest.has_address, false)) return;
    free_.push_back({.number = guest.pod->ip4.bytes[3], .freed = Clock::now(), .ns = guest.pod->ns});
}

Result<> Population::make_sandbox(Guest& guest) {
    const Pod& pod = *guest.pod;
    if (!guest.has_address) take_slot(guest);
    const auto veth = world_.wiring.add(pod);
    if (!veth) return tl::unexpected(veth.error());
    if (guest.order == kAfter) world_.manifests.write_pod(pod, "Pending", false);
    const std::string id = "5a4d" + std::to_string(pod.incarnation) + "f" + std::to_string(guest.tries);
    auto sandbox = Sandbox::add(world_.gate, pod, {.id = id, .veth = *veth}, guest.patience);
    if (!sandbox) return tl::unexpected(sandbox.error());
    guest.sandbox.emplace(std::move(*sandbox));
    world_.ledger.count(kGateAdds);
    if (guest.tries == 0) guest.first = guest.sandbox->begun();
    return {};
}

Result<> Population::remove_sandbox(Guest& guest) {
    if (!guest.sandbox) return {};
    if (auto removed = guest.sandbox->remove(); !removed)
        world_.ledger.find(kGateWrong, guest.pod->text() + ": " + removed.error().text);
    guest.sandbox.reset();
    return world_.wiring.remove(*guest.pod);
}

void Population::see_to(Guest& guest) {
    if (guest.pod->started) return;
    if (!guest.sandbox) {
        if (Clock::now() < guest.again) return;
        guest.again = Clock::now() + kFirstPause;
        if (auto made = make_sandbox(guest); !made) world_.ledger.note(made.error().text);
        return;
    }
    switch (guest.sandbox->answer()) {
    case Sandbox::Answer::kNone:
        return;
    case Sandbox::Answer::kOpen:
        return let_in(guest);
    case Sandbox::Answer::kWrong:
        world_.ledger.find(kGateWrong, guest.pod->text() + ": ADD: " + guest.sandbox->words());
        return turn_away(guest);
    case Sandbox::Answer::kShut:
        return turn_away(guest);
    }
}

/// Its first process starts.
void Population::let_in(Guest& guest) {
    const PodPtr& pod = guest.pod;
    if (world_.nodes.at(pod->node)->silent_since() <= guest.sandbox->begun())
        world_.ledger.find(kGateWrong, pod->text() + " was let in while its agent could not answer");
    auto netns = test::Netns::open(netns_of(world_.gate, *pod));
    auto opened = netns ? world_.traffic.open(pod, std::move(*netns)) : tl::unexpected(netns.error());
    if (!opened) return world_.ledger.note(opened.error().text);
    pod->started = true;
    const auto waited = Clock::now() - guest.first;
    longest_wait_ = std::max(longest_wait_.load(), waited.count());
    if (waited > kLongWait) world_.ledger.count(kGateWaited);
    world_.ledger.note("let in " + pod->text() + " after " +
                       std::to_string(std::chrono::duration<double>(waited).count()) + " s, ADD " +
                       std::to_string(guest.tries + 1));
    if (guest.order != kBeforeWithAddress) tell(pod);
}

/// As the runtime does after a failed ADD: all is taken away, and later made anew, with another address.
void Population::turn_away(Guest& guest) {
    world_.ledger.count(kGateShut);
    world_.ledger.note("not let in: " + guest.pod->text() + ": " + guest.sandbox->words());
    if (auto removed = remove_sandbox(guest); !removed) world_.ledger.note(removed.error().text);
    if (guest.order != kBeforeWithAddress) give_slot(guest);
    guest.again =
        Clock::now() + std::min<Clock::duration>(kFirstPause * (1 << std::min<size_t>(guest.tries, 5)), kLastPause);
    ++guest.tries;
}

} // namespace bulkhead::soak
