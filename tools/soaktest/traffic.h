// SPDX-License-Identifier: Apache-2.0
//
// All conversations of all pods, on one thread with one epoll: a socket stays in the namespace that its thread was in
// when it was opened. Keeps a number of conversations going between pods that are open, chosen at random.
#pragma once

#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <thread>
#include <unordered_map>

#include "doors.h"
#include "talk.h"

namespace bulkhead::soak {

class Traffic {
public:
    Traffic(size_t talks, uint64_t seed, const Rules& rules, Ledger& ledger);
    ~Traffic();
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    /// From any other thread: comes back when the pod listens, and may be part of conversations.
    Result<> open(const PodPtr& pod, test::Netns netns);
    /// Comes back when nothing of the pod's is open any more; conversations with it are over or linger.
    void close(const PodPtr& pod);
    /// Nothing new begins; comes back when what was sent has been judged, or at the deadline.
    bool drain(test::Deadline deadline);
    /// Sabotage: servers hang up and close; pods that come later listen again.
    void hang_up();
    size_t talks() const { return under_way_; }
    Clock::duration longest_round() const { return Clock::duration(longest_.load()); }

private:
    struct Home {
        PodPtr pod;
        test::Netns netns;
    };
    struct Alarm {
        Time at;
        uint64_t talk;
        bool operator>(const Alarm& other) const { return at > other.at; }
    };

    template <typename Work>
    auto on_thread(Work work);
    void run();
    void handle_events();
    void handle(uint64_t key, uint32_t events);
    void run_posted();
    void ring(Time now);
    void begin_talks();
    std::optional<TalkPlan> next_plan();
    Result<> add_talk(std::unique_ptr<Talk> talk, const Home& home);
    void add_door(std::unique_ptr<Door> door);
    void remove_talk(uint64_t id);
    void enter(const test::Netns& netns) { netns.enter(); }
    void go_home() const;
    void judge(const Stamp& stamp, const Pod& pod, Port port);
    size_t random(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }
    Clock::duration random(Clock::duration from, Clock::duration to);

    const size_t wanted_;
    const Rules& rules_;
    Ledger& ledger_;
    std::mt19937_64 random_;
    Fd epoll_;
    Fd home_; // the namespace that the thread comes from
    uint64_t last_key_ = 0;
    std::vector<Home> homes_;
    std::unordered_map<uint64_t, std::unique_ptr<Talk>> talks_;
    std::unordered_map<uint64_t, std::unique_ptr<Door>> doors_;
    std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms_;
    bool draining_ = false;
    std::atomic<size_t> under_way_{0};
    std::atomic<Clock::rep> longest_{0};
    std::atomic<bool> over_{false};
    std::mutex mutex_; // of what follows
    std::deque<std::function<void()>> posted_;
    std::thread thread_;
};

} // namespace bulkhead::soak
