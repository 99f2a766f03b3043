// SPDX-License-Identifier: Apache-2.0
//
// From the programs' events to flows with names. However many events there are, they get no more than a bounded part of
// the loop's time: what comes beyond that stays in the ring, which the programs then find full, and count.
#include "agent.h"

#include <ctime>

#include <spdlog/spdlog.h>

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

// Together: at most 25,000 events a second.
constexpr size_t kMostAtOnce = 500;
constexpr auto kBetween = 20ms;
constexpr auto kLookPeriod = 1s;

constexpr auto kLimited = "more conversations began than the programs may tell of (--events-per-second)";
constexpr auto kRingFull = "more events came than the agent takes, and the ring was full (--events-bytes)";
constexpr auto kUntold = "a storm of refused packets: these are in no flow, but in the edges";

uint64_t now_by(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

} // namespace

Result<> Agent::follow_events() {
    auto events = datapath::Events::create(kernel_->maps(), [this](const bh_event& event) { take_event(event); });
    if (!events) return tl::unexpected(events.error());
    events_.emplace(std::move(*events));
    auto between = loop_.timer([this] { await_events(); });
    auto look = loop_.timer([this] { look_at_flows(); });
    auto untold = loop_.timer([this] { take_untold(); });
    for (const auto* timer : {&between, &look, &untold})
        if (!*timer) return tl::unexpected(timer->error());
    events_timer_ = std::move(*between);
    flows_timer_ = std::move(*look);
    untold_timer_ = std::move(*untold);
    flows_timer_->arm_every(kLookPeriod);
    return loop_.watch(events_->epoll_fd(), [this] { take_events(); });
}

void Agent::update_wall_clock() {
    to_wall_clock_ = now_by(CLOCK_REALTIME) - now_by(CLOCK_MONOTONIC);
}

/// Not one by one: each batch of the loop has its price.
void Agent::take_events() {
    update_wall_clock();
    if (const auto read = events_->consume(kMostAtOnce); !read) spdlog::error("{}", read.error().text);
    flows_.flush();
    edges_.flush();
    loop_.unwatch(events_->epoll_fd());
    events_timer_->arm_in(kBetween);
}

void Agent::await_events() {
    if (auto watched = loop_.watch(events_->epoll_fd(), [this] { take_events(); }); watched) return;
    events_timer_->arm_in(kBetween);
}

bh_event Agent::dated(bh_event event) const {
    event.time += to_wall_clock_;
    event.first += to_wall_clock_;
    return event;
}

void Agent::take_event(const bh_event& event) {
    auto flow = flow_names_.named(dated(event), surroundings());
    if (event.verdict == BH_VERDICT_DENY && spdlog::should_log(spdlog::level::debug))
        spdlog::debug("denied {}", flow::to_json(observe::record_of(flow, options_.node_name))
                                       .dump(-1, ' ', true, flow::Json::error_handler_t::replace));
    count_conversation(event);
    const auto [edge, seen] = observe::edge_of(flow);
    edges_.add(edge, seen);
    flows_.add(std::move(flow));
}

/// Who talks to whom in what was too much to be told one by one: no flows, but edges.
void Agent::take_untold() {
    update_wall_clock();
    const auto taken = datapath::take_untold(kernel_->maps(), untold_place_, [this](const bh_event& sum) {
        const auto [edge, seen] = observe::edge_of(flow_names_.named(dated(sum), surroundings()));
        edges_.add(edge, seen);
    });
    if (!taken) spdlog::error("{}", taken.error().text);
    edges_.flush();
    if (untold_place_) untold_timer_->arm_in(kBetween);
}

void Agent::look_at_flows() {
    if (!untold_place_) take_untold();
    if (options_.telling.visibility != BH_VISIBLE_OFF)
        if (const auto told = datapath::tell_rest(kernel_->programs()); !told) spdlog::error("{}", told.error().text);
    flows_.look_after_readers();
    if (flows_.is_followed())
        tell_losses();
    else
        lost_before_.reset();
}

/// To those who follow.
void Agent::tell_losses() {
    const auto now = datapath::read_statistics(kernel_->maps());
    if (!now) return;
    const std::pair<bh_statistic, const char*> causes[] = {
        {BH_STAT_EVENTS_LIMITED, kLimited}, {BH_STAT_EVENTS_LOST, kRingFull}, {BH_STAT_REFUSED_UNTOLD, kUntold}};
    for (const auto& [cause, text] : causes)
        if (lost_before_ && (*now)[cause] > (*lost_before_)[cause])
            flows_.add(flow::Lost{.count = (*now)[cause] - (*lost_before_)[cause],
                                  .because = text,
                                  .packets = cause == BH_STAT_REFUSED_UNTOLD});
    lost_before_ = *now;
    flows_.flush();
}

Result<std::shared_ptr<FlowReader>> Agent::read_flows(flow::Query query) {
    if (options_.telling.visibility == BH_VISIBLE_OFF)
        return fail("there are no flows: this agent runs with --flow-visibility=off");
    if (query.follow && !lost_before_) // what is lost from now on
        if (auto now = datapath::read_statistics(kernel_->maps()); now) lost_before_ = *now;
    return flows_.read(std::move(query));
}

} // namespace bulkhead
