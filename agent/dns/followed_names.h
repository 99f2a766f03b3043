// SPDX-License-Identifier: Apache-2.0
//
// The names that are followed, and what is known of each. Says which questions are due and takes their answers;
// somebody else asks them (follower.h). All questions together are paced, so that many names are no flood: what is due
// longest comes first, and what has to wait shows in overdue().
//
// Invariants: each question is either scheduled or under way. Addresses leave by KeptAddresses' rule or with their
// name, never because of what went wrong.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/followed_question.h"

namespace bulkhead::dns {

struct Settings {
    Pace pace{};
    Keeping keeping{};
    size_t most_names = 1000;  // of all resources together
    unsigned per_second = 400; // questions of all names together; AWS' resolver takes 1,024 packets of one interface
    std::vector<Cidr> never{}; // no name may bring these along; nor what never.h lists
};

/// What is known of a name, as conditions and metrics want it.
struct NameState {
    std::string name;
    std::vector<Address> addresses{}; // in force: named by DNS, or still kept. Sorted
    size_t in_grace = 0;              // of these, how many the last answer didn't name
    size_t refused = 0;               // left out of the last answers: no name may bring them along
    bool asked = false;               // A and AAAA have each ended once, well or not
    std::set<uint8_t> lacking{};      // families of which DNS says there are none, and we know of none
    std::optional<Time> named_at{};   // the last answer with addresses; of two families the older
    std::string error{};              // what is wrong, in words; empty = nothing
    std::optional<Time> next{};       // question; nothing = both are under way
};

class FollowedNames {
public:
    FollowedNames(Settings settings, uint32_t seed) : settings_(std::move(settings)), random_(seed) {}

    /// Exactly these from now on, as hostname_of() makes them; what a name that is no longer among them had is gone at
    /// once. Hands back those that were too many: who is followed already stays.
    std::vector<std::string> follow(const std::set<std::string>& names, Time now);
    /// What a followed name had in an earlier life of ours: as if it had just been named, so that DNS' answers take it
    /// away as they would have then. What has been answered since knows better.
    void recall(const std::string& name, const std::vector<Address>& addresses);

    /// To be asked now. Each comes back by take().
    std::vector<Question> due(Time now);
    /// Whether the name's addresses are others now. An answer for a name that is no longer followed is nothing.
    bool take(const Question& question, const Answer& answer, Time now);
    /// When to call due() next.
    std::optional<Time> wakes_at() const;

    size_t size() const { return names_.size(); }
    /// Empty if it isn't followed.
    std::vector<Address> addresses(const std::string& name) const;
    std::optional<NameState> state(const std::string& name) const;
    std::vector<NameState> states() const;
    /// Every name was asked for once: from then on what is missing is missing in DNS.
    bool settled() const { return unasked_ == 0; }
    /// How long the question that is due longest has been waiting for its turn.
    std::chrono::milliseconds overdue(Time now) const;

private:
    struct Followed {
        FollowedQuestion question;
        std::optional<Time> next; // nothing = under way
    };

    void add(const std::string& name, Time now);
    void remove(const std::string& name);
    NameState state_of(const std::string& name) const;

    Settings settings_;
    std::minstd_rand random_;
    std::set<std::string> names_;
    std::map<Question, Followed> questions_;
    std::set<std::pair<Time, Question>> schedule_;
    size_t unasked_ = 0; // questions that never ended, well or not
    Time slot_{};        // of the question after the last
};

} // namespace bulkhead::dns
