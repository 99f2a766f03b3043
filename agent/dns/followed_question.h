// SPDX-License-Identifier: Apache-2.0
//
// One question that is asked again and again: what its answers mean for the addresses that we keep, and when to ask
// next.
//
// Ahead of the TTL's end, so that a change is known before anybody's copy of the old answer is over. A server that
// caches counts the TTL down instead of giving it anew; asked ahead it would only repeat itself, so it is asked right
// after. What doesn't exist is asked for at a pace of its own, and after a failure soon, then less often, but never
// seldom: the next answer may be that of a fail-over.
//
// Pure but for the randomness that keeps many questions from being asked at once.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string>

#include "dns/kept_addresses.h"
#include "dns/question.h"

namespace bulkhead::dns {

using Time = std::chrono::steady_clock::time_point;

/// Pauses between two times that the same question is asked.
struct Pace {
    std::chrono::milliseconds shortest{1'000}; // whatever the TTL says
    std::chrono::milliseconds longest{60'000}; // likewise: a fail-over must not wait for a TTL of a day
    std::chrono::milliseconds absent{10'000};  // while there is nothing, and was nothing
    std::chrono::milliseconds retry{5'000};    // at most, after a failure, or where addresses are gone
};

class FollowedQuestion {
public:
    FollowedQuestion(const Keeping& keeping, const Pace& pace) : pace_(pace), most_(keeping.most), kept_(keeping) {}

    /// Hands back how long to wait before the question is asked again. `never`: as why_never() takes them.
    std::chrono::milliseconds take(const Answer& answer, const std::vector<Cidr>& never, Time now,
                                   std::minstd_rand& random);
    void recall(std::span<const Address> addresses) { kept_.recall(addresses); }

    const KeptAddresses& kept() const { return kept_; }
    /// How the last question ended; nothing = none has yet.
    std::optional<Outcome> last() const { return last_; }
    /// Well at the last try: with addresses, or by there being none.
    bool was_answered() const { return last_ && error_.empty(); }
    /// The last answer with an address that we can use.
    std::optional<Time> named_at() const { return named_at_; }
    /// What is wrong with the last answer, in words; empty = nothing. That there is no address of this family is
    /// nothing wrong as long as there was none.
    const std::string& error() const { return error_; }
    size_t refused() const { return refused_; } // addresses of the last answer that no name may bring along

private:
    using Milliseconds = std::chrono::milliseconds;

    Milliseconds take_addresses(const Answer& answer, const std::vector<Cidr>& never, Time now,
                                std::minstd_rand& random);
    Milliseconds take_nothing(const Answer& answer, Time now, std::minstd_rand& random);
    Milliseconds after_ttl(std::chrono::seconds ttl, std::minstd_rand& random);
    Milliseconds after_failure(std::minstd_rand& random);
    Milliseconds heard(Time now);

    Pace pace_;
    size_t most_;
    KeptAddresses kept_;
    std::optional<Outcome> last_;
    std::optional<Time> named_at_;
    std::optional<Time> heard_at_; // the last answer, unless something else came after it
    std::string error_;
    size_t refused_ = 0;
    unsigned failures_ = 0; // in a row
    std::chrono::seconds whole_ttl_{0}, last_ttl_{0};
};

} // namespace bulkhead::dns
