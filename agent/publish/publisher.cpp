// SPDX-License-Identifier: Apache-2.0
#include "publish/publisher.h"

#include <algorithm>
#include <charconv>

#include "source/kube/query.h"
#include "state/labels.h"

namespace bulkhead::publish {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using source::kube::Query;
using source::kube::Request;

constexpr auto kPath = "/apis/bulkhead.dev/v1alpha1/identityslices";
constexpr auto kManager = "bulkhead-agent"; // the field manager of server-side apply
constexpr auto kDeadline = 10s;
constexpr auto kAskAgainWhoWeAre = 100ms;
constexpr size_t kLongestList = 64 << 20; // bytes

/// By name; nothing if that is no list of slices.
std::optional<std::map<std::string, nlohmann::json>> specs_in(const std::string& text) {
    const auto list = Json::parse(text, nullptr, false);
    if (!list.is_object() || !list.contains("items") || !list["items"].is_array() ||
        list.value("/metadata/resourceVersion"_json_pointer, "").empty())
        return std::nullopt;
    std::map<std::string, Json> specs;
    for (const auto& item : list["items"])
        if (item.is_object()) specs[item.value("/metadata/name"_json_pointer, "")] = item.value("spec", Json());
    return specs;
}

} // namespace

Publisher::Publisher(source::kube::Session& session, std::string node, const Pace& pace)
    : session_(session), node_(std::move(node)), pace_(pace), look_(session.next_seed()) {}

void Publisher::set_wanted(Slices wanted) {
    wanted_ = std::move(wanted);
}

bool Publisher::in_sync() const {
    return known_ && there_ == wanted_;
}

std::string Publisher::error() const {
    std::string text = look_.error;
    for (const auto& [name, way] : ways_)
        if (text.empty()) text = way.error;
    return text.empty() ? disturbance_ : text;
}

Publisher::Way& Publisher::way_of(const std::string& name) {
    return ways_.try_emplace(name, session_.next_seed()).first->second;
}

/// Else it will be asked again in time.
bool Publisher::is_due(Way& way, Time now) {
    if (way.transfer) return false;
    if (now < way.next) session_.wake_by(way.next);
    return now >= way.next;
}

void Publisher::tick(Time now) {
    if (is_due(look_, now)) look();
    if (!known_) return;
    for (const auto& name : different()) {
        auto& way = way_of(name);
        if (!is_due(way, now)) continue;
        way.next = now + pace_.between_writes;
        write(name, way);
    }
}

std::set<std::string> Publisher::different() const {
    std::set<std::string> names;
    for (const auto& [name, body] : wanted_)
        if (const auto there = there_.find(name); there == there_.end() || there->second != body) names.insert(name);
    for (const auto& [name, body] : there_)
        if (!wanted_.contains(name)) names.insert(name);
    return names;
}

void Publisher::look() {
    Query query;
    query.add("labelSelector", std::string(state::kNodeLabel) + "=" + state::label_value(node_))
        .add("resourceVersion", std::to_string(version_));
    if (version_ != 0) query.add("resourceVersionMatch", "NotOlderThan");
    start(look_, {.path = kPath + query.text(), .deadline = kDeadline},
          [this](const Response& response) { take_look(response); });
}

void Publisher::take_look(const Response& response) {
    look_.transfer.reset();
    if (response.status != 200 || !response.error.empty()) {
        version_ = 0; // a server that was set back to an older state never has it
        return fail(look_, "list identityslices.bulkhead.dev", "list", response);
    }
    const auto specs = specs_in(look_.answer);
    learn_version(std::exchange(look_.answer, {}));
    if (!specs) return fail(look_, "list identityslices.bulkhead.dev", "list", {.error = "the answer is no such list"});
    const bool is_first = !known_;
    compare(*specs);
    look_.error.clear();
    look_.backoff.reset();
    const auto now = std::chrono::steady_clock::now();
    look_.next = now + (is_first ? pace_.second_look : session_.between(pace_.between_looks / 2, pace_.between_looks));
    session_.wake_by(now); // there may be something to write
}

/// What is there as we wrote it, is there; anything else is written again.
void Publisher::compare(const Specs& specs) {
    disturbance_.clear();
    for (const auto& [name, spec] : specs) {
        auto& there = there_[name]; // of a former agent, if it is new to us
        if (there.empty() || Json::parse(there)["spec"] == spec || way_of(name).transfer) continue;
        there.clear();
        disturbance_ = "somebody else writes IdentitySlice " + name + ": are there two agents for node " + node_ + "?";
    }
    std::erase_if(there_, [&](const auto& slice) { return !specs.contains(slice.first); });
    known_ = true;
}

/// Server-side apply makes the object if there is none, and is no write if nothing differs.
void Publisher::write(const std::string& name, Way& way) {
    const auto wanted = wanted_.find(name);
    way.body = wanted == wanted_.end() ? "" : wanted->second;
    Request request{.path = kPath + ("/" + source::kube::escaped(name)), .deadline = kDeadline};
    if (way.body.empty()) {
        request.method = "DELETE";
    } else {
        request.method = "PATCH";
        request.path += Query().add("fieldManager", kManager).add("force", "true").text();
        request.content_type = "application/apply-patch+yaml";
        request.body = way.body;
    }
    start(way, std::move(request), [this, name](const Response& response) { end_write(name, response); });
}

void Publisher::end_write(const std::string& name, const Response& response) {
    auto& way = way_of(name);
    way.transfer.reset();
    const bool is_removal = way.body.empty();
    learn_version(response.status == 200 ? way.answer : response.body);
    const bool is_done = response.error.empty() &&
                         (response.status == 200 || response.status == 201 || (is_removal && response.status == 404));
    if (!is_done && is_removal) return fail(way, "remove IdentitySlice " + name, "delete", response);
    if (!is_done) return fail(way, "write IdentitySlice " + name, "create and patch", response);
    session_.wake_by(way.next); // there may be something new to write
    way.error.clear();
    way.backoff.reset();
    if (is_removal) {
        there_.erase(name);
        ++counts_.removals;
    } else {
        there_[name] = way.body;
        ++counts_.writes;
    }
}

/// Versions of one resource are numbers, whatever else they are, and grow. (Kubernetes documentation, "API concepts".)
void Publisher::learn_version(const std::string& object) {
    const auto json = Json::parse(object, nullptr, false);
    if (!json.is_object()) return;
    const auto text = json.value("/metadata/resourceVersion"_json_pointer, "");
    uint64_t version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    version_ = std::max(version_, version);
}

void Publisher::start(Way& way, Request request, std::function<void(const Response&)> on_end) {
    const auto* who = session_.credentials().current();
    if (who == nullptr) {
        way.next = std::chrono::steady_clock::now() + kAskAgainWhoWeAre;
        return session_.wake_by(way.next);
    }
    way.answer.clear();
    way.proof_version = who->version;
    auto transfer = session_.client().start(request, *who,
                                            {.on_body =
                                                 [&way](std::string_view bytes) {
                                                     way.answer += bytes;
                                                     return way.answer.size() < kLongestList;
                                                 },
                                             .on_end = std::move(on_end)});
    if (!transfer) return fail(way, request.path, "", {.error = transfer.error().text});
    way.transfer = std::move(*transfer);
}

/// A server that refuses to create what is applied doesn't say that this is the right that it misses.
void Publisher::fail(Way& way, const std::string& what, const std::string& verbs, const Response& response) {
    ++counts_.failures;
    const auto status = source::kube::status_of(response);
    auto why = response.error.empty() ? std::to_string(response.status) + ": " + status.message : response.error;
    if (response.error.empty() && response.status == 403)
        why = "needs the permission to " + verbs + " identityslices.bulkhead.dev (403): " + status.message;
    way.error = "can't " + what + ": " + why + "; other nodes may not know this node's pods";
    if (response.status == 401) session_.credentials().refused(way.proof_version);
    way.next = std::chrono::steady_clock::now() + way.backoff.next(status.retry_after.value_or(0s));
    session_.wake_by(way.next);
}

} // namespace bulkhead::publish
