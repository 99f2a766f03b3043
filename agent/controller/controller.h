// SPDX-License-Identifier: Apache-2.0
//
// What a cluster needs once, and no node can do: says in the objects' status and in Events whether what they say is in
// force, speaks for nodes without an agent, tells the agents whom the API server calls, and takes the start-up taint
// from nodes whose pods are guarded.
//
//   cluster state (all pods) -- compile --> problems -> status, Events
//   observed beside it       ------------> coverage -> IdentitySlices of uncovered nodes, taints
//                                          callees  -> IdentitySlice kube-apiserver
//   TargetGroupBindings, Services -------> AccessGrants of what load balancers serve, if that is wanted
//   AWSResources -- AWS, DNS ------------> findings -> IdentitySlices of their addresses, condition Resolved, Events
//                      all of it as Changes --> Applier, while we lead
//
// Several may run; all of them follow, and one writes. What is there is compared with what should be, so whoever takes
// over goes on where the other stopped. One thread, the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "compile/compiler.h"
#include "controller/applier.h"
#include "controller/coverage.h"
#include "controller/endings.h"
#include "controller/events.h"
#include "controller/leader.h"
#include "controller/load_balancers.h"
#include "controller/look_up_news.h"
#include "controller/observed.h"
#include "resolve/finder.h"
#include "source/kube/kube_source.h"

namespace bulkhead::controller {

struct Settings {
    std::string ns = "bulkhead-system"; // its own and the agents'
    std::string name;                   // who it is, among several
    compile::Settings policy;           // as the agents have it
    Patience patience{};
    LeaseTiming timing{};
    EventPace events{};
    resolve::Settings look_ups{};
    bool grant_load_balancers = false; // what TargetGroupBindings name
};

class Controller {
public:
    static Result<std::unique_ptr<Controller>> create(Loop& loop, const source::kube::Access& access,
                                                      Settings settings);
    ~Controller();
    Controller(const Controller&) = delete;

    /// Everything was told once, and the API server answers.
    bool ready() const;

    metrics::Families metrics() const;

    /// Gives up the lead, then calls `done`.
    void resign(std::function<void()> done);

private:
    using Time = std::chrono::steady_clock::time_point;

    Controller(Loop& loop, Settings settings, std::unique_ptr<source::kube::Session> session);

    void turn();
    void lead(Time now);
    void write(Time now);
    bool knows_what_was_found() const;
    void look_up();
    Findings findings() const;
    bool has_news(Time now);
    bool review_is_due(Time now);
    void review(Time now);
    std::vector<state::Problem> problems() const;
    void add_left_out(std::vector<state::Problem>& all) const;
    void log_errors();
    void log_look_ups();

    Changes wanted(const std::vector<state::Problem>& problems, const Endings& endings, state::Time date) const;
    std::optional<Time> wakes_at() const;

    Loop& loop_;
    Settings settings_;
    std::unique_ptr<source::kube::Session> session_;
    Observed observed_;
    std::optional<LoadBalancers> load_balancers_; // if they are granted
    source::kube::KubeSource source_;
    state::Cluster cluster_;
    compile::Compiler compiler_;
    Coverage coverage_;
    Leader leader_;
    Applier applier_;
    Unpublished unpublished_; // as of the last review
    Events events_;
    LookUpNews look_up_news_;
    std::unique_ptr<resolve::Finder> finder_; // while we lead: AWS is asked once for all of us
    bool found_news_ = false;
    std::set<std::string> told_slices_; // of AWSResources' addresses, to the cluster state
    bool follows_ = false;              // the loop watches the session

    bool news_ = true; // since the last review
    Time next_review_{};
    std::optional<Time> next_ending_; // of a grant
    size_t problem_count_ = 0;
    std::set<std::string> known_errors_;
    std::set<state::Problem> known_look_ups_;
    std::function<void()> on_resigned_;
};

} // namespace bulkhead::controller
