// SPDX-License-Identifier: Apache-2.0
//
// Edges, plans and the matrix as tables, and refusals read back from JSON.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "bulkheadctl/advise.h"
#include "bulkheadctl/edges.h"
#include "bulkheadctl/matrix.h"
#include "flow/edge_json.h"

namespace bulkhead::ctl {
namespace {

using namespace std::chrono_literals;

constexpr flow::Time kMorning{std::chrono::seconds(1'800'000'000)};

flow::EdgeKey edge(bh_verdict verdict, flow::Party source = {flow::Kind::kPod, "shop", "Deployment/web", ""}) {
    return {.source = std::move(source),
            .destination = {flow::Kind::kPod, "payments", "StatefulSet/ledger", ""},
            .protocol = BH_TCP,
            .port = 5432,
            .verdict = verdict};
}

flow::Sighting seen(bh_reason reason, flow::Time last = kMorning) {
    return {.count = 42,
            .first = kMorning,
            .last = last,
            .reason = reason,
            .source_tenant = "ns/shop",
            .destination_tenant = "payments",
            .destination_protected = true};
}

Json edges_of(const std::vector<std::pair<flow::EdgeKey, flow::Sighting>>& rows) {
    Json json{{"edges", Json::array()}, {"limit", 10}, {"refused", 0}};
    for (const auto& [key, sighting] : rows)
        json["edges"].push_back(flow::to_json(key, sighting));
    return json;
}

TEST_CASE("an edge is a line that says what became of it, how often, until when, and between whom") {
    const auto text = edges_text(edges_of({{edge(BH_VERDICT_DENY), seen(BH_REASON_NOT_GRANTED, kMorning + 1h)}}), 200);
    CHECK(text.find("denied") != std::string::npos);
    CHECK(text.find("42") != std::string::npos);
    CHECK(text.find("5432/TCP") != std::string::npos);
    CHECK(text.find("2027-01-15 08:00:00Z  2027-01-15 09:00:00Z") != std::string::npos);
    CHECK(text.find("FIRST") < text.find("LAST"));
    CHECK(text.find("shop/Deployment/web") != std::string::npos);
    CHECK(text.find("payments/StatefulSet/ledger") != std::string::npos);
    CHECK(text.find("--edges") == std::string::npos);
    const auto narrow = edges_text(edges_of({{edge(BH_VERDICT_DENY), seen(BH_REASON_NOT_GRANTED)}}), 80);
    CHECK(narrow.find("FIRST") == std::string::npos); // the names need the room
    CHECK(narrow.find("LAST") != std::string::npos);
}

TEST_CASE("a table of edges tells what found no room, and that nothing was seen") {
    auto json = edges_of({{edge(BH_VERDICT_ALLOW), seen(BH_REASON_OPEN)}});
    json["refused"] = 7;
    CHECK(edges_text(json, 200).find("7 flows found no room among 10 edges") != std::string::npos);
    CHECK(edges_text(edges_of({}), 80) == "Nothing was seen yet.\n");
}

TEST_CASE("parties are told as what they are") {
    const auto [party, text] = GENERATE(table<flow::Party, std::string>({
        {{flow::Kind::kPod, "shop", "", ""}, "shop/*"},
        {{flow::Kind::kWorld, "", "", "203.0.113.0/24"}, "world 203.0.113.0/24"},
        {{flow::Kind::kWorld, "", "", ""}, "world"},
        {{flow::Kind::kResource, "", "", "aurora"}, "resource aurora"},
        {{flow::Kind::kHost, "", "", "node-a"}, "host node-a"},
        {{flow::Kind::kClusterDns, "", "", ""}, "cluster-dns"},
    }));
    CHECK(edges_text(edges_of({{edge(BH_VERDICT_ALLOW, party), seen(BH_REASON_OPEN)}}), 200).find(text + " ") !=
          std::string::npos);
}

TEST_CASE("a plan says how much would go on and names what would not, and where nobody can tell") {
    auto loss = flow::to_json(edge(BH_VERDICT_ALLOW), seen(BH_REASON_OPEN));
    auto unknown = loss;
    loss["would"] = "not-granted";
    loss["someWouldPass"] = true;
    const auto text = plan_text({{"namespaces", {"payments"}}, {"kept", 12}, {"losses", {loss, unknown}}}, 200);
    CHECK(text.find("12 kinds of traffic would go on, and 1 would not; of 1 nobody can tell:") != std::string::npos);
    CHECK(text.find("not-granted, to some pods") != std::string::npos);
    CHECK(text.find("nobody can tell") != std::string::npos);
    const auto nothing = plan_text({{"namespaces", {"payments"}}, {"kept", 0}, {"losses", Json::array()}}, 200);
    CHECK(nothing.find("Nothing that reached payments") != std::string::npos);
}

TEST_CASE("a matrix names each pair that isn't open with what was seen") {
    const Json matrix{{"tenants", {"blog", "payments"}},
                      {"cells",
                       {{{"source", "blog"},
                         {"destination", "payments"},
                         {"says", "partly"},
                         {"ports", {"443/TCP", "ICMP"}},
                         {"seen", {{"allowed", 3}, {"audit", 0}, {"denied", 9}}}}}}};
    const auto text = matrix_text(matrix, 200, false);
    CHECK(text.find("partly (443/TCP, ICMP)") != std::string::npos);
    CHECK(text.find("9 denied, 3 allowed") != std::string::npos);
    CHECK(text.find("audit") == std::string::npos);
}

TEST_CASE("refusals are those of the tenant, since then, and of its own confinement") {
    const auto json = edges_of({
        {edge(BH_VERDICT_DENY), seen(BH_REASON_NOT_GRANTED)},
        {edge(BH_VERDICT_AUDIT), seen(BH_REASON_AUDIT, kMorning + 2h)},
        {edge(BH_VERDICT_ALLOW), seen(BH_REASON_GRANTED)},
        {edge(BH_VERDICT_DENY, {flow::Kind::kPod, "runner", "", ""}), seen(BH_REASON_CONFINED)},
    });
    const auto count = [&](const AdviceQuestion& question) { return refusals_in(json, question).value().size(); };
    CHECK(count({}) == 3);
    CHECK(count({.tenant = "payments", .since = {}}) == 2);
    CHECK(count({.tenant = "ns/shop", .since = {}}) == 1);
    CHECK(count({.tenant = "ghost", .since = {}}) == 0);
    CHECK(count({.tenant = "payments", .since = kMorning + 1h}) == 1);
}

TEST_CASE("an edge that can't be read is named") {
    auto json = edges_of({{edge(BH_VERDICT_DENY), seen(BH_REASON_NOT_GRANTED)}});
    json["edges"][0]["port"] = "many";
    const auto wrong = refusals_in(json, {});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text.find("edges[0]: port") != std::string::npos);
}

TEST_CASE("of a plan what would be refused is to be granted, not what goes on, and not what nobody can tell") {
    const auto row = [](const char* would) {
        auto loss = flow::to_json(edge(BH_VERDICT_ALLOW), seen(BH_REASON_OPEN));
        if (*would != 0) loss["would"] = would;
        return loss;
    };
    const auto planned = refusals_of_plan(
        {{"losses", {row("not-granted"), row("audit"), row("confined"), row("confined-audit"), row("")}}});
    REQUIRE(planned);
    std::vector<bh_reason> reasons;
    for (const auto& refusal : planned->refusals)
        reasons.push_back(refusal.seen.reason);
    CHECK(reasons == std::vector{BH_REASON_NOT_GRANTED, BH_REASON_AUDIT, BH_REASON_CONFINED});
    REQUIRE(planned->untold.size() == 1);
    CHECK(planned->untold[0].text.find("nobody can tell") != std::string::npos);
    CHECK_FALSE(refusals_of_plan({{"losses", {row("perhaps")}}}));
}

TEST_CASE("what the agent tells of a destination's Tenant is read, and what it doesn't is as by default") {
    auto json = edges_of({{edge(BH_VERDICT_DENY), seen(BH_REASON_NOT_GRANTED)}});
    CHECK(refusals_in(json, {}).value().at(0).doors.access_grants);
    json["edges"][0]["destination"].update({{"accessGrants", false}, {"podExpose", false}, {"sealed", true}});
    const auto refusals = refusals_in(json, {});
    REQUIRE(refusals);
    CHECK_FALSE(refusals->at(0).doors.access_grants);
    CHECK_FALSE(refusals->at(0).doors.pod_expose);
    CHECK(refusals->at(0).doors.sealed);
}

TEST_CASE("of flows in a file the labels that all pods of a workload have select it") {
    flow::Record record;
    record.time = record.first = kMorning;
    record.verdict = BH_VERDICT_DENY;
    record.reason = BH_REASON_NOT_GRANTED;
    record.protocol = BH_TCP;
    record.packets = 1;
    record.source.kind = record.destination.kind = flow::Kind::kPod;
    record.source.ns = "shop";
    record.source.workload = {"Deployment", "web"};
    record.source.labels = {{"app", "web"}, {"pod", "1"}};
    record.destination.ns = "payments";
    record.destination.port = 5432;
    auto second = record;
    second.source.labels = {{"app", "web"}, {"pod", "2"}};
    const auto refusals = refusals_of({record, second}, {});
    REQUIRE(refusals.size() == 1);
    CHECK(refusals[0].source_labels == state::Labels{{"app", "web"}});
    CHECK(refusals[0].seen.count == 2);
}

} // namespace
} // namespace bulkhead::ctl
