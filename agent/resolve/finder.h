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
// answered and has something. Never because of what went wrong.
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
#include "resolve/answers.h"
#include "resolve/carried.h"
#include "resolve/evidence.h"
#include "resolve/finding.h"
#include "resolve/names.h"
#include "resolve/plan.h"
#include "resolve/remembered.h"
#include "resolve/sweep.h"

namespace bulkhead::resolve {

struct Settings {
    aws::Environment environment = aws::Environment::real();
    std::string region{};  // of resources that name none
    std::string cluster{}; // as EKS has it; empty: not known
    aws::Budget budget{};
    Milliseconds interval{60'000};                 // from one sweep's begin to the next one's
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

    /// Exactly these from now on. `memories`: what was found before of those that are new to us. `instances` are those
    /// of the cluster's nodes.
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
        std::optional<Earlier> earlier{};
        std::optional<state::Time> held_since{};     // see add_held()
        std::optional<state::Time> replaced_since{}; // see add_replaced()
    };
    struct Place {
        std::unique_ptr<Sweep> sweep;
        aws::Credentials::View credentials{};
    };

    void take_over(Followed& followed, Recalled recalled);
    void follow_places(const Plan& plan, const std::set<std::string>& instances);
    void follow_names();
    void take(const state::AwsPlace& place, const Sweep::Report& report);
    void update();
    bool update(const std::string& name, Followed& followed, Time now);
    static bool lacks_some_of(const Named& all, const Named& some);
    static bool is_elsewhere(const Named& before, const Named& now);
    NamesOfResource names_of(const Followed& followed) const;
    std::vector<Question> barren(const Followed& followed) const;
    void add_questions(const Followed& followed, Evidence& evidence, Finding& finding) const;
    Carried::Patience patience() const { return {.grace = settings_.grace, .gone = settings_.dns.keeping.gone}; }
    void add_held(Followed& followed, const Evidence& evidence, Finding& finding) const;
    void add_replaced(Followed& followed, const std::vector<Question>& barren, Finding& finding) const;
    std::set<Asked> asked() const;

    Loop& loop_;
    const Settings settings_;
    const std::function<void()> on_change_;
    std::map<std::string, Followed> followed_; // by resource
    Answers answers_;
    Names names_;
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
