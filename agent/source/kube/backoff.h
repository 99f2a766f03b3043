// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before the next try: twice as long each time, up to a bound, and never the same time
// for all of many agents, so that a server that comes back isn't met by all of them at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace bulkhead::source::kube {

class Backoff {
public:
    using Milliseconds = std::chrono::milliseconds;
    static constexpr Milliseconds kFirst{200};
    static constexpr Milliseconds kLongest{15'000};

    explicit Backoff(uint32_t seed) : random_(seed) {}

    /// Between half and all of the step's time, on top of `at_least`.
    Milliseconds next(Milliseconds at_least = Milliseconds(0)) {
        const auto wait = at_least + between(step_ / 2, step_);
        step_ = std::min(step_ * 2, kLongest);
        return wait;
    }
    void reset() { step_ = kFirst; }

    /// For somebody else's.
    uint32_t seed() { return static_cast<uint32_t>(random_()); }

    Milliseconds between(Milliseconds from, Milliseconds to) {
        return Milliseconds(std::uniform_int_distribution<int64_t>(from.count(), to.count())(random_));
    }

private:
    std::minstd_rand random_;
    Milliseconds step_ = kFirst;
};

} // namespace bulkhead::source::kube
