// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/time_merge.h"

#include <algorithm>
#include <utility>

namespace bulkhead::ctl {

void TimeMerge::add(size_t stream, std::optional<flow::Time> time, std::string line, Clock::time_point now) {
    auto& into = streams_[stream];
    into.last = std::max(into.last, time.value_or(into.last)); // a clock that was set back changes no order
    into.lines.push_back({.time = into.last, .text = std::move(line), .came = now});
}

/// With the oldest line; null = there is none.
TimeMerge::Stream* TimeMerge::first() {
    Stream* found = nullptr;
    for (auto& stream : streams_)
        if (!stream.lines.empty() && (found == nullptr || stream.lines.front().time < found->lines.front().time))
            found = &stream;
    return found;
}

/// Who may still have an older one.
bool TimeMerge::waits_for_somebody() const {
    return std::ranges::any_of(streams_, [](const Stream& stream) { return stream.lines.empty() && !stream.ended; });
}

std::vector<std::string> TimeMerge::take(Clock::time_point now) {
    std::vector<std::string> lines;
    for (auto* stream = first(); stream != nullptr; stream = first()) {
        const bool is_due = patience_ && now - stream->lines.front().came >= *patience_;
        if (!is_due && waits_for_somebody()) break;
        lines.push_back(std::move(stream->lines.front().text));
        stream->lines.pop_front();
    }
    return lines;
}

} // namespace bulkhead::ctl
