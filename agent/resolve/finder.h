// SPDX-License-Identifier: Apache-2.0
//
// Which addresses AWSResources have, by what AWS and DNS say. Whoever wants to know says follow() as often as it likes,
// is told when something is other than it was, and reads it.
//
//   AWSResources -- plan --> questions --> Sweep, one per role and region --> Answers --+
//                            names ------> dns::Follower --------------------------------+--> Finding of each
//                            what was found by whoever asked before us ---> Carried -----+
//                            what we found in an earlier life ---> recall() ---> each of them, by what found it
//
// Invariant: an address leaves a Finding because AWS or DNS answered well for the grace time without naming it, or
// because the AWSResource doesn't name any more what it came from; if that was replaced, only once the new has been
// answered. Never because of what went wrong.
//
// One thread, the loop's. on_change is called from the loop, never from a method of ours.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "dns/follower.h"
#include "resolve/answers.h"
#include "resolve/carried.h"
#include "resolve/evidence.h"
#include "resolve/finding.h"
#include "resolve/plan.h"
#include "resolve/remembered.h"
#include "resolve/sweep.h"

namespace bulkhead::resolve {

struct Settings {
    aws::Environment environment = aws::Environment::real();
    std::string region{};  // of resources that name none
    std::string cluster{}; // as EKS has it; empty: not known
    aws::Budget budget{};
    Rhythm rhythm{};
    Milliseconds grace = std::chrono::minutes(30); // of addresses that are no longer named
    std::vector<dns::Server> servers{};            // none: those of /etc/resolv.conf
    dns::Settings dns{};                           // but for its grace time
};

class Finder {
public:
    using Time = std::chrono::steady_clock::time_point;

    Finder(Loop& loop, Settings settings, std::function<void()> on_change);
    ~Finder(); // may take a second
    Finder(const Finder&) = delete;

    /// Exactly these from now on. Of one that is new to us, what we remember was found before, or else `found`, by
    /// somebody. `instances` are those of the cluster's nodes.
    void follow(const Resources& resources, const std::set<std::string>& instances, const Memories& memories = {});

    /// nullptr: it isn't followed, or nothing of it has to be looked up.
    const Finding* of(const std::string& resource) const;

    /// The same addresses with what found them, for follow() in a later life.
    Remembered remembered(const std::string& resource) const;

    metrics::Families metrics(Time now) const;

private:
    struct Named {
        std::set<Question> questions{};
        std::set<std::string> hostnames{};
    };
    struct Followed {
        Named named;
        Carried carried;
        Finding finding{};
        std::optional<state::Time> held_since{}; // see add_held()
    };
    struct Place {
        std::unique_ptr<Sweep> sweep;
        aws::Credentials::View credentials{};
    };

    /// The names of a resource, and whose each is.
    struct NameOwners {
        std::set<state::OwnerTags> now{};  // by AWS' last answers
        std::set<state::OwnerTags> kept{}; // by earlier ones
        bool is_named = false;             // by the resource, or by AWS' last answers
        bool is_written = false;           // by the resource
    };
    using FollowedNames = std::map<std::string, NameOwners>;

    /// Of a name, worked out once for each answer and each failure, so that the same has the same.
    struct NameDates {
        std::optional<Time> answer{};          // the last good one
        std::optional<state::Time> answered{}; // the same, by the calendar
        std::optional<state::Time> failing{};  // since, by the calendar; meanwhile `answered` stays
    };

    void set_up_dns();
    void take_over(Followed& followed, Recalled recalled);
    void follow_places(const Plan& plan, const std::set<std::string>& instances);
    void follow_names();
    void take(const state::AwsPlace& place, const Sweep::Report& report);
    void update();
    bool update(const std::string& name, Followed& followed, Time now);
    static bool lacks_some_of(const Named& all, const Named& some);
    FollowedNames names_of(const Followed& followed) const;
    void add_questions(const Followed& followed, Evidence& evidence, Finding& finding) const;
    void add_names(const Followed& followed, Evidence& evidence, Finding& finding);
    Trouble too_many(const std::vector<std::string>& unfollowed);
    Carried::Families lacking_in(const Followed& followed) const;
    Carried::Patience patience() const { return {.grace = settings_.grace, .gone = settings_.dns.keeping.gone}; }
    void add_held(Followed& followed, const Evidence& evidence, Finding& finding) const;
    void note_answer(const dns::NameState& state);
    void add_name_trouble(const std::string& name, const std::string& error, Finding& finding);
    std::set<Asked> asked() const;

    Loop& loop_;
    const Settings settings_;
    const std::function<void()> on_change_;
    std::map<std::string, Followed> followed_; // by resource
    Answers answers_;
    std::unique_ptr<dns::Follower> dns_;
    std::string dns_error_;                  // why there is none
    size_t wanted_names_ = 0;                // followed or not
    std::map<std::string, NameDates> dates_; // by name
    std::unique_ptr<Timer> timer_;
    aws::Throttle throttle_;
    aws::OwnAccount own_account_{throttle_, aws::Clock::real()};
    std::map<state::AwsPlace, Place> places_; // last: their threads use the two before
};

// What asking looks like to Prometheus; docs/metrics.md says what each means.

metrics::Families metrics_of(const aws::Throttle& throttle);

/// What isn't answered at `now`. `asked`: everybody who is asked, so that who answers is told of, too.
metrics::Families metrics_of(const std::map<std::string, const Finding*>& by_resource, const std::set<Asked>& asked,
                             state::Time now);

} // namespace bulkhead::resolve
