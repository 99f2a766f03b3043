// SPDX-License-Identifier: Apache-2.0
//
// Lines of several nodes' agents on their way to one stream: flows in the order of their times, all else as it comes.
// Every notice names its node. One thread.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulkheadctl/client.h"
#include "bulkheadctl/newest.h"
#include "bulkheadctl/splitter.h"
#include "bulkheadctl/time_merge.h"

namespace bulkhead::ctl {

class NodeLines {
public:
    using Clock = TimeMerge::Clock;

    /// `query` is what the agents were asked: `last` of all nodes together, and whether they go on (`follow`).
    NodeLines(std::vector<std::string> nodes, bool by_time, const Query& query, const Taker& taker,
              std::function<Clock::time_point()> clock = Clock::now);

    void feed(size_t node, std::string_view bytes);
    /// It has said all, or is to be taken for one that has.
    void end(size_t node);
    /// Those whose turn has come since. To be called now and then.
    void give();
    /// Nobody says more.
    void finish();

    /// Is more of it wanted now?
    bool wants(size_t node) const { return !by_time_ || merge_.wants(node); }

    /// What a node's agent said instead of going on; empty = nothing.
    const std::vector<std::string>& errors() const { return errors_; }

private:
    /// Of a node that is followed.
    struct Past {
        bool ended = false; // it said so, or isn't waited for any more
        Clock::duration silence{};
        Clock::duration spent{}; // on waiting for it, silent or not
    };

    void take(size_t node, std::string_view line);
    void take_by_time(size_t node, std::string text, Json json);
    void end_past(size_t node);
    void give_merged(Clock::time_point now);
    void leave_past(Clock::time_point now);
    void lose_patience(Clock::time_point now);
    bool is_past_awaited() const;

    const std::vector<std::string> nodes_;
    const bool by_time_;
    const Taker& taker_;
    const flow::Time began_;
    std::deque<LineSplitter> splitters_;
    std::vector<std::string> errors_;
    TimeMerge merge_;
    std::optional<Newest> newest_; // of the past, if so many are wanted

    bool in_past_; // while they are followed
    std::vector<Past> pasts_;
    std::function<Clock::time_point()> clock_;
    Clock::time_point looked_; // when give() was done last
};

} // namespace bulkhead::ctl
