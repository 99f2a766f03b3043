// SPDX-License-Identifier: Apache-2.0
//
// Problems -> conditions and Events.
#include <catch2/catch_test_macros.hpp>

#include "controller/conditions.h"
#include "controller/events.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using Nature = state::Problem::Nature;

namespace {

constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'800'000'000)}; // 2027-01-15T08:00:00Z

state::Problem problem(Nature nature, std::string text, std::string object = "Tenant payments") {
    return {.origin = "here", .object = std::move(object), .field = "spec", .text = std::move(text), .nature = nature};
}

Json condition(const Json& status, const std::string& type) {
    for (const auto& one : status.at("conditions"))
        if (one.at("type") == type) return one;
    FAIL("no condition " << type);
    return {};
}

/// "Ready Conflict Invalid", those that are True.
std::string holding(const std::vector<state::Problem>& problems) {
    std::string types;
    const auto status = status_of(problems, {}, 1, Json::object(), kNow);
    for (const auto& one : status.at("conditions"))
        if (one.at("status") == "True") types += (types.empty() ? "" : " ") + one.at("type").get<std::string>();
    return types;
}

} // namespace

TEST_CASE("what an object says is in force unless it is invalid, contradicted, or means less than it says") {
    CHECK(holding({}) == "Ready");
    CHECK(holding({problem(Nature::kMissing, "there is no tenant x")}) == "Ready"); // it may come
    CHECK(holding({problem(Nature::kMistake, "opens nothing")}) == "");
    CHECK(holding({problem(Nature::kConflict, "is also b's")}) == "Conflict");
    CHECK(holding({problem(Nature::kInvalid, "no port")}) == "Invalid");
    CHECK(holding({problem(Nature::kConflict, "is also b's"), problem(Nature::kInvalid, "no port")}) ==
          "Conflict Invalid");
}

TEST_CASE("a condition tells what is the matter, for which generation, and since when it has its status") {
    const auto status = status_of({problem(Nature::kConflict, "is also b's")}, {}, 7, Json::object(), kNow);
    CHECK(status.at("observedGeneration") == 7);
    const auto ready = condition(status, "Ready");
    CHECK(ready.at("status") == "False");
    CHECK(ready.at("reason") == "Conflict");
    CHECK(ready.at("message") == "spec: is also b's");
    CHECK(ready.at("observedGeneration") == 7);
    CHECK(ready.at("lastTransitionTime") == "2027-01-15T08:00:00Z");

    const auto later = kNow + std::chrono::seconds(60);
    const auto same = status_of({problem(Nature::kConflict, "is also c's")}, {}, 8, status, later);
    CHECK(condition(same, "Ready").at("lastTransitionTime") == "2027-01-15T08:00:00Z");
    CHECK(condition(same, "Ready").at("message") == "spec: is also c's");
    const auto mended = status_of({}, {}, 9, same, later);
    CHECK(condition(mended, "Ready").at("lastTransitionTime") == "2027-01-15T08:01:00Z");
    CHECK(condition(mended, "Invalid").at("lastTransitionTime") == "2027-01-15T08:00:00Z");
    CHECK(status_of({}, {}, 9, mended, later + std::chrono::seconds(1)) == mended); // and so isn't written again
}

TEST_CASE("an AccessGrant whose date has passed is no longer Ready, and says since when") {
    const std::vector<Ending> ended{{.field = "", .at = kNow - std::chrono::hours(1)}};
    const auto ready = condition(status_of({}, ended, 1, Json::object(), kNow), "Ready");
    CHECK(ready.at("status") == "False");
    CHECK(ready.at("reason") == "Expired");
    CHECK(ready.at("message") == "ended at 2027-01-15T07:00:00Z");
    const auto reason_with = [&](Nature nature) {
        return condition(status_of({problem(nature, "x")}, ended, 1, Json::object(), kNow), "Ready").at("reason");
    };
    CHECK(reason_with(Nature::kMissing) == "Expired");
    CHECK(reason_with(Nature::kMistake) == "Expired");
    CHECK(reason_with(Nature::kConflict) == "Conflict");
    CHECK(reason_with(Nature::kInvalid) == "Invalid"); // what is written now isn't what ended
}

TEST_CASE("a Tenant some of whose grants have ended is in force, and says which have") {
    std::vector<Ending> ended{{.field = "spec.allowFrom[2]", .at = kNow - std::chrono::hours(1)}};
    const auto with = [&](const std::vector<state::Problem>& problems) {
        return condition(status_of(problems, ended, 1, Json::object(), kNow), "Ready");
    };
    const std::string line = "\nspec.allowFrom[2]: ended at 2027-01-15T07:00:00Z";
    CHECK(with({}).at("status") == "True");
    CHECK(with({}).at("reason") == "InForce");
    CHECK(with({}).at("message") == "what this object says is in force, but for grants that ended" + line);
    CHECK(with({problem(Nature::kMissing, "x")}).at("message") == "spec: x" + line);
    CHECK(with({problem(Nature::kMistake, "x")}).at("status") == "False");
    CHECK(with({problem(Nature::kMistake, "x")}).at("message") == "spec: x" + line);
    ended.resize(1000, ended.front());
    CHECK(with({}).at("message").get<std::string>().ends_with(line + "\nand 995 more have ended"));
}

TEST_CASE("a grant ends at its second, and the next one to end is known") {
    state::Cluster cluster;
    const auto until = [](int seconds) { return kNow + std::chrono::seconds(seconds); };
    state::AccessGrant grant;
    grant.meta = {.name = "reports", .ns = "payments", .origin = "", .created = {}};
    grant.grant.until = kNow;
    cluster.put(grant);
    grant.meta.name = "undated";
    grant.grant.until.reset();
    cluster.put(grant);
    state::Tenant tenant;
    tenant.meta.name = "bank";
    tenant.allow_from.resize(3);
    tenant.allow_from[1].until = until(20);
    tenant.allow_from[2].until = until(10);
    cluster.put(tenant);
    state::AwsResource resource;
    resource.meta.name = "aurora";
    resource.allow_from.resize(1);
    resource.allow_from[0].until = until(15);
    cluster.put(resource);

    const auto before = endings_at(kNow - std::chrono::seconds(1), cluster);
    CHECK(before.by_object.empty());
    CHECK(before.next == kNow);
    const auto then = endings_at(kNow, cluster);
    CHECK(then.by_object == decltype(then.by_object){{"AccessGrant payments/reports", {{.field = "", .at = kNow}}}});
    CHECK(then.next == until(10));
    const auto later = endings_at(until(15), cluster);
    CHECK(later.by_object.at("Tenant bank") == std::vector<Ending>{{.field = "spec.allowFrom[2]", .at = until(10)}});
    CHECK(later.by_object.at("AWSResource aurora") ==
          std::vector<Ending>{{.field = "spec.allowFrom[0]", .at = until(15)}});
    CHECK(later.next == until(20));
    CHECK_FALSE(endings_at(until(20), cluster).next);
}

TEST_CASE("a status that somebody else wrote, of whatever shape, is replaced by ours") {
    for (const auto* before : {"null", "[]", R"({"conditions": "none"})", R"({"conditions": [7]})",
                               R"({"conditions": [{"type": "Ready", "status": "True"}]})"}) {
        const auto status = status_of({}, {}, 1, Json::parse(before), kNow);
        CHECK(condition(status, "Ready").at("lastTransitionTime") == "2027-01-15T08:00:00Z");
    }
}

TEST_CASE("ten thousand problems of one object are told by a few, and by their number") {
    std::vector<state::Problem> many(10'000, problem(Nature::kMistake, std::string(900, 'x')));
    const auto message = message_of(many);
    CHECK(message.size() < 2100);
    CHECK(message.ends_with("and 9995 more"));
}

TEST_CASE("what is cut in a message is what the server keeps of it, so that it isn't written again and again") {
    for (size_t length = 990; length < 1010; ++length) {
        INFO(length);
        std::string text(length, 'x');
        for (int i = 0; i < 1000; ++i)
            text += "\u20ac";
        const auto of = problem(Nature::kInvalid, text);
        const auto status = status_of({of}, {}, 1, Json::object(), kNow);
        CHECK(condition(status, "Invalid").at("message").get<std::string>().ends_with("\u20ac..."));
        CHECK(Json::parse(text_of(status)) == status);
        const auto event = event_of(of, *concerned_by(of), "u", kNow);
        CHECK(Json::parse(text_of(event)) == event);
    }
}

TEST_CASE("an Event is about the object that the problem names, and named after what it says") {
    const auto event_on = [](const state::Problem& of, const std::string& uid) {
        return event_of(of, *concerned_by(of), uid, kNow);
    };
    const auto pod = event_on(problem(Nature::kMistake, "\"90x\" is no port", "Pod shop/web-1"), "u-1");
    CHECK(pod.at("metadata").at("namespace") == "shop");
    CHECK(pod.at("involvedObject") ==
          Json({{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "web-1"}, {"namespace", "shop"}, {"uid", "u-1"}}));
    CHECK(pod.at("message") == "spec: \"90x\" is no port");
    CHECK(pod.at("type") == "Warning");
    const auto failing = event_on(problem(Nature::kNotAnswered, "a", "AWSResource aurora"), "u-3");
    CHECK(failing.at("type") == "Warning");
    CHECK(failing.at("reason") == "NotResolved");
    const auto answered = event_on(problem(Nature::kAnswered, "a", "AWSResource aurora"), "u-3");
    CHECK(answered.at("type") == "Normal");
    CHECK(answered.at("reason") == "Resolved");
    const auto tenant = event_on(problem(Nature::kConflict, "a"), "u-2");
    CHECK(tenant.at("metadata").at("namespace") == "default");
    CHECK(tenant.at("involvedObject").at("apiVersion") == "bulkhead.dev/v1alpha1");
    const auto name = [&](const char* text, const char* uid) {
        return event_on(problem(Nature::kConflict, text), uid).at("metadata").at("name").get<std::string>();
    };
    CHECK(name("a", "u-2") == name("a", "u-2"));
    CHECK(name("a", "u-2") != name("b", "u-2"));
    CHECK(name("a", "u-2") != name("a", "u-3"));
    CHECK(name("a", "u-2").starts_with("payments."));
    CHECK_FALSE(concerned_by(problem(Nature::kMistake, "is away", "")));
    CHECK_FALSE(concerned_by(problem(Nature::kMistake, "overlaps", "EndpointSlice kube-system/dns")));
}
