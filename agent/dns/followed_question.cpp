// SPDX-License-Identifier: Apache-2.0
#include "dns/followed_question.h"

#include <algorithm>

#include "dns/never.h"

namespace bulkhead::dns {

namespace {

using std::chrono::milliseconds;

milliseconds part_of(milliseconds whole, double from, double to, std::minstd_rand& random) {
    const double part = std::uniform_real_distribution<double>(from, to)(random);
    return milliseconds(static_cast<int64_t>(static_cast<double>(whole.count()) * part));
}

/// Ahead of its end, and not all at once.
milliseconds most_of(milliseconds whole, std::minstd_rand& random) {
    return part_of(whole, 0.75, 0.9, random);
}

struct Sifted {
    std::vector<Address> good;
    size_t refused = 0;
    std::string example; // of what was refused, and why
};

Sifted sift(const std::vector<Address>& addresses, const std::vector<Cidr>& never) {
    Sifted sifted;
    for (const auto& address : addresses) {
        const auto why = why_never(address, never);
        if (!why) {
            sifted.good.push_back(address);
        } else if (++sifted.refused == 1) {
            sifted.example = address.text() + " (" + *why + ")";
        }
    }
    return sifted;
}

std::string count_of(size_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

} // namespace

milliseconds FollowedQuestion::take(const Answer& answer, const std::vector<Cidr>& never, Time now,
                                    std::minstd_rand& random) {
    last_ = answer.outcome;
    error_.clear();
    refused_ = 0;
    if (answer.outcome == Outcome::kAddresses) return take_addresses(answer, never, now, random);
    if (says_nothing_there(answer.outcome)) return take_nothing(answer, now, random);
    error_ = answer.error;
    return after_failure(random);
}

milliseconds FollowedQuestion::take_addresses(const Answer& answer, const std::vector<Cidr>& never, Time now,
                                              std::minstd_rand& random) {
    const auto sifted = sift(answer.addresses, never);
    if (!sifted.good.empty()) named_at_ = now;
    if (sifted.refused > 0) {
        refused_ = sifted.refused;
        kept_.take_also(sifted.good);
        error_ = "the answer names " + sifted.example + (refused_ > 1 ? " and the like" : "") +
                 ", which no name may bring along: left out";
        return after_failure(random);
    }
    kept_.take_named(sifted.good, heard(now));
    if (kept_.left_out() > 0)
        error_ = count_of(kept_.left_out(), "address is", "addresses are") +
                 " left out: of one name and family at most " + std::to_string(most_) + " are followed";
    failures_ = 0;
    return after_ttl(answer.ttl, random);
}

milliseconds FollowedQuestion::take_nothing(const Answer& answer, Time now, std::minstd_rand& random) {
    const bool had_some = !kept_.empty();
    kept_.take_none(heard(now));
    failures_ = 0;
    if (!had_some) return most_of(pace_.absent, random);
    error_ =
        answer.error + (kept_.empty() ? "; what it had was given up"
                                      : "; " + count_of(kept_.all().size(), "address is kept", "addresses are kept"));
    return most_of(pace_.retry, random);
}

/// The time that counts for addresses that weren't named: between two answers with nothing else in between.
milliseconds FollowedQuestion::heard(Time now) {
    const auto before = std::exchange(heard_at_, now);
    if (!before) return milliseconds(0);
    return std::min(std::chrono::duration_cast<milliseconds>(now - *before), pace_.longest);
}

milliseconds FollowedQuestion::after_ttl(std::chrono::seconds ttl, std::minstd_rand& random) {
    const bool counted_down = ttl < whole_ttl_ && ttl != last_ttl_;
    last_ttl_ = ttl;
    if (!counted_down) whole_ttl_ = ttl;
    const auto pause = std::min<milliseconds>(ttl, pace_.longest);
    const auto next = counted_down ? pause + part_of(milliseconds(400), 0.25, 1, random) : most_of(pause, random);
    return std::max(next, pace_.shortest);
}

milliseconds FollowedQuestion::after_failure(std::minstd_rand& random) {
    heard_at_.reset();
    const auto doubled = pace_.shortest * (1u << std::min(failures_, 10u));
    ++failures_;
    return part_of(std::min<milliseconds>(doubled, std::max(pace_.retry, pace_.shortest)), 0.5, 1, random);
}

} // namespace bulkhead::dns
