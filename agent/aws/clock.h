// SPDX-License-Identifier: Apache-2.0
//
// The two times that look-ups need, and waiting: a time that never jumps, for pauses; the calendar's, which signatures
// carry and in which AWS writes when credentials expire. This one is the machine's; a test overrides it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace bulkhead::aws {

class Clock {
public:
    using Steady = std::chrono::steady_clock::time_point;
    using Wall = std::chrono::sys_seconds;
    using Milliseconds = std::chrono::milliseconds;

    virtual ~Clock() = default;
    virtual Steady now() const { return std::chrono::steady_clock::now(); }
    virtual Wall wall() const { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

    /// False: `stop` came first, or was there already.
    virtual bool wait(Milliseconds time, const std::stop_token& stop) const {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        never.wait_for(lock, stop, time, [] { return false; });
        return !stop.stop_requested();
    }

    static const Clock& real() {
        static const Clock clock;
        return clock;
    }
};

} // namespace bulkhead::aws
