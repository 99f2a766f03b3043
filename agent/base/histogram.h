// SPDX-License-Identifier: Apache-2.0
//
// How often something took how long. A value.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace bulkhead {

class Histogram {
public:
    /// Upper limits in seconds; whatever takes longer is in one bucket more.
    static constexpr std::array kLimits{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0};

    void add(std::chrono::duration<double> took) {
        size_t bucket = 0;
        while (bucket < kLimits.size() && took.count() > kLimits[bucket])
            ++bucket;
        ++counts_[bucket];
        sum_ += took.count();
    }

    const std::array<uint64_t, kLimits.size() + 1>& counts() const { return counts_; }
    double sum() const { return sum_; } // seconds

private:
    std::array<uint64_t, kLimits.size() + 1> counts_{};
    double sum_ = 0;
};

} // namespace bulkhead
