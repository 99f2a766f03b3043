// SPDX-License-Identifier: Apache-2.0
//
// The flows that the agent remembers, and those who read them. On the loop's thread a flow is only put where readers
// find it; they filter and write it on the server's thread, at their own pace. One that falls too far behind is cut
// off, and told so: nobody waits for it.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/body.h"
#include "flow/query.h"
#include "flow/stream.h"
#include "flow/time.h"
#include "observe/flow_history.h"

namespace bulkhead {

/// What came, for those who follow.
using FlowNews = std::variant<observe::SeenFlow, flow::Lost>;

/// One answer to /v1/flows: what is remembered of the flows that are wanted, then what comes.
class FlowReader final : public api::Body {
public:
    /// `forgotten`: what would be told of if the past is looked through to its end.
    FlowReader(flow::Query query, std::string node, std::vector<observe::SeenFlow> remembered,
               std::vector<flow::Forgotten> forgotten)
        : query_(std::move(query)), node_(std::move(node)), remembered_(std::move(remembered)),
          forgotten_(std::move(forgotten)) {}

    std::optional<std::string> more() override;

    bool follows() const { return query_.follow; }
    /// On the loop's thread. False: it has more to read than is kept for anybody, and gets no more.
    bool give(const std::vector<FlowNews>& news);
    /// Now and then: whoever heard nothing for a while gets an empty line, and so knows that the agent is there.
    void beat();

private:
    void choose_last();
    std::string remembered();
    std::string boundary();
    std::optional<std::string> news();
    std::string heard(std::string text);
    std::string line_of(const FlowNews& news) const;

    const flow::Query query_;
    const std::string node_;

    // The server's thread
    std::vector<observe::SeenFlow> remembered_;
    std::vector<flow::Forgotten> forgotten_;
    size_t told_ = 0; // of these
    bool chosen_ = false;
    bool is_up_to_date_ = false; // what is remembered is told, and that it is
    bool over_ = false;

    std::mutex mutex_; // of what follows
    std::deque<FlowNews> waiting_;
    bool is_cut_off_ = false;
    std::chrono::steady_clock::time_point last_said_{};
};

class FlowFeed {
public:
    FlowFeed(observe::FlowHistory::Limits limits, std::string node)
        : history_(limits), node_(std::move(node)), began_(flow::now()) {}

    /// Readers get it with the next flush().
    void add(observe::SeenFlow flow);
    /// Flows of which no event tells.
    void add(flow::Lost lost);
    void flush();

    /// A reader, from now on; an error if there are too many.
    Result<std::shared_ptr<FlowReader>> read(flow::Query query);

    /// Now and then.
    void look_after_readers();

    bool is_followed() const { return !followers_.empty(); }
    size_t remembered() const { return history_.size(); }
    std::vector<observe::SeenFlow> history() const { return history_.flows(); } // oldest first
    size_t readers() const;
    uint64_t cut_off() const { return cut_off_; }

private:
    std::vector<flow::Forgotten> forgotten_of(const flow::Query& query) const;

    observe::FlowHistory history_;
    std::string node_;
    flow::Time began_;
    std::vector<FlowNews> news_; // if somebody follows
    std::vector<std::weak_ptr<FlowReader>> readers_;
    std::vector<std::weak_ptr<FlowReader>> followers_;
    uint64_t cut_off_ = 0;
};

} // namespace bulkhead
