// SPDX-License-Identifier: Apache-2.0
//
// What must not get through: a stranger's datagrams to each pod, and each pod's to somebody else's resource, sent by a
// thread of its own in rounds, IPv4 and IPv6 in turn. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "startup_net.h"

namespace bulkhead::bench {

class StartupTraffic {
public:
    static constexpr std::chrono::microseconds kRound{500};

    /// `stranger` is wired, and outlives it.
    explicit StartupTraffic(const PodSite& stranger);
    StartupTraffic(const StartupTraffic&) = delete;
    ~StartupTraffic();

    /// The stranger knocks from now on. The pod must not go before forget().
    void knock_at(const PodSite& pod);
    /// The pod sends from now on.
    void let_send(const PodSite& pod);
    void forget(const PodSite& pod);

    uint64_t sent() const { return sent_; }

private:
    using Frame = std::vector<uint8_t>;
    struct Target {
        uint32_t pod;
        int wire;                    // who sends it
        std::array<Frame, 2> frames; // IPv4, IPv6
    };
    void add(uint32_t pod, int wire, std::array<Frame, 2> frames);
    void run();

    const PodSite& stranger_;
    std::mutex mutex_;
    std::vector<Target> targets_;
    std::atomic<bool> ended_ = false;
    std::atomic<uint64_t> sent_ = 0;
    std::thread thread_;
};

} // namespace bulkhead::bench
