// SPDX-License-Identifier: Apache-2.0
#include "trouble.h"

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr auto kStartLimit = 120s; // on a machine that others use too
constexpr auto kSettleTime = 10s;
constexpr auto kLoadTime = 2.5s; // about what an agent takes until it enforces anew
constexpr auto kStarvedTurn = 200ms;
constexpr auto kStarvedShare = 10ms;

void sleep_for(Seconds time) {
    std::this_thread::sleep_for(time);
}

} // namespace

Trouble::Trouble(Node& node, std::vector<Build> builds, const Plan& plan, Ledger& ledger)
    : node_(node), builds_(std::move(builds)), plan_(plan), ledger_(ledger),
      random_(plan.seed ^ std::hash<std::string_view>{}(node.name())) {}

Result<> Trouble::begin() {
    if (auto launched = node_.launch(builds_.at(build_)); !launched) return launched;
    if (!node_.answers(test::after(kStartLimit)))
        return fail("start the agent of " + std::string(node_.name()) + ": it doesn't answer" +
                    (node_.ended() ? ", it has ended" : ""));
    return {};
}

void Trouble::run() {
    const auto deeds = plan_.deeds(random_);
    const Time begun = Clock::now();
    for (size_t i = 0; i < deeds.size(); ++i) {
        const auto due = plan_.length * (static_cast<double>(i) + 0.5) / static_cast<double>(deeds.size());
        std::this_thread::sleep_until(begun + std::chrono::duration_cast<Clock::duration>(due));
        (void)node_.settles(test::after(kSettleTime)); // while the source is away, it won't
        if (!node_.ended()) act(deeds.at(i));
        come_back();
    }
    done_ = true;
}

void Trouble::act(Deed deed) {
    switch (deed) {
    case Deed::kKill:
        return kill(false);
    case Deed::kKillStarting:
        return kill(true);
    case Deed::kRestart:
        ledger_.count(kRestarts);
        note("restart");
        node_.terminate();
        pause(0s, 2s);
        return start();
    case Deed::kUpgrade:
        ledger_.count(kUpgrades);
        build_ = (build_ + 1) % builds_.size();
        note("upgrade to " + builds_.at(build_).text());
        node_.terminate();
        return start();
    case Deed::kStop:
        return stop_for(std::exchange(stopped_long_, true) ? Seconds(5) : plan_.longest());
    case Deed::kStarve:
        return starve_for(std::exchange(starved_long_, true) ? Seconds(10) : plan_.longest());
    }
}

void Trouble::start() {
    if (auto launched = node_.launch(builds_.at(build_)); !launched) ledger_.find(kAgentFailed, launched.error().text);
}

/// Until the one that runs answers; one that doesn't, or has ended, makes room for the next.
void Trouble::come_back() {
    const Time deadline = test::after(kStartLimit);
    const auto back_or_gone = [&] { return node_.answers(Clock::now()) || node_.ended(); };
    if (test::wait_until(back_or_gone, deadline, 50ms) && node_.answers(Clock::now())) return;
    if (!node_.ended()) {
        ledger_.find(kAgentFailed, std::string(node_.name()) + ": doesn't answer after " +
                                       std::to_string(std::chrono::seconds(kStartLimit).count()) + " s");
        node_.kill();
    }
    start();
}

void Trouble::stop_for(Seconds time) {
    ledger_.count(kStops);
    note("stopped for " + std::to_string(time.count()) + " s");
    node_.signal(SIGSTOP);
    sleep_for(time);
    node_.signal(SIGCONT);
    note("goes on");
}

/// A twentieth of the time is its own.
void Trouble::starve_for(Seconds time) {
    ledger_.count(kStarvations);
    note("starved for " + std::to_string(time.count()) + " s");
    for (const Time end = Clock::now() + std::chrono::duration_cast<Clock::duration>(time); Clock::now() < end;) {
        node_.signal(SIGSTOP);
        sleep_for(kStarvedTurn - kStarvedShare);
        node_.signal(SIGCONT);
        sleep_for(kStarvedShare);
    }
    note("goes on");
}

void Trouble::kill(bool starting) {
    ledger_.count(kKills);
    note("kill");
    node_.kill();
    pause(0s, 1s);
    start();
    if (!starting) return;
    pause(0s, kLoadTime);
    ledger_.count(kKills);
    ledger_.count(kKillsStarting);
    note("kill while it starts");
    node_.kill();
    start();
}

void Trouble::strip(const std::function<void()>& meanwhile) {
    note("sabotage: all is taken out of the kernel");
    node_.terminate();
    if (auto detached = node_.detach(); !detached) note(detached.error().text);
    meanwhile();
    start();
    come_back();
    note("sabotage is over");
}

void Trouble::pause(Seconds least, Seconds most) {
    sleep_for(Seconds(std::uniform_real_distribution<>(least.count(), most.count())(random_)));
}

} // namespace bulkhead::soak
