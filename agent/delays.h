// SPDX-License-Identifier: Apache-2.0
//
// How long it takes from what the agent hears to what the kernel does: of a change, until it is written; of a veth,
// until programs judge there. What was there at the start doesn't count. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/histogram.h"

namespace bulkhead {

class Delays {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Devices = std::map<uint32_t, uint64_t>; // ifindex -> which device it is at the moment

    /// News came; the first since the last write count.
    void heard(Time now) {
        if (!news_) news_ = now;
    }
    /// All that was heard is in the kernel.
    void written(Time now) {
        if (news_) changes_.add(now - *std::exchange(news_, std::nullopt));
    }
    /// What was heard changes nothing there.
    void nothing_to_write() { news_.reset(); }

    /// These veths are there, those that are new since `heard`.
    void follow(const Devices& veths, Time heard) {
        const bool first = !std::exchange(started_, true);
        for (const auto& veth : veths)
            if (!first && (!veths_.contains(veth.first) || veths_.at(veth.first) != veth.second))
                waiting_.insert_or_assign(veth.first, Waiting{veth.second, heard});
        std::erase_if(waiting_, [&](const auto& one) {
            const auto still = veths.find(one.first);
            return still == veths.end() || still->second != one.second.device;
        });
        veths_ = veths;
    }
    void note_guarded(const std::function<bool(uint32_t, uint64_t)>& judges, Time now) {
        std::erase_if(waiting_, [&](const auto& one) {
            if (!judges(one.first, one.second.device)) return false;
            guards_.add(now - one.second.since);
            return true;
        });
    }

    const Histogram& changes() const { return changes_; }
    const Histogram& guards() const { return guards_; }

private:
    struct Waiting {
        uint64_t device = 0;
        Time since;
    };
    std::optional<Time> news_;
    bool started_ = false;
    Devices veths_;
    std::map<uint32_t, Waiting> waiting_; // by ifindex
    Histogram changes_;
    Histogram guards_;
};

} // namespace bulkhead
