// SPDX-License-Identifier: Apache-2.0
#include "controller/controller.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "compile/label_keys.h"
#include "controller/wanted.h"
#include "publish/slices.h"

namespace bulkhead::controller {

namespace {

using namespace std::chrono_literals;

/// Two watches tell of one object, and one edit comes as several events: so a review waits a little for the rest.
constexpr auto kSettle = 200ms;
constexpr int kShareOfTime = 4; // a review is followed by this many times its own duration without one
constexpr auto kNotLookedUp =
    "nothing is looked up: IdentitySlices, AWSResources or Tenants aren't heard of as they are";
constexpr std::chrono::seconds kLongestWait = 1h; // for a date: who sets the wall clock meanwhile tells nobody

/// All that makes the policy, and every pod.
std::vector<source::kube::Resource> followed() {
    auto resources = source::kube::agent_resources("");
    std::erase_if(resources, [](const auto& resource) { return resource.kind == "IdentitySlice"; });
    resources.front().selector.clear(); // pods of all nodes
    return resources;
}

/// The moment of that date on the clock of the timers.
std::chrono::steady_clock::time_point moment_of(state::Time date) {
    const auto now = std::chrono::system_clock::now();
    const auto moment = std::chrono::steady_clock::now();
    if (date - std::chrono::floor<std::chrono::seconds>(now) > kLongestWait) return moment + kLongestWait;
    return moment + (date - now);
}

} // namespace

Result<std::unique_ptr<Controller>> Controller::create(Loop& loop, const source::kube::Access& access,
                                                       Settings settings) {
    auto session = source::kube::Session::create(access, std::random_device{}());
    if (!session) return tl::unexpected(session.error());
    std::unique_ptr<Controller> controller(new Controller(loop, std::move(settings), std::move(*session)));
    auto watched = loop.watch(controller->session_->fd(), [raw = controller.get()] { raw->turn(); });
    if (!watched) return tl::unexpected(watched.error());
    controller->follows_ = true;
    controller->turn();
    return controller;
}

Controller::Controller(Loop& loop, Settings settings, std::unique_ptr<source::kube::Session> session)
    : loop_(loop), settings_(std::move(settings)), session_(std::move(session)),
      source_(*session_, followed(), observed_.taps(settings_.ns)), compiler_(settings_.policy, {}),
      coverage_(settings_.patience), leader_(*session_, settings_.ns, settings_.name, settings_.timing),
      applier_(*session_), events_(*session_, settings_.events),
      look_up_news_(LookUpNews::Pace::of(settings_.look_ups.interval, settings_.events.again)) {
    if (settings_.grant_load_balancers) load_balancers_.emplace(*session_);
}

Controller::~Controller() {
    if (follows_) loop_.unwatch(session_->fd());
}

void Controller::turn() {
    source_.update(cluster_);
    const auto now = std::chrono::steady_clock::now();
    if (load_balancers_) load_balancers_->tick(now);
    leader_.tick(now);
    if (leader_.resigned() && on_resigned_) std::exchange(on_resigned_, {})();
    lead(now);
    if (source_.synced() && review_is_due(now)) review(now);
    write(std::chrono::steady_clock::now()); // a review may have taken longer than a lead lasts
    log_errors();
}

/// By the IdentitySlices, and by what they are of: a watch that is behind would have us remove what is still needed.
bool Controller::knows_what_was_found() const {
    const auto hearing = source_.hearing_by_kind();
    return std::ranges::none_of(std::initializer_list<const char*>{"IdentitySlice", "AWSResource", "Tenant"},
                                [&](const auto* kind) { return hearing.at(kind).stale_since.has_value(); });
}

/// Whoever begins looks up nothing before it knows what was found before.
void Controller::lead(Time now) {
    if (!leader_.leads(now)) return finder_.reset();
    if (finder_ || !source_.synced() || !knows_what_was_found()) return;
    finder_ = std::make_unique<resolve::Finder>(loop_, settings_.look_ups, [this] {
        found_news_ = true;
        session_->wake_by(std::chrono::steady_clock::now());
    });
    found_news_ = true;
}

void Controller::look_up() {
    if (!finder_) return;
    std::set<std::string> instances;
    for (const auto& [name, node] : observed_.nodes.all())
        if (!node.instance.empty()) instances.insert(node.instance);
    std::set<std::string> unread;
    for (const auto& [name, tenant] : observed_.tenants.all())
        if (!cluster_.tenants().contains(name)) unread.insert(name);
    finder_->follow(resolve::resources_to_look_up(cluster_, unread), instances, memories_of(observed_, findings()));
}

Findings Controller::findings() const {
    if (!finder_) return {};
    return [this](const std::string& name) { return finder_->of(name); };
}

/// A write that is under way when the lead ends would come after those of the next leader.
void Controller::write(Time now) {
    if (leader_.leads(now)) {
        applier_.tick(now);
        events_.tick(now);
    } else {
        applier_.stop();
        events_.stop();
    }
}

/// When there is something to review that nobody tells of.
std::optional<Controller::Time> Controller::wakes_at() const {
    auto first = next_ending_;
    for (const auto& next : {coverage_.wakes_at(), look_up_news_.wakes_at()})
        if (next) first = std::min(first.value_or(*next), *next);
    return first;
}

bool Controller::has_news(Time now) {
    const bool of_bindings = load_balancers_ && load_balancers_->take_changed();
    const bool of_writes = applier_.unpublished(now) != unpublished_;
    return observed_.take_changed() || of_bindings || of_writes || cluster_.dirty() || found_news_;
}

bool Controller::review_is_due(Time now) {
    const bool due_by_time = wakes_at() && *wakes_at() <= now;
    if (const bool is_first_news = !news_; has_news(now) || due_by_time) {
        if (is_first_news) next_review_ = std::max(next_review_, now + kSettle);
        news_ = true;
    }
    if (news_ && now < next_review_) session_->wake_by(next_review_);
    if (!news_ && wakes_at()) session_->wake_by(*wakes_at());
    return news_ && now >= next_review_;
}

void Controller::review(Time now) {
    news_ = found_news_ = false;
    unpublished_ = applier_.unpublished(now);
    cluster_.end_overrides();
    tell_found(observed_, cluster_, told_slices_);
    compiler_.update(cluster_, cluster_.take_changes());
    if (compiler_.is_halfway()) compiler_.update(cluster_, {});
    look_up();
    coverage_.update(observed_.agents, observed_.nodes, now);
    const auto date = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto endings = endings_at(date, cluster_);
    next_ending_.reset();
    if (endings.next) next_ending_ = moment_of(*endings.next);
    if (load_balancers_) load_balancers_->review(observed_, cluster_, settings_.policy);
    look_up_news_.update(cluster_, observed_, findings(), now);
    auto all = problems();
    applier_.set_wanted(wanted(all, endings, date)); // of look-ups Resolved tells, and Ready doesn't
    std::ranges::move(look_up_news_.failing(), std::back_inserter(all));
    problem_count_ = all.size();
    std::ranges::move(look_up_news_.answered(), std::back_inserter(all));
    events_.set_problems(all);
    log_look_ups();
    const auto end = std::chrono::steady_clock::now();
    next_review_ = end + std::max<std::chrono::nanoseconds>(kSettle, (end - now) * kShareOfTime);
    if (wakes_at()) session_->wake_by(*wakes_at());
}

Changes Controller::wanted(const std::vector<state::Problem>& problems, const Endings& endings,
                           state::Time date) const {
    Changes changes;
    const auto found = findings();
    want_statuses(observed_, problems, endings, found, unpublished_, date, changes);
    if (found) want_found(observed_, cluster_, found, changes);
    want_no_taint(observed_, coverage_.ready_but_tainted(), changes);
    want_slices(observed_, cluster_, settings_.policy, coverage_.uncovered(), changes);
    want_no_gone_pods(observed_, cluster_, coverage_.silent(), changes);
    want_reach(observed_, changes);
    if (load_balancers_) changes.insert(load_balancers_->changes().begin(), load_balancers_->changes().end());
    return changes;
}

std::vector<state::Problem> Controller::problems() const {
    auto all = source_.all_problems();
    const auto& compiled = compiler_.desired().problems;
    all.insert(all.end(), compiled.begin(), compiled.end());
    observed_.add_not_guarded(cluster_, all);
    observed_.add_overrides(cluster_, state::Cluster::machine_time(), all);
    add_left_out(all);
    if (load_balancers_) std::ranges::copy(load_balancers_->problems(), std::back_inserter(all));
    return all;
}

/// Each agent says the same of its own pods; Events are ours.
void Controller::add_left_out(std::vector<state::Problem>& all) const {
    const auto keys = compile::label_keys(cluster_);
    for (const auto& [key, pod] : cluster_.pods())
        std::ranges::move(publish::left_out_of(pod, keys), std::back_inserter(all));
}

bool Controller::ready() const {
    return source_.synced() && leader_.error().empty();
}

void Controller::resign(std::function<void()> done) {
    on_resigned_ = std::move(done);
    leader_.resign();
    session_->wake_by(std::chrono::steady_clock::now());
}

/// Once when it begins, once when it is over.
void Controller::log_errors() {
    std::set<std::string> now;
    for (const auto& problem : source_.problems())
        if (problem.object.empty()) now.insert(problem.text);
    for (const auto& error : applier_.errors())
        now.insert(error);
    if (load_balancers_)
        for (const auto& error : load_balancers_->errors())
            now.insert(error);
    if (leader_.leads(std::chrono::steady_clock::now()) && source_.synced() && !finder_) now.insert(kNotLookedUp);
    for (const auto* error : {&leader_.error(), &events_.error()})
        if (!error->empty()) now.insert(*error);
    for (const auto& error : now)
        if (!known_errors_.contains(error)) spdlog::warn("{}", error);
    for (const auto& error : known_errors_)
        if (!now.contains(error)) spdlog::info("mended: {}", error);
    known_errors_ = std::move(now);
}

/// Each once. Who no longer leads doesn't know, and says nothing of it.
void Controller::log_look_ups() {
    std::set<state::Problem> now;
    for (const auto& news : {look_up_news_.failing(), look_up_news_.answered()})
        now.insert(news.begin(), news.end());
    for (const auto& problem : now)
        if (!known_look_ups_.contains(problem))
            spdlog::log(problem.nature == state::Problem::Nature::kAnswered ? spdlog::level::info : spdlog::level::warn,
                        "{}: {}", problem.object, problem.text);
    known_look_ups_ = std::move(now);
}

metrics::Families Controller::metrics() const {
    using metrics::counter;
    using metrics::gauge;
    const auto now = std::chrono::steady_clock::now();
    const auto hearing = source_.hearing();
    const auto age = hearing.stale_since ? std::chrono::duration_cast<std::chrono::seconds>(now - *hearing.stale_since)
                                         : std::chrono::seconds(0);
    metrics::Families families{
        gauge("bulkhead_controller_leader", "1 = this one writes; of all controllers of a cluster, one does.",
              leader_.leads(now)),
        gauge("bulkhead_controller_synced", "1 = the API server has told every first list.", source_.synced()),
        gauge("bulkhead_controller_source_age_seconds",
              "Since when what the API server says may be out of date: 0 while it is heard.",
              static_cast<uint64_t>(age.count())),
        gauge("bulkhead_controller_nodes", "Nodes of the cluster.", observed_.nodes.all().size()),
        gauge("bulkhead_controller_uncovered_nodes",
              "Nodes without a running agent: their pods are guarded by nobody new, and the controller tells the "
              "others of their addresses.",
              coverage_.uncovered().size()),
        gauge("bulkhead_controller_problems", "Problems in the objects that somebody should mend.", problem_count_),
        counter("bulkhead_controller_writes_total", "Changes that the API server took.", applier_.counts().done),
        counter("bulkhead_controller_write_errors_total", "Changes that it didn't take; each is tried again.",
                applier_.counts().failures),
        counter("bulkhead_controller_events_total", "Kubernetes Events written.", events_.told()),
        std::move(gauge("bulkhead_build_info", "1, with the version.").add(1, {{"version", BULKHEAD_VERSION}})),
    };
    if (load_balancers_) std::ranges::move(load_balancers_->metrics(), std::back_inserter(families));
    if (finder_) std::ranges::move(finder_->metrics(now), std::back_inserter(families));
    return families;
}

} // namespace bulkhead::controller
