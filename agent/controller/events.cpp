// SPDX-License-Identifier: Apache-2.0
#include "controller/events.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "source/kube/status.h"

namespace bulkhead::controller {

namespace {

using namespace std::chrono_literals;
using Nature = state::Problem::Nature;

constexpr auto kComponent = "bulkhead-controller";
constexpr auto kAnswerBy = 10s;
constexpr size_t kLongestObject = 4 << 20; // bytes; etcd takes 1.5 MiB, but "<" is served as six
constexpr size_t kLongestNote = 1000;      // bytes; the API server takes 1024
constexpr size_t kLongestName = 200;       // characters of the object's, before the hash

/// All that is asked of an object. (Kubernetes API concepts, "Metadata-only fetches"; since 1.15.)
constexpr auto kMetadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

struct Kind {
    std::string_view name;
    std::string_view root;
    std::string_view api_version;
    std::string_view plural;
};

constexpr std::array kKinds{
    Kind{"Node", "/api/v1", "v1", "nodes"},
    Kind{"Tenant", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "tenants"},
    Kind{"AccessGrant", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "accessgrants"},
    Kind{"AWSResource", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "awsresources"},
    Kind{"Override", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "overrides"},
    Kind{"Namespace", "/api/v1", "v1", "namespaces"},
    Kind{"Pod", "/api/v1", "v1", "pods"},
    Kind{"TargetGroupBinding", "/apis/elbv2.k8s.aws/v1beta1", "elbv2.k8s.aws/v1beta1", "targetgroupbindings"},
};

const Kind* find_kind(std::string_view name) {
    const auto found = std::ranges::find(kKinds, name, &Kind::name);
    return found == kKinds.end() ? nullptr : &*found;
}

std::string path_of(const state::ObjectKey& key) {
    const auto& kind = *find_kind(key.kind);
    std::string path(kind.root);
    if (!key.ns.empty()) path += "/namespaces/" + key.ns;
    return path + "/" + std::string(kind.plural) + "/" + key.name;
}

/// Events of what is cluster-scoped are there.
std::string namespace_of(const state::ObjectKey& key) {
    return key.ns.empty() ? "default" : key.ns;
}

const char* reason_of(Nature nature) {
    switch (nature) {
    case Nature::kInvalid:
        return "Invalid";
    case Nature::kConflict:
        return "Conflict";
    case Nature::kMissing:
        return "NothingNamedSo";
    case Nature::kNotGuarded:
        return "NotGuarded";
    case Nature::kOverride:
        return "Overridden";
    case Nature::kNotAnswered:
        return "NotResolved";
    case Nature::kAnswered:
        return "Resolved";
    case Nature::kMistake:
        return "InForceInPart";
    }
    return "InForceInPart";
}

std::string text_in(const state::Problem& problem) {
    const auto text = problem.field + (problem.field.empty() ? "" : ": ") + problem.text;
    return std::string(cut_utf8(text, kLongestNote));
}

std::string name_of(const Concerned& concerned, const std::string& uid, const std::string& text) {
    std::array<char, 20> hash{};
    std::snprintf(hash.data(), hash.size(), ".%08x%08x", fnv1a_32(concerned.key.kind + uid), fnv1a_32(text));
    auto name = concerned.key.name.substr(0, kLongestName);
    while (name.ends_with('-') || name.ends_with('.')) // before the dot, neither may stand
        name.pop_back();
    return name + hash.data();
}

std::string uid_in(const std::string& text) {
    const auto object = Json::parse(text, nullptr, false);
    if (!object.is_object()) return "";
    return object.value(Json::json_pointer("/metadata/uid"), "");
}

/// A Node's Events have its name for a uid, as the kubelet's do: by that `kubectl describe node` finds them.
std::string uid_of(const state::ObjectKey& key, const std::string& object) {
    return key.kind == "Node" ? key.name : uid_in(object);
}

/// Told, or there already, or about what is gone or will be in a moment, or never to be taken as it is.
bool is_settled(const source::kube::Response& response) {
    if (!response.error.empty()) return false;
    if (response.status == 403) return source::kube::status_of(response).namespace_ends;
    return response.status / 100 == 2 || response.status == 404 || response.status == 409 || response.status == 422;
}

/// Whatever were asked: nobody is there, nobody knows us, or there is too much to do.
bool is_no_answer(const source::kube::Response& response) {
    return response.status == 0 || response.status == 401 || response.status == 429 || response.status == 503;
}

} // namespace

std::optional<Concerned> concerned_by(const state::Problem& problem) {
    const auto space = problem.object.find(' ');
    if (space == std::string::npos) return std::nullopt;
    const auto* kind = find_kind(std::string_view(problem.object).substr(0, space));
    if (kind == nullptr) return std::nullopt;
    const auto name = problem.object.substr(space + 1);
    const auto slash = name.find('/');
    state::ObjectKey key{.kind = std::string(kind->name), .ns = "", .name = name};
    if (slash != std::string::npos) {
        key.ns = name.substr(0, slash);
        key.name = name.substr(slash + 1);
    }
    return Concerned{.api_version = std::string(kind->api_version), .key = std::move(key)};
}

Json event_of(const state::Problem& problem, const Concerned& concerned, const std::string& uid,
              std::chrono::sys_seconds now) {
    const auto& key = concerned.key;
    const auto text = text_in(problem);
    Json object{{"apiVersion", concerned.api_version}, {"kind", key.kind}, {"name", key.name}};
    if (!key.ns.empty()) object["namespace"] = key.ns;
    if (!uid.empty()) object["uid"] = uid;
    return {{"apiVersion", "v1"},
            {"kind", "Event"},
            {"metadata", {{"name", name_of(concerned, uid, text)}, {"namespace", namespace_of(key)}}},
            {"involvedObject", std::move(object)},
            {"type", problem.nature == Nature::kAnswered ? "Normal" : "Warning"},
            {"reason", reason_of(problem.nature)},
            {"message", text},
            {"count", 1},
            {"firstTimestamp", rfc3339(now)},
            {"lastTimestamp", rfc3339(now)},
            {"source", {{"component", kComponent}}}};
}

Events::Events(source::kube::Session& session, const EventPace& pace)
    : session_(session), pace_(pace), call_(session), backoff_(session.next_seed()), budget_(pace.burst) {}

void Events::set_problems(const std::vector<state::Problem>& problems) {
    const bool failed = queue_.any_failed();
    queue_.set_problems(problems);
    if (failed && !queue_.any_failed()) error_.clear();
    session_.wake_by(std::chrono::steady_clock::now());
}

const state::Problem* Events::next_due(Time now) const {
    const auto* problem = queue_.next(now);
    if (problem == nullptr && queue_.wakes_at()) session_.wake_by(*queue_.wakes_at());
    return problem;
}

bool Events::may_tell(Time now) {
    const std::chrono::duration<double, std::milli> since = now - std::max(budget_at_, now - pace_.again);
    budget_ = std::min(pace_.burst, budget_ + since / pace_.between);
    budget_at_ = now;
    if (budget_ >= 1) return true;
    session_.wake_by(now + pace_.between);
    return false;
}

void Events::tick(Time now) {
    if (call_.under_way()) return;
    if (now < next_) return session_.wake_by(next_);
    if (ready_) return tell(*std::exchange(ready_, std::nullopt));
    const auto* problem = next_due(now);
    if (problem == nullptr || !may_tell(now)) return;
    budget_ -= 1;
    queue_.begin(*problem);
    ask_uid({.problem = *problem, .concerned = *concerned_by(*problem)});
}

void Events::ask_uid(Telling telling) {
    const source::kube::Request request{
        .path = path_of(telling.concerned.key), .accept = kMetadataOnly, .deadline = kAnswerBy};
    start(request, [this, telling = std::move(telling)](const Response& response) { take_object(telling, response); });
}

/// An object too large to be read is told of without its uid: whoever made it so shall not be passed over for it.
/// The Event is sent by the next tick(), by whoever leads then.
void Events::take_object(Telling telling, const Response& object) {
    if (object.status != 200) return settle(telling.problem, object);
    if (object.error.empty()) telling.uid = uid_of(telling.concerned.key, object.body);
    ready_ = std::move(telling);
    session_.wake_by(std::chrono::steady_clock::now());
}

void Events::tell(const Telling& telling) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto& [problem, concerned, uid] = telling;
    start({.path = "/api/v1/namespaces/" + namespace_of(concerned.key) + "/events",
           .method = "POST",
           .body = text_of(event_of(problem, concerned, uid, now)),
           .content_type = "application/json",
           .deadline = kAnswerBy},
          [this, told = problem](const Response& response) {
              told_count_ += response.status == 201 ? 1 : 0;
              settle(told, response);
          });
}

void Events::settle(const state::Problem& problem, const Response& response) {
    const auto now = std::chrono::steady_clock::now();
    session_.wake_by(now);
    if (is_settled(response)) {
        backoff_.reset();
        queue_.put_off(problem, now + pace_.again);
        if (!queue_.any_failed()) error_.clear();
        return;
    }
    error_ = "can't tell of problems by Events: " + source::kube::words_of(response);
    if (!is_no_answer(response)) return queue_.fail(problem, now);
    next_ = now + backoff_.next(source::kube::status_of(response).retry_after.value_or(0s));
    queue_.put_off(problem, next_ + pace_.between); // others first: it may be the only one that nobody answers
}

void Events::stop() {
    call_.cancel();
    ready_.reset();
    error_.clear();
}

void Events::start(const source::kube::Request& request, std::function<void(const Response&)> on_end) {
    if (call_.start(request, std::move(on_end), kLongestObject)) return;
    next_ = std::chrono::steady_clock::now() + source::kube::kAskAgainWhoWeAre;
    session_.wake_by(next_);
}

} // namespace bulkhead::controller
