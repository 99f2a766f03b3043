// SPDX-License-Identifier: Apache-2.0
#include "resolve/sweep.h"

#include <algorithm>

namespace bulkhead::resolve {

namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenEdits = 1s; // several objects are written at once, and each sweep costs calls

} // namespace

Sweep::Sweep(Loop& loop, std::unique_ptr<Asker> asker, const Rhythm& rhythm, Take take)
    : loop_(loop), asker_(std::move(asker)), rhythm_(rhythm), take_(std::make_shared<Take>(std::move(take))),
      worker_([this](const std::stop_token& stop) { work(stop); }) {}

Sweep::~Sweep() {
    stop();
}

void Sweep::stop() {
    worker_.request_stop();
}

/// Nodes come and go: that alone is no reason to ask.
void Sweep::set_order(Order order) {
    const std::lock_guard lock(mutex_);
    is_other_ |= !std::ranges::includes(order_.questions, order.questions);
    order_ = std::move(order);
    if (is_other_) news_.notify_all();
}

void Sweep::work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const auto order = wait_for_turn(stop);
        if (stop.stop_requested()) return;
        auto outcomes = asker_->ask(order, stop);
        if (stop.stop_requested()) return;
        tell({.outcomes = std::move(outcomes), .credentials = asker_->credentials()});
    }
}

Order Sweep::wait_for_turn(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, stop, rhythm_.interval, [this] { return is_other_; });
    if (is_other_) news_.wait_for(lock, stop, kBetweenEdits, [] { return false; });
    is_other_ = false;
    return order_;
}

void Sweep::tell(Report report) {
    loop_.post([weak = std::weak_ptr(take_), report = std::move(report)] {
        if (const auto take = weak.lock()) (*take)(report);
    });
}

} // namespace bulkhead::resolve
