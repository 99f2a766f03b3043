// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/time_merge.h"

#include <algorithm>
#include <utility>

namespace bulkhead::ctl {

void TimeMerge::add(size_t stream, std::optional<flow::Time> time, std::string line, Clock::time_point now, Kind kind) {
    auto& into = streams_[stream];
    into.last = std::max(into.last, time.value_or(into.last)); // a clock that was set back changes no order
    into.bytes += line.size();
    into.lines.push_back({.time = into.last, .text = std::move(line), .came = now, .kind = kind});
}

void TimeMerge::go_on(Clock::duration patience, Clock::time_point now) {
    patience_ = patience;
    in_past_ = false;
    for (auto& stream : streams_)
        for (auto& line : stream.lines)
            line.came = now; // it was the past that kept it
}

/// With the oldest line that may be taken; null = there is none.
TimeMerge::Stream* TimeMerge::first() {
    Stream* found = nullptr;
    for (auto& stream : streams_) {
        if (stream.lines.empty() || (in_past_ && stream.lines.front().kind == Kind::kNews)) continue;
        if (found == nullptr || stream.lines.front().time < found->lines.front().time) found = &stream;
    }
    return found;
}

/// Who may still have an older one.
bool TimeMerge::waits_for_somebody() const {
    return std::ranges::any_of(streams_, [this](const Stream& stream) {
        const bool is_through = stream.ended || (in_past_ && stream.past_ended);
        return stream.lines.empty() && !is_through;
    });
}

std::vector<TimeMerge::Line> TimeMerge::take(Clock::time_point now) {
    std::vector<Line> lines;
    for (auto* stream = first(); stream != nullptr; stream = first()) {
        const bool is_due = patience_ && now - stream->lines.front().came >= *patience_;
        if (!is_due && waits_for_somebody()) break;
        stream->bytes -= stream->lines.front().text.size();
        lines.push_back(std::move(stream->lines.front()));
        stream->lines.pop_front();
    }
    return lines;
}

} // namespace bulkhead::ctl
