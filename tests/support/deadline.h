// SPDX-License-Identifier: Apache-2.0
//
// Waiting for a condition, never for luck. A deadline is a moment, so that several waits can share one.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace bulkhead::test {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
using namespace std::chrono_literals;

inline Deadline after(Clock::duration duration) {
    return Clock::now() + duration;
}

/// For poll(2): milliseconds, rounded up, 0 when it is over.
inline int milliseconds_until(Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::max<decltype(left)>(left, 0));
}

/// Asks until it holds or time is over; asks at least once, and once more at the end.
template <typename Condition>
bool wait_until(Condition&& holds, Deadline deadline, Clock::duration pause = 2ms) {
    while (!holds()) {
        if (Clock::now() >= deadline) return false;
        std::this_thread::sleep_until(std::min(Clock::now() + pause, deadline));
    }
    return true;
}

} // namespace bulkhead::test
