// SPDX-License-Identifier: Apache-2.0
//
// The two times that credentials need: one that never jumps, for pauses, and the calendar's, in which servers and
// plugins write when something expires. This one is the machine's; a test overrides it.
#pragma once

#include <chrono>

namespace bulkhead::source::kube {

class Clock {
public:
    using Steady = std::chrono::steady_clock::time_point;
    using Wall = std::chrono::sys_seconds;

    virtual ~Clock() = default;
    virtual Steady now() const { return std::chrono::steady_clock::now(); }
    virtual Wall wall() const { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

    static const Clock& real() {
        static const Clock clock;
        return clock;
    }
};

} // namespace bulkhead::source::kube
