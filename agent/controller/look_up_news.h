// SPDX-License-Identifier: Apache-2.0
//
// Of which AWSResources AWS or DNS doesn't answer something, and of which they do again: what Events and the log tell.
// The condition Resolved says how it is at this moment; here a moment is no news:
//
//   answered --a trouble, for `lasting`--> failing --none, for `calm`--> answered again, told for `told`
//
// So a lost packet is never told, and what comes and goes is failing, once. What is told of it stays as it was until it
// fails for another reason: what failures say differs from try to try.
//
// Who begins to lead takes what the condition says for told. Pure: time comes in as an argument.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/found.h"
#include "controller/observed.h"
#include "state/cluster.h"

namespace bulkhead::controller {

class LookUpNews {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Pace {
        std::chrono::milliseconds lasting{30'000};
        std::chrono::milliseconds calm{120'000};   // two sweeps: what fails in each other one is no calm
        std::chrono::milliseconds told{3'000'000}; // shorter than until an Event is told again
        static Pace of(std::chrono::milliseconds interval, std::chrono::milliseconds events_again);
    };

    explicit LookUpNews(const Pace& pace) : pace_(pace) {}

    /// `findings` as they are at `now`, of the resources in `cluster`; none: we don't look up.
    void update(const state::Cluster& cluster, const Observed& observed, const Findings& findings, Time now);

    /// One for each resource of which something isn't answered.
    std::vector<state::Problem> failing() const { return those_of(state::Problem::Nature::kNotAnswered); }

    /// One for each of which everything is again.
    std::vector<state::Problem> answered() const { return those_of(state::Problem::Nature::kAnswered); }

    /// When there is something to update that no finding tells of.
    std::optional<Time> wakes_at() const;

private:
    struct Followed {
        bool is_failing = false;
        std::string since{};                  // a date, of failing
        std::set<std::string> reasons{};      // of these it was told
        std::optional<state::Problem> told{}; // what is, if anything
        std::optional<Time> other_since{};    // the findings say otherwise than is_failing
        std::optional<Time> told_until{};     // that it is answered again
    };

    static Followed begin(const Observed& observed, const std::string& name);
    void update(const state::AwsResource& resource, const resolve::Finding& finding, Followed& followed,
                Time now) const;
    void change(const state::AwsResource& resource, const resolve::Finding& finding, Followed& followed,
                Time now) const;
    static void tell(const state::AwsResource& resource, const resolve::Finding& finding, Followed& followed);
    std::chrono::milliseconds until_told(const Followed& followed) const;
    std::vector<state::Problem> those_of(state::Problem::Nature nature) const;

    const Pace pace_;
    std::map<std::string, Followed> followed_; // by resource
};

} // namespace bulkhead::controller
