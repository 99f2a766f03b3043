// SPDX-License-Identifier: Apache-2.0
#include "source/kube/kube_source.h"

#include <malloc.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "source/field.h"
#include "source/kube/intake.h"
#include "source/reader.h"

namespace bulkhead::source::kube {

namespace {

using namespace std::chrono_literals;

constexpr Backoff::Milliseconds kSpreadOfStarts = 500ms;
constexpr auto kVersionDeadline = 5s;
constexpr size_t kLongestVersion = 64 << 10; // bytes
constexpr int kFirstStreamingMinor = 32;     // 1.32: streaming lists are on by default

/// What names it among all of one server's: groups and versions may change, and the versions of objects don't with
/// them.
std::string key_of(const Resource& resource) {
    return resource.name + " " + resource.path + "?" + (resource.waits ? "" : resource.selector);
}

/// Of {"major": "1", "minor": "32+"}.
int minor_version(const std::string& body) {
    std::string text = body;
    text.reserve(text.size() + kJsonPadding);
    std::string minor;
    const auto read = read_json(text, [&](const Value& document) {
        Complaints ignored;
        const Field root(document, ignored);
        minor = root["minor"].string().value_or("");
    });
    int number = 0;
    if (read) std::from_chars(minor.data(), minor.data() + minor.size(), number);
    return number;
}

void add(Hearing& sum, const Hearing& one) {
    if (one.stale_since) sum.stale_since = std::min(sum.stale_since.value_or(*one.stale_since), *one.stale_since);
    sum.events += one.events;
    sum.lists += one.lists;
    sum.failures += one.failures;
}

} // namespace

/// One resource's way into the cluster state, or to a tap's sink.
struct KubeSource::Follower {
    Follower(Resource resource, Session& session, state::Pool& pool, Patience patience)
        : waits(resource.waits), intake(std::in_place, resource.kind, session.url(), pool),
          reflector(std::move(resource), session.client(), session.credentials(), *intake, session.next_seed(),
                    patience) {}
    Follower(Tap tap, Session& session, Patience patience)
        : reflector(std::move(tap.resource), session.client(), session.credentials(), tap.sink, session.next_seed(),
                    patience) {}
    bool waits = false; // for select()
    std::optional<Intake> intake;
    Reflector reflector;
};

KubeSource::KubeSource(Session& session, std::vector<Resource> resources, std::vector<Tap> taps, Patience patience)
    : session_(session) {
    for (auto& resource : resources)
        followers_.push_back(std::make_unique<Follower>(std::move(resource), session_, pool_, patience));
    for (auto& tap : taps)
        followers_.push_back(std::make_unique<Follower>(std::move(tap), session_, patience));
}

KubeSource::~KubeSource() {
    if (known_) known_->flush();
}

void KubeSource::remember_in(const std::string& path) {
    known_.emplace(path, session_.url());
    for (auto& follower : followers_)
        if (auto version = known_->of(key_of(follower->reflector.resource())); !version.empty())
            follower->reflector.start_from(std::move(version));
}

/// Only what is in force: before all is complete, nothing of it is.
void KubeSource::remember(std::chrono::steady_clock::time_point now) {
    if (!known_ || !synced_) return;
    for (const auto& follower : followers_)
        known_->note(key_of(follower->reflector.resource()), follower->reflector.version());
    if (known_->write(now)) session_.wake_by(known_->next());
}

void KubeSource::select(std::string_view resource, std::string selector, std::chrono::milliseconds spread) {
    const auto at = std::chrono::steady_clock::now() + session_.between(0ms, spread);
    for (auto& follower : followers_) {
        if (follower->reflector.resource().name != resource) continue;
        follower->reflector.select(selector, at);
        follower->waits = false;
    }
    session_.wake_by(at);
}

bool KubeSource::selection_told(std::string_view resource) const {
    return synced_ && std::ranges::all_of(followers_, [&](const auto& follower) {
               return follower->reflector.resource().name != resource || follower->reflector.selection_listed();
           });
}

bool KubeSource::others_synced() const {
    return std::ranges::all_of(followers_,
                               [](const auto& follower) { return follower->waits || follower->reflector.synced(); });
}

void KubeSource::preview(state::Cluster& cluster) const {
    for (const auto& follower : followers_)
        if (follower->intake) follower->intake->preview(cluster);
}

void KubeSource::update(state::Cluster& cluster) {
    session_.work();
    if (!started_ && !version_request_) ask_version();
    if (started_) tick();
    if (!synced_ && all_synced()) release(cluster);
    remember(std::chrono::steady_clock::now());
    collect();
}

bool KubeSource::all_synced() const {
    return std::ranges::all_of(followers_, [](const auto& follower) { return follower->reflector.synced(); });
}

void KubeSource::release(state::Cluster& cluster) {
    for (auto& follower : followers_)
        if (follower->intake) follower->intake->release(cluster);
    synced_ = true;
    malloc_trim(0); // lists leave holes in the heap
}

void KubeSource::tick() {
    const auto now = std::chrono::steady_clock::now();
    for (auto& follower : followers_) {
        if (follower->waits) continue;
        follower->reflector.tick(now);
        if (const auto at = follower->reflector.wakes_at()) session_.wake_by(*at);
    }
}

/// Which decides how to list. Without an answer it is asked in the way that every server knows.
void KubeSource::ask_version() {
    const auto* who = session_.credentials().current();
    if (who == nullptr) return start_followers(); // they wait
    auto transfer = session_.client().start({.path = "/version", .deadline = kVersionDeadline}, *who,
                                            {.on_body =
                                                 [this](std::string_view bytes) {
                                                     version_body_ += bytes;
                                                     return version_body_.size() < kLongestVersion;
                                                 },
                                             .on_end = [this](const Response&) { start_followers(); }});
    if (!transfer) return start_followers();
    version_request_ = std::move(*transfer);
}

void KubeSource::start_followers() {
    version_request_.reset();
    started_ = true;
    const bool streaming = minor_version(version_body_) >= kFirstStreamingMinor;
    const auto start = std::chrono::steady_clock::now() + session_.between(0ms, kSpreadOfStarts);
    for (auto& follower : followers_) {
        follower->reflector.wait_until(start);
        if (streaming) follower->reflector.allow_streaming();
    }
}

/// The oldest of all.
Hearing KubeSource::hearing() const {
    Hearing sum;
    for (const auto& follower : followers_)
        add(sum, follower->reflector.hearing());
    if (!started_) sum.stale_since = created_;
    return sum;
}

/// A kind may be followed more than once: EndpointSlices of two namespaces.
std::map<std::string, Hearing> KubeSource::hearing_by_kind() const {
    std::map<std::string, Hearing> all;
    for (const auto& follower : followers_)
        add(all[follower->reflector.resource().kind], follower->reflector.hearing());
    return all;
}

/// Most of them concern all resources alike.
std::set<std::string> KubeSource::errors() const {
    std::set<std::string> errors;
    for (const auto& follower : followers_)
        if (const auto& error = follower->reflector.error(); !error.empty()) errors.insert(error);
    for (const auto* error : {&session_.credentials().error(), &session_.error()})
        if (!error->empty()) errors.insert(*error);
    return errors;
}

/// Called at every event, most of which change none of it.
void KubeSource::collect() {
    bool changed = collected_as_synced_ != synced_;
    for (const auto& follower : followers_)
        if (follower->intake) changed |= follower->intake->take_changed();
    auto now = errors();
    if (!changed && now == errors_) return;
    errors_ = std::move(now);
    collected_as_synced_ = synced_;
    problems_.clear();
    unheard_.clear();
    for (const auto& follower : followers_) {
        if (!follower->intake) continue;
        follower->intake->add_first_problems(problems_);
        follower->intake->add_unheard(unheard_);
    }
    add_errors(problems_);
}

std::vector<state::Problem> KubeSource::all_problems() const {
    std::vector<state::Problem> all;
    for (const auto& follower : followers_)
        if (follower->intake) follower->intake->add_problems(all);
    add_errors(all);
    return all;
}

void KubeSource::add_errors(std::vector<state::Problem>& all) const {
    for (const auto& error : errors_)
        all.push_back({.origin = session_.url(),
                       .object = "",
                       .field = "",
                       .text = error + (synced_ ? "; what was said last stays in force" : "")});
}

} // namespace bulkhead::source::kube
