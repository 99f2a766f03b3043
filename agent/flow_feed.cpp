// SPDX-License-Identifier: Apache-2.0
#include "flow_feed.h"

#include <algorithm>
#include <utility>

namespace bulkhead {

namespace {

constexpr size_t kMostWaiting = 16384; // of one reader, some 2.5 MB
constexpr size_t kMostReaders = 16;    // of the server's 64 connections
constexpr size_t kPiece = 64 << 10;    // bytes of text that are made at once

constexpr std::chrono::seconds kLongestSilence{5}; // of a stream that follows

constexpr auto kTooSlow = "the reader is too slow: the agent keeps 16384 flows for it, and what came since is not here";

void forget_expired(std::vector<std::weak_ptr<FlowReader>>& readers) {
    std::erase_if(readers, [](const auto& reader) { return reader.expired(); });
}

flow::Time time_of(const observe::SeenFlow& flow) {
    return flow::Time(std::chrono::nanoseconds(flow.event.time));
}

} // namespace

/// Of those that match the newest, found from the end.
void FlowReader::choose_last() {
    chosen_ = true;
    if (!query_.last) return;
    size_t left = *query_.last;
    size_t begin = remembered_.size();
    while (left > 0 && begin > 0)
        left -= query_.matches(observe::record_of(remembered_[--begin], node_)) ? 1 : 0;
    told_ = begin;
    if (left > 0) return; // what is forgotten may be among those that are missing
    std::erase_if(forgotten_, [&](const flow::Forgotten& forgotten) {
        return begin == remembered_.size() || forgotten.before <= time_of(remembered_[begin]);
    });
}

std::string FlowReader::remembered() {
    if (!chosen_) choose_last();
    std::string text;
    for (const auto& forgotten : std::exchange(forgotten_, {}))
        text += flow::line_of(flow::to_json(forgotten));
    while (told_ < remembered_.size() && text.size() < kPiece)
        text += line_of(remembered_[told_++]);
    if (told_ == remembered_.size()) remembered_ = {};
    return text;
}

std::string FlowReader::line_of(const FlowNews& news) const {
    if (const auto* lost = std::get_if<flow::Lost>(&news)) return flow::line_of(flow::to_json(*lost));
    const auto record = observe::record_of(std::get<observe::SeenFlow>(news), node_);
    return query_.matches(record) ? flow::line_of(flow::to_json(record)) : "";
}

std::optional<std::string> FlowReader::news() {
    std::string text;
    std::vector<FlowNews> taken;
    {
        const std::lock_guard lock(mutex_);
        const auto count = std::min<size_t>(waiting_.size(), kPiece / 256);
        std::move(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count), std::back_inserter(taken));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
        over_ = is_cut_off_ && waiting_.empty();
    }
    for (const auto& each : taken)
        text += line_of(each);
    if (over_) return text + flow::line_of(flow::to_json(flow::Broken{kTooSlow}));
    if (text.empty() && !taken.empty()) wake(); // perhaps further ones match
    return heard(std::move(text));
}

/// Where what is remembered ends and what comes begins, whether or not something waits.
std::string FlowReader::boundary() {
    {
        const std::lock_guard lock(mutex_);
        last_said_ = std::chrono::steady_clock::now();
    }
    is_up_to_date_ = true;
    return "\n";
}

/// The same, or an empty line where there was nothing for too long.
std::string FlowReader::heard(std::string text) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (text.empty() && now - last_said_ < kLongestSilence) return text;
    last_said_ = now;
    return text.empty() ? "\n" : text;
}

void FlowReader::beat() {
    {
        const std::lock_guard lock(mutex_);
        if (std::chrono::steady_clock::now() - last_said_ < kLongestSilence) return;
    }
    wake();
}

std::optional<std::string> FlowReader::more() {
    if (over_) return std::nullopt;
    while (!remembered_.empty() || !forgotten_.empty())
        if (auto text = remembered(); !text.empty()) return text;
    if (!query_.follow) return std::nullopt;
    return is_up_to_date_ ? news() : boundary();
}

bool FlowReader::give(const std::vector<FlowNews>& news) {
    bool has_room = false;
    {
        const std::lock_guard lock(mutex_);
        has_room = waiting_.size() + news.size() <= kMostWaiting;
        if (has_room)
            waiting_.insert(waiting_.end(), news.begin(), news.end());
        else
            is_cut_off_ = true;
    }
    wake();
    return has_room;
}

void FlowFeed::add(observe::SeenFlow flow) {
    history_.add(flow);
    if (is_followed()) news_.emplace_back(std::move(flow));
}

void FlowFeed::add(flow::Lost lost) {
    lost.node = node_;
    if (is_followed()) news_.emplace_back(std::move(lost));
}

void FlowFeed::flush() {
    if (news_.empty()) return;
    std::erase_if(followers_, [this](const auto& follower) {
        const auto reader = follower.lock();
        if (!reader) return true;
        if (reader->give(news_)) return false;
        ++cut_off_;
        return true;
    });
    news_.clear();
}

Result<std::shared_ptr<FlowReader>> FlowFeed::read(flow::Query query) {
    forget_expired(readers_);
    if (readers_.size() >= kMostReaders)
        return fail("read flows: " + std::to_string(readers_.size()) + " others do so already");
    flush(); // what came before is remembered
    auto forgotten = forgotten_of(query);
    auto remembered = query.wants_history() ? history_.flows() : std::vector<observe::SeenFlow>();
    auto reader = std::make_shared<FlowReader>(std::move(query), node_, std::move(remembered), std::move(forgotten));
    readers_.push_back(reader);
    if (reader->follows()) followers_.push_back(reader);
    return reader;
}

/// What may have been among those that are asked for. Where nobody says since when, what was before this agent isn't
/// missed.
std::vector<flow::Forgotten> FlowFeed::forgotten_of(const flow::Query& query) const {
    using observe::FlowHistory;
    std::vector<flow::Forgotten> all;
    const auto look_at = [&](FlowHistory::Ring ring, const char* name, const std::vector<bh_verdict>& verdicts) {
        const auto forgotten = history_.forgotten(ring);
        const auto before = forgotten ? *forgotten + std::chrono::nanoseconds(1) : began_;
        const bool is_missed = query.since ? *query.since < before : forgotten.has_value();
        const bool is_wanted =
            std::ranges::any_of(verdicts, [&](bh_verdict verdict) { return query.may_want(verdict); });
        if (is_missed && is_wanted) all.push_back({.what = name, .before = before, .node = node_});
    };
    if (!query.wants_history()) return all;
    look_at(FlowHistory::kAllowed, "allowed", {BH_VERDICT_ALLOW});
    look_at(FlowHistory::kRefused, "refused", {BH_VERDICT_DENY, BH_VERDICT_AUDIT});
    return all;
}

void FlowFeed::look_after_readers() {
    forget_expired(readers_);
    forget_expired(followers_);
    for (const auto& each : readers_)
        if (const auto reader = each.lock()) reader->end_if_alone();
    for (const auto& each : followers_)
        if (const auto reader = each.lock()) reader->beat();
}

size_t FlowFeed::readers() const {
    return static_cast<size_t>(std::ranges::count_if(readers_, [](const auto& reader) { return !reader.expired(); }));
}

} // namespace bulkhead
