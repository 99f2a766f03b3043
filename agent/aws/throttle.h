// SPDX-License-Identifier: Apache-2.0
//
// How often AWS is asked. AWS counts calls per account, region and service, and whoever else calls there (the VPC CNI,
// Karpenter, people) shares the count; so each of these has its own budget here, a bucket of tokens that refills at a
// steady rate. A call without a token waits for one. A role's calls are its account's, also where that is our own: what
// we ask as ourselves and as a role of our account shares one budget, once we know which account ours is.
//
// Where AWS says that it is too much, or doesn't answer, all calls of that bucket pause: twice as long each time,
// jittered so that several callers don't meet again, at least what Retry-After says; one good answer ends that. So who
// is throttled for minutes asks ever less, at last once a minute.
//
// What was asked, refused and waited for is counted: the budget is kept, measured and published.
//
// Any thread.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "aws/clock.h"
#include "aws/endpoints.h"
#include "aws/failure.h"

namespace bulkhead::aws {

struct Budget {
    double per_second = 2; // EC2 refills 10 to 20 a second for all that an account's region asks of this kind
    double burst = 20;     // a sweep's calls needn't wait for each other
};

class Throttle {
public:
    using Milliseconds = Clock::Milliseconds;
    static constexpr Milliseconds kFirstPause{500};
    static constexpr Milliseconds kLongestPause{60'000};

    struct Bucket {
        std::string account; // twelve digits, or empty: our own
        std::string region;
        Service service = Service::kEc2;
        auto operator<=>(const Bucket&) const = default;
    };

    struct Counts {
        uint64_t calls = 0;     // sent
        uint64_t throttled = 0; // of these, refused by AWS for being too many
        uint64_t failed = 0;    // of these, without an answer, or with one that says that AWS has trouble
        uint64_t held_back = 0; // not sent: the wait would have been longer than the caller's patience
        Milliseconds waited{0}; // for tokens and pauses
        bool operator==(const Counts&) const = default;
    };

    enum class Outcome : uint8_t { kGood, kThrottled, kFailed };

    Throttle(const Budget& budget, const Clock& clock, uint32_t seed) : budget_(budget), clock_(clock), random_(seed) {}

    /// Waits for a token and the end of a pause, but not beyond `until`: that is kThrottled at once, or kUnavailable
    /// where the pause is for answers that didn't come.
    Answer<> enter(const Bucket& bucket, Clock::Steady until, const std::stop_token& stop);

    /// What came of a call that was let in.
    void leave(const Bucket& bucket, Outcome outcome, std::optional<std::chrono::seconds> retry_after = {});

    /// From now on its budget and our own are one, of the bucket with an empty account. What both have used and what
    /// AWS said to either counts for it.
    void set_own_account(const std::string& account);

    std::map<Bucket, Counts> counts() const;

    const Budget& budget() const { return budget_; }
    /// Calls that could be made at once, of buckets that were asked for one.
    std::map<Bucket, double> left() const;

private:
    struct State {
        double tokens = 0;
        Clock::Steady filled{};       // when `tokens` was right
        Clock::Steady paused_until{}; // by AWS
        Milliseconds pause{0};        // the last one; 0 = all is well
        Outcome last = Outcome::kGood;
        Counts counts{};
    };

    State& state_of(Bucket bucket);
    double filled(const State& state) const;
    void fill(State& state);
    void merge(State& into, State from);
    Milliseconds wait_for(const State& state, Clock::Steady now) const;
    static Failure held_back(const Bucket& bucket, const State& state, Milliseconds wait);

    const Budget budget_;
    const Clock& clock_;
    mutable std::mutex mutex_; // guards what follows
    std::minstd_rand random_;
    std::string own_account_; // empty: not known
    std::map<Bucket, State> states_;
};

} // namespace bulkhead::aws
