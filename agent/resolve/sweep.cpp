// SPDX-License-Identifier: Apache-2.0
#include "resolve/sweep.h"

#include <algorithm>

namespace bulkhead::resolve {

namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenEdits = 1s; // several objects are written at once, and each sweep costs calls

} // namespace

Sweep::Sweep(Loop& loop, std::unique_ptr<Asker> asker, std::chrono::milliseconds interval, Take take)
    : loop_(loop), asker_(std::move(asker)), interval_(interval), take_(std::make_shared<Take>(std::move(take))),
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
    auto due = std::chrono::steady_clock::now() + interval_;
    while (!stop.stop_requested()) {
        const auto order = wait_for_turn(due, stop);
        if (stop.stop_requested()) return;
        due = std::chrono::steady_clock::now() + interval_;
        asker_->ask(order, stop, [this](auto outcomes) {
            tell({.outcomes = std::move(outcomes), .credentials = asker_->credentials()});
        });
    }
}

Order Sweep::wait_for_turn(Time due, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    news_.wait_until(lock, stop, due, [this] { return is_other_; });
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
