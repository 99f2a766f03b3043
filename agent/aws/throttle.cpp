// SPDX-License-Identifier: Apache-2.0
#include "aws/throttle.h"

#include <algorithm>

namespace bulkhead::aws {

namespace {

using Seconds = std::chrono::duration<double>;

std::string text_of(const Throttle::Bucket& bucket) {
    return std::string(facts_of(bucket.service).name) + " in " + bucket.region +
           (bucket.account.empty() ? "" : " of account " + bucket.account);
}

std::string seconds_text(Throttle::Milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

} // namespace

Throttle::State& Throttle::state_of(Bucket bucket) {
    if (bucket.account == own_account_) bucket.account.clear();
    auto [place, is_new] = states_.try_emplace(bucket);
    if (is_new) {
        place->second.tokens = budget_.burst;
        place->second.filled = clock_.now();
    }
    return place->second;
}

double Throttle::filled(const State& state) const {
    return std::min(budget_.burst, state.tokens + Seconds(clock_.now() - state.filled).count() * budget_.per_second);
}

void Throttle::fill(State& state) {
    state.tokens = filled(state);
    state.filled = clock_.now();
}

/// Tokens may be less than none then: what was called twice is waited for.
void Throttle::merge(State& into, State from) {
    fill(into);
    fill(from);
    into.tokens -= budget_.burst - from.tokens;
    into.paused_until = std::max(into.paused_until, from.paused_until);
    if (from.pause > into.pause) {
        into.pause = from.pause;
        into.last = from.last;
    }
    into.counts.calls += from.counts.calls;
    into.counts.throttled += from.counts.throttled;
    into.counts.failed += from.counts.failed;
    into.counts.held_back += from.counts.held_back;
    into.counts.waited += from.counts.waited;
}

Throttle::Milliseconds Throttle::wait_for(const State& state, Clock::Steady now) const {
    const auto paused = std::chrono::ceil<Milliseconds>(state.paused_until - now);
    // A token that is there but for a rounding error is there.
    const double missing = 1 - state.tokens;
    const auto token =
        missing <= 1e-9 ? Milliseconds(0) : std::chrono::ceil<Milliseconds>(Seconds(missing / budget_.per_second));
    return std::max({paused, token, Milliseconds(0)});
}

Failure Throttle::held_back(const Bucket& bucket, const State& state, Milliseconds wait) {
    using Kind = Failure::Kind;
    const auto why = state.last == Outcome::kThrottled ? "AWS said that it is asked too often"
                     : state.last == Outcome::kFailed  ? "the last call had no good answer"
                                                       : "the call budget is used up";
    return {.kind = state.last == Outcome::kFailed ? Kind::kUnavailable : Kind::kThrottled,
            .text = text_of(bucket) + " is not asked for another " + seconds_text(wait) + ": " + why};
}

Answer<> Throttle::enter(const Bucket& bucket, Clock::Steady until, const std::stop_token& stop) {
    while (true) {
        Milliseconds wait{};
        {
            const std::lock_guard lock(mutex_);
            auto& state = state_of(bucket);
            fill(state);
            wait = wait_for(state, clock_.now());
            if (wait == Milliseconds(0)) {
                state.tokens -= 1;
                ++state.counts.calls;
                return {};
            }
            if (clock_.now() + wait > until) {
                ++state.counts.held_back;
                return tl::unexpected(held_back(bucket, state, wait));
            }
            state.counts.waited += wait;
        }
        // Another thread may take the token meanwhile; then we wait again.
        if (!clock_.wait(wait, stop)) return failure(Failure::Kind::kStopped, "given up, because we end");
    }
}

void Throttle::leave(const Bucket& bucket, Outcome outcome, std::optional<std::chrono::seconds> retry_after) {
    const std::lock_guard lock(mutex_);
    auto& state = state_of(bucket);
    state.last = outcome;
    if (outcome == Outcome::kGood) {
        state.pause = Milliseconds(0);
        return;
    }
    ++(outcome == Outcome::kThrottled ? state.counts.throttled : state.counts.failed);
    state.pause = std::clamp(state.pause * 2, kFirstPause, kLongestPause);
    std::uniform_int_distribution<int64_t> half(state.pause.count() / 2, state.pause.count());
    const Milliseconds least = std::min<Milliseconds>(retry_after.value_or(std::chrono::seconds(0)), 5 * kLongestPause);
    state.paused_until = std::max(state.paused_until, clock_.now() + std::max(least, Milliseconds(half(random_))));
}

void Throttle::set_own_account(const std::string& account) {
    const std::lock_guard lock(mutex_);
    own_account_ = account;
    std::map<Bucket, State> of_account;
    for (const auto& [bucket, state] : states_)
        if (!account.empty() && bucket.account == account) of_account.emplace(bucket, state);
    for (auto& [bucket, state] : of_account) {
        states_.erase(bucket);
        merge(state_of(bucket), state);
    }
}

std::map<Throttle::Bucket, double> Throttle::left() const {
    const std::lock_guard lock(mutex_);
    std::map<Bucket, double> all;
    for (const auto& [bucket, state] : states_)
        all.emplace(bucket, clock_.now() < state.paused_until ? 0 : std::max(filled(state), 0.0));
    return all;
}

std::map<Throttle::Bucket, Throttle::Counts> Throttle::counts() const {
    const std::lock_guard lock(mutex_);
    std::map<Bucket, Counts> all;
    for (const auto& [bucket, state] : states_)
        all.emplace(bucket, state.counts);
    return all;
}

} // namespace bulkhead::aws
