// SPDX-License-Identifier: Apache-2.0
#include "controller/events.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/rfc3339.h"
#include "source/kube/status.h"

namespace bulkhead::controller {

namespace {

using namespace std::chrono_literals;
using Nature = state::Problem::Nature;

constexpr auto kComponent = "bulkhead-controller";
constexpr auto kDeadline = 10s;
constexpr size_t kLongestObject = 4 << 20; // bytes; etcd takes 1.5 MiB
constexpr size_t kLongestMessage = 1000;   // bytes; the API server takes 1024
constexpr size_t kLongestName = 200;       // characters of the object's, before the hash

struct Kind {
    std::string_view name;
    std::string_view root;
    std::string_view api_version;
    std::string_view plural;
};

constexpr std::array kKinds{
    Kind{"Tenant", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "tenants"},
    Kind{"AccessGrant", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "accessgrants"},
    Kind{"AWSResource", "/apis/bulkhead.dev/v1alpha1", "bulkhead.dev/v1alpha1", "awsresources"},
    Kind{"Namespace", "/api/v1", "v1", "namespaces"},
    Kind{"Pod", "/api/v1", "v1", "pods"},
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
    case Nature::kMistake:
        return "InForceInPart";
    }
    return "InForceInPart";
}

std::string text_in(const state::Problem& problem) {
    auto text = problem.field + (problem.field.empty() ? "" : ": ") + problem.text;
    if (text.size() > kLongestMessage) text.resize(kLongestMessage);
    return text;
}

std::string name_of(const Concerned& concerned, const std::string& uid, const std::string& text) {
    std::array<char, 20> hash{};
    std::snprintf(hash.data(), hash.size(), ".%08x%08x", fnv1a_32(concerned.key.kind + uid), fnv1a_32(text));
    return concerned.key.name.substr(0, kLongestName) + hash.data();
}

std::string uid_in(const std::string& text) {
    const auto object = Json::parse(text, nullptr, false);
    if (!object.is_object()) return "";
    return object.value(Json::json_pointer("/metadata/uid"), "");
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
            {"type", "Warning"},
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
    queue_.set_problems(problems);
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
    const auto* problem = next_due(now);
    if (problem == nullptr || !may_tell(now)) return;
    budget_ -= 1;
    queue_.begin(*problem);
    ask_uid(*problem, *concerned_by(*problem));
}

void Events::ask_uid(const state::Problem& problem, const Concerned& concerned) {
    start({.path = path_of(concerned.key), .deadline = kDeadline},
          [this, problem, concerned](const Response& response) {
              const bool is_there = response.error.empty() && response.status == 200;
              is_there ? tell(problem, concerned, uid_in(response.body)) : settle(problem, response);
          });
}

void Events::tell(const state::Problem& problem, const Concerned& concerned, const std::string& uid) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    start({.path = "/api/v1/namespaces/" + namespace_of(concerned.key) + "/events",
           .method = "POST",
           .body = text_of(event_of(problem, concerned, uid, now)),
           .content_type = "application/json",
           .deadline = kDeadline},
          [this, problem](const Response& response) {
              told_count_ += response.status == 201 ? 1 : 0;
              settle(problem, response);
          });
}

/// Told, or there already, or about what is gone.
void Events::settle(const state::Problem& problem, const Response& response) {
    const auto now = std::chrono::steady_clock::now();
    const bool is_done =
        response.error.empty() && (response.status / 100 == 2 || response.status == 404 || response.status == 409);
    session_.wake_by(now);
    if (!is_done) {
        error_ = "can't tell of problems by Events: " + source::kube::words_of(response);
        next_ = now + backoff_.next(source::kube::status_of(response).retry_after.value_or(0s));
        queue_.put_off(problem, next_ + pace_.between); // others first: it may be the only one that isn't taken
        return;
    }
    error_.clear();
    backoff_.reset();
    queue_.put_off(problem, now + pace_.again);
}

void Events::start(const source::kube::Request& request, std::function<void(const Response&)> on_end) {
    if (call_.start(request, std::move(on_end), kLongestObject)) return;
    next_ = std::chrono::steady_clock::now() + source::kube::kAskAgainWhoWeAre;
    session_.wake_by(next_);
}

} // namespace bulkhead::controller
