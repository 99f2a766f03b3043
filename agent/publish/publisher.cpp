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
std::optional<std::map<std::string, Json>> objects_in(const std::string& text) {
    auto list = Json::parse(text, nullptr, false);
    if (!list.is_object() || !list.contains("items") || !list["items"].is_array() ||
        list.value("/metadata/resourceVersion"_json_pointer, "").empty())
        return std::nullopt;
    std::map<std::string, Json> objects;
    for (auto& item : list["items"]) {
        if (!item.is_object()) continue;
        const auto name = item.value("/metadata/name"_json_pointer, "");
        objects[name] = std::move(item);
    }
    return objects;
}

Json part_of(const Json& object, const char* path) {
    return object.is_object() ? object.value(Json::json_pointer(path), Json()) : Json();
}

/// Their entries by "namespace/name".
std::map<std::string, Json> pods_in(const Json& slice) {
    std::map<std::string, Json> pods;
    for (const auto& entry : part_of(slice, "/spec/endpoints"))
        if (entry.is_object()) pods[entry.value("namespace", "") + "/" + entry.value("pod", "")] = entry;
    return pods;
}

/// An entry of one may stand in the other: it goes to the same nodes, and says as much of the pod's labels.
bool are_alike(const Json& a, const Json& b) {
    for (const auto* path : {"/metadata/labels", "/spec/labelKeys"})
        if (part_of(a, path) != part_of(b, path)) return false;
    return true;
}

/// 4xx says that the same again will be refused again, but for these.
bool is_final(long status) {
    return status >= 400 && status < 500 && status != 401 && status != 408 && status != 409 && status != 429;
}

} // namespace

Publisher::Publisher(source::kube::Session& session, std::string node, const Pace& pace)
    : session_(session), node_(std::move(node)), pace_(pace), look_(session.next_seed()) {}

void Publisher::set_wanted(Slices wanted) {
    SlicesByName next;
    for (auto& [name, text] : wanted) {
        const auto before = wanted_.find(name);
        if (before != wanted_.end() && before->second.text == text)
            next[name] = std::move(before->second);
        else
            next[name] = {text, Json::parse(text, nullptr, false)};
    }
    wanted_ = std::move(next);
}

/// What is under way may be something else than what is wanted by now.
bool Publisher::in_sync() const {
    const bool is_writing = std::ranges::any_of(ways_, [](const auto& way) { return way.second.transfer != nullptr; });
    return known_ && !is_writing && different().empty();
}

bool Publisher::has_published(const std::string& pod, const std::vector<Address>& addresses) const {
    static const Json::json_pointer kEndpoints("/spec/endpoints");
    for (const auto& [name, there] : there_) {
        if (!there.object.contains(kEndpoints)) continue;
        for (const auto& entry : there.object.at(kEndpoints)) {
            if (!entry.is_object() || entry.value("namespace", "") + "/" + entry.value("pod", "") != pod) continue;
            const auto told = entry.value("addresses", Json::array());
            const auto is_told = [&](const Address& address) {
                return std::ranges::find(told, Json(address.text())) != told.end();
            };
            if (!told.empty() && std::ranges::all_of(addresses, is_told)) return true;
        }
    }
    return false;
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
    for (auto& [name, body] : steps(now)) {
        auto& way = way_of(name);
        if (!is_due(way, now)) continue;
        way.next = now + pace_.between_writes;
        write(name, way, std::move(body));
    }
}

std::set<std::string> Publisher::different() const {
    std::set<std::string> names;
    for (const auto& [name, wanted] : wanted_)
        if (const auto there = there_.find(name); there == there_.end() || there->second.text != wanted.text)
            names.insert(name);
    for (const auto& [name, there] : there_)
        if (!wanted_.contains(name)) names.insert(name);
    return names;
}

/// Of the slices that are different, what is to be done now.
Publisher::Steps Publisher::steps(Time now) {
    const auto names = different();
    if (names.empty()) return {};
    const auto arriving = arrivals(names);
    Steps steps;
    for (const auto& name : names)
        if (auto step = step_of(name, arriving, now)) steps[name] = std::move(*step);
    return steps;
}

Publisher::Arrivals Publisher::arrivals(const std::set<std::string>& names) const {
    Arrivals arrivals;
    for (const auto& name : names) {
        const auto wanted = wanted_.find(name);
        const auto way = ways_.find(name);
        if (wanted == wanted_.end() || (way != ways_.end() && way->second.refused)) continue;
        const auto there = there_.find(name);
        const auto known = there == there_.end() ? std::map<std::string, Json>{} : pods_in(there->second.object);
        for (auto& [pod, entry] : pods_in(wanted->second.object))
            if (!known.contains(pod)) arrivals[pod] = {name, std::move(entry)};
    }
    return arrivals;
}

/// Pods that haven't arrived elsewhere stay: among those that are wanted here, or else with the slice as it is.
std::optional<std::string> Publisher::step_of(const std::string& name, const Arrivals& arrivals, Time now) {
    const auto wanted = wanted_.find(name);
    const auto there = there_.find(name);
    std::vector<const Json*> staying;
    if (there != there_.end())
        for (const auto& [pod, entry] : pods_in(there->second.object))
            if (const auto found = arrivals.find(pod); found != arrivals.end() && found->second.slice != name)
                staying.push_back(&found->second.entry);
    auto& way = way_of(name);
    if (staying.empty()) way.held_since.reset();
    if (staying.empty() || !may_hold(way, now)) return wanted == wanted_.end() ? "" : wanted->second.text;
    if (wanted == wanted_.end() || !are_alike(wanted->second.object, there->second.object)) return std::nullopt;
    auto both = wanted->second.object;
    for (const auto* entry : staying)
        both["spec"]["endpoints"].push_back(*entry);
    auto text = both.dump();
    if (text == there->second.text) return std::nullopt;
    return text;
}

bool Publisher::may_hold(Way& way, Time now) {
    if (!way.held_since) way.held_since = now;
    const auto end = *way.held_since + pace_.longest_hold;
    if (now < end) session_.wake_by(end);
    return now < end;
}

void Publisher::look() {
    look_began_ = std::chrono::steady_clock::now();
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
    auto objects = objects_in(look_.answer);
    learn_version(std::exchange(look_.answer, {}));
    if (!objects)
        return fail(look_, "list identityslices.bulkhead.dev", "list", {.error = "the answer is no such list"});
    SlicesByName found;
    for (auto& [name, object] : *objects)
        found[name].object = std::move(object);
    compare(std::move(found));
    look_.error.clear();
    look_.backoff.reset();
    const auto now = std::chrono::steady_clock::now();
    look_.next = now + until_next_look(now);
    session_.wake_by(now); // there may be something to write
}

/// The older the agent, the less likely it is that somebody spoke for it.
std::chrono::milliseconds Publisher::until_next_look(Time now) {
    const auto is_first = !known_since_;
    if (is_first) known_since_ = now;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - *known_since_);
    const auto longest = std::min(std::max(age, pace_.second_look), pace_.between_looks);
    return is_first ? longest : session_.between(longest / 2, longest);
}

/// What is there as we wrote it, is there; anything else is written again. Of what was written meanwhile a look may
/// tell what was before.
void Publisher::compare(SlicesByName found) {
    disturbance_.clear();
    const auto is_newer = [this](const auto& slice) {
        const auto way = ways_.find(slice.first);
        return way != ways_.end() && (way->second.transfer || way->second.ended >= look_began_);
    };
    std::erase_if(found, is_newer);
    for (auto& [name, there] : there_) {
        const auto place = found.find(name);
        if (is_newer(std::pair(name, 0)))
            found[name] = std::move(there);
        else if (place == found.end() || there.text.empty())
            continue;
        else if (part_of(there.object, "/spec") == part_of(place->second.object, "/spec"))
            place->second = std::move(there);
        else
            disturbance_ =
                "somebody else writes IdentitySlice " + name + ": are there two agents for node " + node_ + "?";
    }
    there_ = std::move(found);
    known_ = true;
    std::erase_if(ways_, [this](const auto& way) {
        return !way.second.transfer && !there_.contains(way.first) && !wanted_.contains(way.first);
    });
}

/// Server-side apply makes the object if there is none, and is no write if nothing differs.
void Publisher::write(const std::string& name, Way& way, std::string body) {
    way.body = std::move(body);
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
    way.ended = std::chrono::steady_clock::now();
    const bool is_removal = way.body.empty();
    learn_version(response.status == 200 ? way.answer : response.body);
    const bool is_done = response.error.empty() &&
                         (response.status == 200 || response.status == 201 || (is_removal && response.status == 404));
    if (!is_done && is_removal) return fail(way, "remove IdentitySlice " + name, "delete", response);
    if (!is_done) return fail(way, "write IdentitySlice " + name, "create and patch", response);
    session_.wake_by(way.next); // there may be something new to write
    way.error.clear();
    way.refused = false;
    way.backoff.reset();
    if (is_removal) {
        there_.erase(name);
        ++counts_.removals;
    } else {
        there_[name] = {way.body, Json::parse(way.body, nullptr, false)};
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
    way.refused = response.error.empty() && is_final(response.status);
    if (response.status == 401) session_.credentials().refused(way.proof_version);
    way.next = std::chrono::steady_clock::now() + way.backoff.next(status.retry_after.value_or(0s));
    session_.wake_by(way.next);
}

} // namespace bulkhead::publish
