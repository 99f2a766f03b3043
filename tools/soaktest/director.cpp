// SPDX-License-Identifier: Apache-2.0
#include "director.h"

#include <algorithm>
#include <iostream>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 50ms;
constexpr auto kReport = 30s;
constexpr auto kUntilFull = 700ms; // about what both nodes take to read a crowd
constexpr auto kMargin = 250ms;    // for packets that were under way

// Good files whose objects don't change.
constexpr std::array<const char*, 4> kSpoilable{"tenant-bank.yaml", "namespace-vault.yaml", "namespace-ledger.yaml",
                                                "namespace-shop.yaml"};

} // namespace

Director::Director(Population::World world, Population& population, Rules& rules, const Plan& plan)
    : world_(std::move(world)), population_(population), rules_(rules), plan_(plan), random_(plan.seed + 2) {}

bool Director::settle(test::Deadline deadline) {
    const uint64_t last = world_.manifests.mark();
    const auto settled = [&] {
        population_.tend();
        return everywhere(last) && population_.is_calm();
    };
    return test::wait_until(settled, deadline, kTick);
}

void Director::run(const std::function<bool()>& others_done) {
    const auto turns = plan_.turns(random_);
    const Time begun = Clock::now();
    for (size_t i = 0; i < turns.size() || next_ || !others_done();) {
        const auto due = plan_.length * (static_cast<double>(i) + 0.3) / static_cast<double>(turns.size());
        const bool is_time = Clock::now() - begun >= due;
        if (i < turns.size() && !next_ && is_time) begin(turns.at(i++));
        tick();
        std::this_thread::sleep_for(kTick);
    }
}

bool Director::everywhere(uint64_t generation) const {
    return std::ranges::all_of(world_.nodes, [&](const auto& node) { return node->generation() >= generation; });
}

void Director::begin(Turn turn) {
    turn_begun_ = Clock::now();
    auto& manifests = world_.manifests;
    const auto seconds = Seconds(std::uniform_real_distribution<>(0.5, 6)(random_));
    const std::string file = kSpoilable.at(std::uniform_int_distribution<size_t>(0, kSpoilable.size() - 1)(random_));
    switch (turn) {
    case Turn::kLevel:
        flip_level();
        return change({{Rules::kSwingProtected, swing_protected_}});
    case Turn::kGrant:
        flip_grant();
        return change({{Rules::kFickleGrants, fickle_grants_}});
    case Turn::kSourceGone:
        world_.ledger.count(kSourceGone);
        world_.ledger.note("the source goes away");
        manifests.take_away();
        return later(seconds, [this] { world_.manifests.bring_back(), world_.ledger.note("the source is back"); });
    case Turn::kSourceBroken:
        world_.ledger.count(kSourceBroken);
        world_.ledger.note("nobody understands " + file);
        manifests.spoil(file);
        return later(seconds, [this, file] { world_.manifests.mend(file), world_.ledger.note("mended " + file); });
    case Turn::kManyAddresses:
        overflow(Crowd::kAddresses, Rules::kAddressesFull, kAddressSqueezes);
        return later(seconds, [this] { make_room(Crowd::kAddresses, "endpoints4", {{Rules::kAddressesFull, false}}); });
    case Turn::kManyGrants:
        return overflow_with_grants(seconds);
    case Turn::kManyClasses:
        return overflow_with_classes(seconds);
    }
}

/// One more comes, or one goes, while there is no room.
void Director::overflow_with_grants(Seconds time) {
    overflow(Crowd::kGrants, Rules::kGrantsFull, kGrantSqueezes);
    later(kUntilFull, [this, time] {
        flip_grant();
        later(time, [this] {
            make_room(Crowd::kGrants, "openings",
                      {{Rules::kGrantsFull, false}, {Rules::kFickleGrants, fickle_grants_}});
        });
    });
}

/// One of them becomes another while there is no room.
void Director::overflow_with_classes(Seconds time) {
    overflow(Crowd::kClasses, Rules::kClassesFull, kClassSqueezes);
    later(kUntilFull, [this, time] {
        flip_level();
        later(time, [this] {
            make_room(Crowd::kClasses, "identities",
                      {{Rules::kClassesFull, false}, {Rules::kSwingProtected, swing_protected_}});
        });
    });
}

void Director::flip_level() {
    world_.ledger.count(kLevelFlips);
    swing_protected_ = !swing_protected_;
    rules_.written(Rules::kSwingProtected, swing_protected_);
    world_.manifests.write_level(swing_protected_);
}

void Director::flip_grant() {
    world_.ledger.count(kGrantFlips);
    fickle_grants_ = !fickle_grants_;
    rules_.written(Rules::kFickleGrants, fickle_grants_);
    world_.manifests.write_grant(fickle_grants_);
}

void Director::overflow(Crowd crowd, Rules::Switch full, Count count) {
    for (const auto& node : world_.nodes)
        node->forget_full();
    world_.ledger.count(count);
    world_.ledger.note("a map overflows: switch " + std::to_string(full));
    rules_.written(full, true);
    world_.manifests.write_crowd(crowd, true);
}

void Director::make_room(Crowd crowd, const std::string& map, const Switches& switches) {
    const bool told = std::ranges::any_of(world_.nodes, [&](const auto& node) { return node->told_of_full(map); });
    world_.ledger.count(kOverflowsTold, told ? 1 : 0);
    world_.manifests.write_crowd(crowd, false);
    change(switches);
}

/// Certain again once both nodes have it.
void Director::change(const Switches& switches) {
    for (const auto& [which, on] : switches)
        world_.ledger.note("switch " + std::to_string(which) + (on ? " on: written" : " off: written"));
    awaited_ = world_.manifests.mark();
    next_ = [this, switches] {
        later(kMargin, [this, switches] {
            for (const auto& [which, on] : switches) {
                rules_.settled(which, on);
                world_.ledger.note("switch " + std::to_string(which) + (on ? " on" : " off") + ": in force");
            }
        });
    };
}

void Director::later(Seconds time, std::function<void()> then) {
    due_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
    next_ = std::move(then);
}

void Director::tick() {
    population_.tend();
    if (Clock::now() - reported_ > kReport) report();
    if (!next_) return;
    if (awaited_ != 0 ? !everywhere(awaited_) : due_ && Clock::now() < *due_) return;
    awaited_ = 0;
    due_.reset();
    std::exchange(next_, nullptr)();
}

void Director::report() {
    reported_ = Clock::now();
    const Ledger& ledger = world_.ledger;
    std::cout << ledger.moment(reported_) << "  " << ledger.counted(kPodsCreated) << " pods created, "
              << ledger.counted(kKills) << " kills, " << ledger.counted(kUpgrades) << " upgrades; "
              << world_.traffic.talks() << " conversations now, " << ledger.counted(kAnswered) << " answers; "
              << ledger.found(kForbiddenArrived) << " forbidden arrived, " << ledger.found(kAllowedLost) << " lost, "
              << ledger.found(kConnectionDied) << " died" << std::endl;
}

} // namespace bulkhead::soak
