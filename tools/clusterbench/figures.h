// SPDX-License-Identifier: Apache-2.0
//
// What is measured, as JSON, and each measurement in a process of its own, so that nothing of one is left for the next.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::bench {

inline double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

inline double rounded(double value) {
    return static_cast<double>(static_cast<int64_t>(value * 100 + 0.5)) / 100;
}

class Samples {
public:
    void add(double value) { values_.push_back(value); }
    size_t count() const { return values_.size(); }
    /// 0.99: what 99 of a hundred don't exceed. 0 of none.
    double quantile(double part) const;
    nlohmann::json json() const; // p50, p99, max

private:
    std::vector<double> values_;
};

/// Processes that are ready to run, averaged over the last minute: what else the machine had to do.
double load_average();

using Measure = std::function<Result<nlohmann::json>()>;
using Print = std::function<void(const nlohmann::json&)>;

/// One after the other, each in a process with mounts of its own; all of them into the file, if it has a name. True if
/// none says "met": false, wherever.
Result<bool> in_turn(const std::vector<Measure>& measurements, const Print& print, const std::string& file);

/// Where temporary files go, and with them etcd's: a file system in memory, unless told otherwise. For in_turn().
void keep_data_in(const std::string& directory);

} // namespace bulkhead::bench
