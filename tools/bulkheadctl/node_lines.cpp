// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/node_lines.h"

#include <algorithm>
#include <utility>

#include "bulkheadctl/parse_json.h"
#include "flow/stream.h"
#include "flow/time.h"

namespace bulkhead::ctl {

namespace {

constexpr std::chrono::milliseconds kHoldBack{1000}; // of what is followed, for a slower node's
// With a node that says nothing of its past, nor that it's over; and with one that comes to no end of it.
constexpr std::chrono::seconds kPastPatience{5}, kLongestPast{30};
constexpr std::chrono::seconds kSlowest{1}; // between two looks; what is longer is no node's fault

std::optional<std::string> value_of(const Query& query, const std::string& name) {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

std::optional<std::string> word_at(const Json& json, const char* name) {
    if (!json.is_object() || !json.contains(name) || !json.at(name).is_string()) return std::nullopt;
    return json.at(name).get<std::string>();
}

std::optional<flow::Time> time_of(const Json& json) {
    const auto text = word_at(json, "time");
    if (!text) return std::nullopt;
    const auto time = flow::parse_time(*text, {});
    return time ? std::optional(*time) : std::nullopt;
}

} // namespace

NodeLines::NodeLines(std::vector<std::string> nodes, bool by_time, const Query& query, const Taker& taker,
                     std::function<Clock::time_point()> clock)
    : nodes_(std::move(nodes)), by_time_(by_time), taker_(taker), began_(flow::now()), errors_(nodes_.size()),
      merge_(nodes_.size(), std::nullopt), in_past_(value_of(query, "follow").has_value()), pasts_(nodes_.size()),
      clock_(std::move(clock)), looked_(clock_()) {
    if (const auto last = value_of(query, "last"))
        newest_.emplace(std::stoull(*last), [this](const std::string& line) { taker_.bytes(line); });
    for (size_t i = 0; i < nodes_.size(); ++i)
        splitters_.emplace_back([this, i](std::string_view line, bool) { take(i, line); });
}

void NodeLines::feed(size_t node, std::string_view bytes) {
    pasts_[node].silence = {};
    splitters_[node].feed(bytes);
    give();
}

void NodeLines::end(size_t node) {
    splitters_[node].finish();
    end_past(node);
    merge_.end(node);
    give();
}

void NodeLines::give() {
    const auto now = clock_();
    if (in_past_) lose_patience(now);
    give_merged(now);
    if (in_past_ && !is_past_awaited()) leave_past(now);
    looked_ = clock_(); // while a reader made us wait, no node did
}

/// Whoever keeps the others waiting too long is left behind; what these tell of their past still counts as that.
void NodeLines::lose_patience(Clock::time_point now) {
    const auto since = std::min<Clock::duration>(now - looked_, kSlowest);
    for (size_t i = 0; i < nodes_.size(); ++i) {
        auto& past = pasts_[i];
        if (!wants(i)) { // it is others who are slow
            past.silence = {};
            continue;
        }
        past.silence += since;
        past.spent += since;
        if (!past.ended && (past.silence >= kPastPatience || past.spent >= kLongestPast)) end_past(i);
    }
}

void NodeLines::leave_past(Clock::time_point now) {
    in_past_ = false;
    if (newest_) newest_->finish();
    newest_.reset();
    merge_.go_on(kHoldBack, now);
    give_merged(now);
}

void NodeLines::finish() {
    for (size_t i = 0; i < nodes_.size(); ++i)
        merge_.end(i);
    give_merged(clock_());
    if (in_past_) leave_past(clock_());
    if (newest_) newest_->finish();
}

void NodeLines::give_merged(Clock::time_point now) {
    for (auto& line : merge_.take(now))
        if (newest_)
            newest_->add(std::move(line.text), line.kind == TimeMerge::Kind::kFlow);
        else
            taker_.bytes(line.text);
}

bool NodeLines::is_past_awaited() const {
    return !std::ranges::all_of(pasts_, &Past::ended);
}

void NodeLines::end_past(size_t node) {
    pasts_[node].ended = true;
    merge_.end_past(node);
}

void NodeLines::take(size_t node, std::string_view line) {
    if (line.empty()) return end_past(node); // an agent that is there, and says first that its past is told
    auto json = parse_json(line).value_or(Json());
    if (auto error = word_at(json, "error")) {
        errors_[node] = std::move(*error);
        return;
    }
    auto text = std::string(line) + "\n";
    if (by_time_) return take_by_time(node, std::move(text), std::move(json));
    taker_.bytes(text);
}

void NodeLines::take_by_time(size_t node, std::string text, Json json) {
    const bool is_notice = flow::is_notice(json);
    if (is_notice && !json.contains("node")) {
        json["node"] = nodes_[node];
        text = flow::line_of(json);
    }
    const auto time = time_of(json);
    if (in_past_ && time && *time > began_) end_past(node); // an older agent doesn't say where its past ends
    using Kind = TimeMerge::Kind;
    const bool is_news = in_past_ && pasts_[node].ended;
    merge_.add(node, time, std::move(text), clock_(), is_news ? Kind::kNews : is_notice ? Kind::kNotice : Kind::kFlow);
}

} // namespace bulkhead::ctl
