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
    const auto status = status_of(problems, 1, Json::object(), kNow);
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
    const auto status = status_of({problem(Nature::kConflict, "is also b's")}, 7, Json::object(), kNow);
    CHECK(status.at("observedGeneration") == 7);
    const auto ready = condition(status, "Ready");
    CHECK(ready.at("status") == "False");
    CHECK(ready.at("reason") == "Conflict");
    CHECK(ready.at("message") == "spec: is also b's");
    CHECK(ready.at("observedGeneration") == 7);
    CHECK(ready.at("lastTransitionTime") == "2027-01-15T08:00:00Z");

    const auto later = kNow + std::chrono::seconds(60);
    const auto same = status_of({problem(Nature::kConflict, "is also c's")}, 8, status, later);
    CHECK(condition(same, "Ready").at("lastTransitionTime") == "2027-01-15T08:00:00Z");
    CHECK(condition(same, "Ready").at("message") == "spec: is also c's");
    const auto mended = status_of({}, 9, same, later);
    CHECK(condition(mended, "Ready").at("lastTransitionTime") == "2027-01-15T08:01:00Z");
    CHECK(condition(mended, "Invalid").at("lastTransitionTime") == "2027-01-15T08:00:00Z");
    CHECK(status_of({}, 9, mended, later + std::chrono::seconds(1)) == mended); // and so isn't written again
}

TEST_CASE("a status that somebody else wrote, of whatever shape, is replaced by ours") {
    for (const auto* before : {"null", "[]", R"({"conditions": "none"})", R"({"conditions": [7]})",
                               R"({"conditions": [{"type": "Ready", "status": "True"}]})"}) {
        const auto status = status_of({}, 1, Json::parse(before), kNow);
        CHECK(condition(status, "Ready").at("lastTransitionTime") == "2027-01-15T08:00:00Z");
    }
}

TEST_CASE("ten thousand problems of one object are told by a few, and by their number") {
    std::vector<state::Problem> many(10'000, problem(Nature::kMistake, std::string(900, 'x')));
    const auto message = message_of(many);
    CHECK(message.size() < 2100);
    CHECK(message.ends_with("and 9995 more"));
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
