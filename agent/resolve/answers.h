// SPDX-License-Identifier: Apache-2.0
//
// The last good answer to each question, which only another good one replaces: what a failure says is told, and changes
// nothing. What an answer no longer names stays for the grace time. One thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "resolve/kept.h"
#include "resolve/question.h"

namespace bulkhead::resolve {

class Answers {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct State {
        std::set<Cidr> cidrs{}; // in force: named by the last good answer, or still kept
        std::set<std::string> names{};
        state::OwnersByAddress owners{}; // of these, by the last answer that named each
        OwnersByName name_owners{};
        std::set<Cidr> kept_cidrs{}; // of these, those that the last good answer doesn't name
        std::set<std::string> kept_names{};
        std::optional<Time> answered_at{};     // the last good answer
        std::optional<state::Time> date{};     // the same, by the calendar
        std::optional<aws::Failure> failure{}; // of the last try
        state::Time failing_since{};           // then: the first try that failed, by the calendar
        bool asked() const { return answered_at || failure; }
        bool is_well() const { return answered_at && !failure; }
        /// The last good answer names something.
        bool found_some() const { return cidrs.size() > kept_cidrs.size() || names.size() > kept_names.size(); }
    };

    explicit Answers(Milliseconds grace) : grace_(grace) {}

    /// Exactly these from now on: what was known of others is gone at once.
    void follow(const std::set<Question>& questions);

    /// What it had in an earlier life of ours: in force until good answers haven't named it for the grace time. What
    /// has been asked since knows better.
    void recall(const Question& question, const Found& found);

    /// Whether anything is in force now that wasn't, or the other way round. Of what is no longer followed: nothing.
    bool take(const Outcome& outcome, Time now, state::Time date);

    const State& state(const Question& question) const; // nothing, if it isn't followed

    /// Since the last good answer, of the question where that is longest.
    std::chrono::seconds oldest(Time now) const;

private:
    struct Followed {
        State state{};
        Kept<Cidr> cidrs{};
        Kept<std::string> names{};
    };

    Milliseconds grace_;
    std::map<Question, Followed> followed_;
};

} // namespace bulkhead::resolve
