// SPDX-License-Identifier: Apache-2.0
//
// For /healthz: does the loop still turn? Whoever asks doesn't wait for it.
#pragma once

#include <atomic>
#include <chrono>

namespace bulkhead::api {

/// When the loop turned last. Written by the loop, read by any thread.
class Heartbeat {
public:
    void beat() { last_ = now(); }
    bool is_fresh() const { return now() - last_.load() < kPatience; }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds(10);
    static std::chrono::nanoseconds now() { return Clock::now().time_since_epoch(); }
    std::atomic<std::chrono::nanoseconds> last_{now()};
};

} // namespace bulkhead::api
