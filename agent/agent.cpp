// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "compile/label_keys.h"
#include "flow/time.h"

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

constexpr auto kLastRetry = 10s;
constexpr auto kPodsCome = 300ms;
constexpr int kMostChecksPutOff = 4;
constexpr auto kSpreadOfLists = 1s;
constexpr int kMostHalfwayTries = 5;

constexpr auto kOutsideIsShut = "what the world and CIDRs are granted is held back: the address of a pod that has no "
                                "room in endpoints4 or endpoints6 would be taken for one of theirs";

void merge(compile::Touched& into, const compile::Touched& more) {
    into.everything |= more.everything;
    into.local |= more.local;
    into.endpoints.insert(more.endpoints.begin(), more.endpoints.end());
    into.identities.insert(more.identities.begin(), more.identities.end());
}

void merge(state::Changes& into, state::Changes more) {
    into.policy |= more.policy;
    into.many_pods |= more.many_pods;
    into.local |= more.local;
    into.pods.merge(more.pods);
    into.cluster_ips.merge(more.cluster_ips);
}

bool is_empty(const compile::Touched& touched) {
    return !touched.everything && !touched.local && touched.endpoints.empty() && touched.identities.empty();
}

std::string one_line(const state::Problem& problem) {
    std::string where = problem.origin;
    for (const auto* part : {&problem.object, &problem.field})
        if (!part->empty()) where += (where.empty() ? "" : ", ") + *part;
    return where + ": " + problem.text;
}

} // namespace

Agent::~Agent() {
    edges_.save(flow::now());
    loop_.after_batch({});
    if (source_) loop_.unwatch(source_->fd());
    if (monitor_) loop_.unwatch(monitor_->fd());
    if (events_) loop_.unwatch(events_->epoll_fd());
    if (guards_) loop_.unwatch(guards_->fd());
}

void Agent::take_source_news() {
    delays_.heard(std::chrono::steady_clock::now());
    source_->update(cluster_);
    if (look_ups_ && source_->synced()) look_ups_->follow(source_->unheard().empty());
    // Once in sync, comes_to_know_all_pods() says when they are. Before, what a former agent granted must not go.
    if (!hears_all_pods() || !settled_) cluster_.set_all_pods_known(hears_all_pods());
    problems_due_ = true;
    if (const auto delay = source_->retry_after())
        source_timer_->arm_in(*delay);
    else
        source_timer_->disarm();
    if (!whole_ && source_is_whole()) {
        whole_ = true;
        scope_due_ = true; // rows of a former agent count no longer
    }
    if (whole_ && !settled_) write_due_ = true;
}

/// Has the source told everything once, so that what a former agent wrote may be changed? What a file says
/// that can't be read now, only that agent knew.
bool Agent::source_is_whole() const {
    const bool somebody_knew = kernel_->restored() || kernel_->waits();
    return source_->synced() && (!somebody_knew || source_->unheard().empty());
}

void Agent::take_netlink_news() {
    links_changed_ = true;
    netlink_heard_ = std::chrono::steady_clock::now();
    delays_.heard(netlink_heard_);
    const auto updated = monitor_->update();
    netlink_error_ = updated ? "" : updated.error().text;
    if (!updated) {
        ++error_counts_["netlink"];
        spdlog::error("{}", netlink_error_);
    }
}

void Agent::check() {
    cluster_.end_overrides();
    // Each look at an interface waits for everybody who makes others just now, and new ones would wait for it.
    const bool pods_come = std::chrono::steady_clock::now() - veths_changed_ < kPodsCome;
    if (!pods_come || ++checks_put_off_ > kMostChecksPutOff) {
        guards_->check();
        checks_put_off_ = 0;
    }
    problems_due_ |= unwired_.update(*names_, cluster_, std::chrono::steady_clock::now());
    if (whole_) keep_wired_pods();
    const bool peer_unknown =
        std::any_of(veths_.begin(), veths_.end(), [](const netlink::Veth& veth) { return veth.nsid < 0; });
    // No news tells when a veth's peer moves to its netns, and an error may have left us behind.
    if (!peer_unknown && netlink_error_.empty()) return;
    const auto read = monitor_->reread();
    netlink_error_ = read ? "" : read.error().text;
    links_changed_ = true;
}

void Agent::turn() {
    const auto changes = take_changes();
    apply(changes);
    if (may_go_on()) apply({});
    if (comes_to_know_all_pods()) apply(take_changes());
    scope_due_ |= compiler_->is_halfway() && concerns_scope(changes);
    if (publisher_ && source_->synced() && !compiler_->is_halfway()) publish();
    if (scope_ && !compiler_->is_halfway()) choose_slices(changes);
    if (left_over_due_ && !guards_->is_at_work()) {
        left_over_due_ = false;
        guards_->release_left_over(wanted());
    }
    if (problems_due_) log_problems();
    note_delays();
}

void Agent::note_delays() {
    const auto now = std::chrono::steady_clock::now();
    if (is_empty(pending_) && !compiler_->is_halfway()) delays_.nothing_to_write();
    delays_.note_guarded([this](uint32_t ifindex, uint64_t device) { return guards_->judges(ifindex, device); }, now);
}

/// Once for all veths that were begun together, or the delay would grow with each that failed.
void Agent::take_guarded() {
    guard_failed_ |= !guards_->take_done();
    if (!guards_->is_beginning() && std::exchange(guard_failed_, false)) plan_retry(true);
}

/// From the cluster state to the kernel.
void Agent::apply(const state::Changes& changes) {
    if (changes.any() || compiler_->has_room_again() || may_go_on()) {
        merge(pending_, compiler_->update(cluster_, changes));
        flow_names_.forget();
        problems_due_ = true;
        publish_due_ |= concerns_slices(changes);
    }
    if (!is_empty(pending_) || write_due_) {
        const auto interfaces = wanted();
        guards_->release_others(interfaces);
        enforce(interfaces);
        left_over_due_ = settled_;
        plan_retry(!written_ || !guards_->errors().empty());
    }
}

/// The first half of a change is in the kernel. Or part of it isn't, again and again: then it waits no longer.
bool Agent::may_go_on() {
    if (!compiler_->is_halfway() || !is_empty(pending_)) return false;
    if (stale_ && ++halfway_tries_ < kMostHalfwayTries) return false;
    halfway_tries_ = 0;
    return true;
}

/// What is granted to CIDRs and the world comes when the pods that it doesn't mean are in the kernel.
bool Agent::comes_to_know_all_pods() {
    if (cluster_.all_pods_known() || !hears_all_pods() || !is_empty(pending_)) return false;
    cluster_.set_all_pods_known(true);
    return true;
}

/// Other nodes' pods are no reason to look at ours again.
bool Agent::concerns_slices(const state::Changes& changes) const {
    if (changes.policy || changes.local) return true;
    return std::ranges::any_of(cluster_.local_pods(),
                               [&](const auto& local) { return changes.pods.contains(local.second.pod); });
}

/// The policy, or the pods of this node: by their Pod objects, which come before their veths do.
bool Agent::concerns_scope(const state::Changes& changes) const {
    if (changes.policy || changes.local) return true;
    return std::ranges::any_of(changes.pods, [this](const auto& key) {
        const auto pod = cluster_.pods().find(key);
        return pod != cluster_.pods().end() && pod->second.slice.empty();
    });
}

/// For the first time by what was told of all else, which isn't in force before the slices are complete too. Later a
/// new pod here can't wait; but what changes everywhere must not make all agents list at once.
void Agent::choose_slices(const state::Changes& changes) {
    const auto now = std::chrono::steady_clock::now();
    compile::Interest interest;
    if (!source_->synced()) {
        if (scope_->is_chosen() || !kube_->others_synced()) return;
        state::Cluster told;
        kube_->preview(told);
        interest = compile::interest_of(told, options_.compile_settings());
    } else if (concerns_scope(changes) || scope_->is_due(now) || std::exchange(scope_due_, false)) {
        interest = compiler_->interest(cluster_);
    } else {
        return;
    }
    // Rows of a former agent stay until that is heard: they may name any address.
    if (!whole_ && kernel_->restored() && !source_->unheard().empty())
        interest.in_all = source_->unheard().front() + " can't be read";
    if (!scope_->update(interest, now)) return;
    const auto& scopes = scope_->scopes();
    const auto& node = options_.node_name;
    const bool is_hasty = changes.local || !changes.pods.empty() || !source_->synced();
    kube_->select(source::kube::kIdentitySlices,
                  scopes ? source::kube::selector_of_slices(node, *scopes) : source::kube::selector_of_slices(node),
                  is_hasty ? 0ms : kSpreadOfLists);
    spdlog::info("asks for slices {}", scope_->text());
}

/// Not before everything was told: what isn't known yet would be withdrawn. Nor without the Node, which the slices go
/// with.
void Agent::publish() {
    const auto now = std::chrono::steady_clock::now();
    auto now_not_guarded = not_guarded();
    publish_due_ |= now_not_guarded != not_guarded_;
    if (publish_due_ || (told_keys_->due() && now >= *told_keys_->due()))
        publish_due_ |= told_keys_->update(compile::label_keys(cluster_), cluster_.nodes().size(), now);
    if (told_keys_->due()) session_->wake_by(*told_keys_->due());
    if (publish_due_ && cluster_.nodes().contains(options_.node_name)) {
        not_guarded_ = std::move(now_not_guarded);
        if (publisher_->in_sync()) succession_.forget_former();
        succession_.update(cluster_, std::bind_front(&compile::Compiler::claimed, &*compiler_));
        publisher_->set_wanted(publish::slices_of(cluster_, compiler_->desired(), options_.node_name,
                                                  told_keys_->keys(), not_guarded_, succession_));
        publish_due_ = false;
        problems_due_ |= find_left_out();
    }
    const auto error = publisher_->error();
    publisher_->tick(now);
    told_ |= !publish_due_ && publisher_->in_sync();
    problems_due_ |= error != publisher_->error();
}

/// True if it is something else than before.
bool Agent::find_left_out() {
    std::vector<state::Problem> found;
    for (const auto& [slot, local] : cluster_.local_pods())
        if (const auto pod = cluster_.pods().find(local.pod); pod != cluster_.pods().end() && pod->second.slice.empty())
            std::ranges::move(publish::left_out_of(pod->second, told_keys_->keys()), std::back_inserter(found));
    const bool is_new = found != left_out_;
    left_out_ = std::move(found);
    return is_new;
}

/// What the source changed, and what that and netlink mean for this node's pods.
state::Changes Agent::take_changes() {
    auto changes = cluster_.take_changes();
    const bool renamed = names_->learn(cluster_, changes);
    if (links_changed_ || renamed) update_local_pods();
    links_changed_ = false;
    merge(changes, cluster_.take_changes());
    return changes;
}

void Agent::update_local_pods() {
    const auto& network = monitor_->network();
    const auto before = veths_.size();
    const auto uplinks_before = wanted().uplinks;
    auto veths = network.guarded(options_.veth_prefixes);
    if (veths != veths_) veths_changed_ = std::chrono::steady_clock::now();
    veths_ = std::move(veths);
    delays_.follow(wanted().veths, netlink_heard_);
    auto pods = local_pods_->update(veths_, *names_);
    traffic_->follow(pods);
    cluster_.set_local_pods(std::move(pods));
    cluster_.set_own_addresses(network.own_addresses());
    // Uplinks and veths without a slot change no row, but what has to be guarded.
    if (wanted().uplinks != uplinks_before || veths_.size() != before) write_due_ = true;
}

/// True if veths may be guarded now: their rows are in the kernel, or have no room there. Without a row nobody gets
/// anything through a guarded veth; through an unguarded one everybody would.
bool Agent::write() {
    write_due_ = false;
    written_ = false;
    const auto before = std::exchange(write_errors_, {});
    const bool complete = whole_ && adopted_;
    const auto report = writer_->write(compiler_->desired(), pending_, complete);
    if (!report) {
        pending_.everything = true;
        ++error_counts_["write"];
        write_errors_.push_back(report.error().text);
        spdlog::error("{}", report.error().text);
        return false;
    }
    pending_ = {};
    ++writes_;
    if (complete) compiler_->release_known_ids();
    stale_ = report->stale != 0;
    take_refused(*report);
    log_refused(before);
    written_ = report->in_sync();
    if (!settled_) first_rows_ += report->puts;
    if (complete && !settled_ && written_) spdlog::info("in sync: {} rows written", first_rows_);
    const bool changed = report->puts + report->removals != 0;
    if (settled_ && written_ && changed && !compiler_->is_halfway()) delays_.written(std::chrono::steady_clock::now());
    settled_ |= complete && written_;
    spdlog::debug("wrote {} rows, removed {}, failed {}", report->puts, report->removals, report->failed);
    return true;
}

void Agent::take_refused(const datapath::WriteReport& report) {
    error_counts_["write"] += report.failed;
    for (const auto& [map, rows] : report.failed_by_map)
        refused_rows_[map] += rows;
    for (const auto& failure : report.failures)
        write_errors_.push_back(failure.text());
    if (report.outside_is_shut) write_errors_.emplace_back(kOutsideIsShut);
}

/// Once, not with every try.
void Agent::log_refused(const std::vector<std::string>& before) const {
    for (const auto& error : write_errors_)
        if (std::ranges::find(before, error) == before.end()) spdlog::error("{}", error);
    if (write_errors_.empty() && !before.empty()) spdlog::info("the kernel's maps are in sync again");
}

/// All pods' veths, and uplinks.
Guards::Wanted Agent::wanted() const {
    Guards::Wanted wanted;
    for (const auto& veth : veths_)
        wanted.veths[veth.ifindex] = veth.incarnation;
    const auto& network = monitor_->network();
    wanted.uplinks = options_.uplinks.empty() ? network.uplinks(veths_) : network.named(options_.uplinks);
    for (const auto& veth : veths_)
        wanted.uplinks.erase(veth.ifindex);
    return wanted;
}

void Agent::plan_retry(bool failed) {
    if (!failed) {
        next_retry_ = kFirstRetry;
        return;
    }
    retry_timer_->arm_in(next_retry_);
    next_retry_ = std::min(next_retry_ * 2, std::chrono::milliseconds(kLastRetry));
}

void Agent::log_problems() {
    problems_due_ = false;
    std::set<state::Problem> now;
    for (auto& problem : problems())
        now.insert(std::move(problem));
    for (const auto& problem : now)
        if (!known_problems_.contains(problem)) spdlog::warn("{}", one_line(problem));
    for (const auto& problem : known_problems_)
        if (!now.contains(problem)) spdlog::info("mended: {}", one_line(problem));
    known_problems_ = std::move(now);
}

std::vector<uint32_t> Agent::unguarded() const {
    std::vector<uint32_t> indexes;
    for (const auto& veth : veths_)
        if (!guards_->guards(veth.ifindex)) indexes.push_back(veth.ifindex);
    return indexes;
}

/// Veths for whose pods no slot is left: guarded, they let nothing pass.
std::vector<uint32_t> Agent::shut() const {
    std::set<uint32_t> with_slot;
    for (const auto& [slot, pod] : cluster_.local_pods())
        with_slot.insert(pod.ifindexes.begin(), pod.ifindexes.end());
    std::vector<uint32_t> indexes;
    for (const auto& veth : veths_)
        if (!with_slot.contains(veth.ifindex) && guards_->guards(veth.ifindex)) indexes.push_back(veth.ifindex);
    return indexes;
}

/// A veth without a slot has no name yet: by whom it may belong to.
void Agent::add_pods_of(const std::vector<uint32_t>& ifindexes, state::NotGuarded why,
                        state::NotGuardedPods& pods) const {
    std::map<uint32_t, state::PodKey> named;
    for (const auto& [slot, local] : cluster_.local_pods())
        for (const auto ifindex : local.ifindexes)
            if (!local.pod.empty()) named[ifindex] = local.pod;
    for (const auto ifindex : ifindexes) {
        if (const auto found = named.find(ifindex); found != named.end()) {
            pods.emplace(found->second, why);
            continue;
        }
        for (const auto& candidate : names_->candidates(interface_name(ifindex)))
            pods.emplace(candidate.pod, why);
    }
}

state::NotGuardedPods Agent::not_guarded() const {
    state::NotGuardedPods pods;
    const auto bare = unguarded();
    const auto closed = shut();
    if (!bare.empty()) add_pods_of(bare, state::NotGuarded::kNoProgram, pods);
    if (!closed.empty()) add_pods_of(closed, state::NotGuarded::kNoSlot, pods);
    for (const auto& key : unwired_.pods())
        pods.emplace(key, state::NotGuarded::kNoInterface);
    return pods;
}

bool Agent::in_sync() const {
    return settled_ && written_;
}

/// Pods are here, and none has an interface that we know: another CNI's node.
bool Agent::is_blind() const {
    return veths_.empty() && !unwired_.pods().empty();
}

/// A pod that comes once we are mustn't be a stranger on the other nodes: so that they can be told is part of it, once.
bool Agent::ready() const {
    return in_sync() && unguarded().empty() && shut().empty() && !is_blind() && (!publisher_ || told_);
}

} // namespace bulkhead
