// SPDX-License-Identifier: Apache-2.0
//
// Lines of several streams, each in the order of its times, as one in that order. Where one falls silent, the others
// wait for it no longer than a patience, if there is one. Bounded: whoever is ahead has to wait. Pure; one thread.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "flow/record.h"

namespace bulkhead::ctl {

class TimeMerge {
public:
    using Clock = std::chrono::steady_clock;

    /// `patience` nothing: streams end, so that it is worth waiting for each.
    TimeMerge(size_t streams, std::optional<Clock::duration> patience) : streams_(streams), patience_(patience) {}

    /// What has no time of its own has that of the line before it.
    void add(size_t stream, std::optional<flow::Time> time, std::string line, Clock::time_point now);
    void end(size_t stream) { streams_[stream].ended = true; }

    /// Is there room for more of it?
    bool wants(size_t stream) const { return streams_[stream].lines.size() < kMostWaiting; }

    /// Those whose turn it is by now.
    std::vector<std::string> take(Clock::time_point now);

private:
    static constexpr size_t kMostWaiting = 1000;

    struct Line {
        flow::Time time;
        std::string text;
        Clock::time_point came;
    };
    struct Stream {
        std::deque<Line> lines;
        flow::Time last{};
        bool ended = false;
    };
    Stream* first();
    bool waits_for_somebody() const;

    std::vector<Stream> streams_;
    std::optional<Clock::duration> patience_;
};

} // namespace bulkhead::ctl
