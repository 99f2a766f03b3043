// SPDX-License-Identifier: Apache-2.0
//
// Lines of several streams, each in the order of its times, as one in that order. Where one falls silent, the others
// wait for it no longer than a patience, if there is one. Bounded: whoever is ahead has to wait. Pure; one thread.
//
// A stream that goes on has a past first, and nothing to tell for as long as nothing comes after that. While the past
// is merged, whoever is through with its own isn't waited for, and what came after it has to wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "flow/record.h"

namespace bulkhead::ctl {

class TimeMerge {
public:
    using Clock = std::chrono::steady_clock;

    /// `patience` nothing: streams end, or their past does, so that it is worth waiting for each.
    TimeMerge(size_t streams, std::optional<Clock::duration> patience) : streams_(streams), patience_(patience) {}

    enum class Kind : uint8_t { kFlow, kNotice, kNews }; // news: of either, and not of the past

    struct Line {
        flow::Time time;
        std::string text;
        Clock::time_point came;
        Kind kind = Kind::kFlow;
    };

    /// What has no time of its own has that of the line before it.
    void add(size_t stream, std::optional<flow::Time> time, std::string line, Clock::time_point now,
             Kind kind = Kind::kFlow);
    void end(size_t stream) { streams_[stream].ended = true; }
    void end_past(size_t stream) { streams_[stream].past_ended = true; }

    /// From now on streams that only are through with their past are waited for too.
    void go_on(Clock::duration patience, Clock::time_point now);

    /// Is there room for more of it?
    bool wants(size_t stream) const {
        return streams_[stream].lines.size() < kMostWaiting && streams_[stream].bytes < kMostBytes;
    }

    /// Those whose turn it is by now.
    std::vector<Line> take(Clock::time_point now);

private:
    static constexpr size_t kMostWaiting = 1000; // lines of a stream
    static constexpr size_t kMostBytes = 1 << 20;

    struct Stream {
        std::deque<Line> lines;
        size_t bytes = 0; // of these
        flow::Time last{};
        bool ended = false;
        bool past_ended = false;
    };
    Stream* first();
    bool waits_for_somebody() const;

    std::vector<Stream> streams_;
    std::optional<Clock::duration> patience_;
    bool in_past_ = true;
};

} // namespace bulkhead::ctl
