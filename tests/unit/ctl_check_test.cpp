// SPDX-License-Identifier: Apache-2.0
//
// A change checked against what was seen, from files alone.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "bulkheadctl/check.h"
#include "bulkheadctl/edges.h"
#include "flow/edge_json.h"
#include "flow/stream.h"
#include "source/check.h"
#include "source_fixture.h"

namespace bulkhead::ctl {
namespace {

constexpr flow::Time kNoon{std::chrono::seconds(1'800'000'000)};

const flow::Party kShop{flow::Kind::kPod, "shop", "Deployment/web", ""};
const flow::Party kLedger{flow::Kind::kPod, "payments", "StatefulSet/ledger", ""};

Json edge_json(const flow::Party& source, uint16_t port, const std::string& app, bh_verdict verdict) {
    Json json =
        flow::to_json({.source = source, .destination = kLedger, .protocol = BH_TCP, .port = port, .verdict = verdict},
                      {.count = 4,
                       .first = kNoon,
                       .last = kNoon,
                       .reason = verdict == BH_VERDICT_DENY ? BH_REASON_NOT_GRANTED : BH_REASON_OPEN,
                       .source_tenant = "ns/shop",
                       .destination_tenant = "ns/payments",
                       .destination_protected = true});
    if (!app.empty()) json["source"]["labels"] = {{"app", app}};
    json["destination"]["labels"] = {{"app", "ledger"}};
    return json;
}

constexpr auto kNamespaces = R"(
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: payments, labels: {bulkhead.dev/level: protected}}}
)";

constexpr auto kGrant = R"(
apiVersion: bulkhead.dev/v1alpha1
kind: AccessGrant
metadata: {namespace: payments, name: for-web}
spec:
  podSelector: {matchLabels: {app: ledger}}
  from: [{namespace: shop, podSelector: {matchLabels: {app: web}}}]
  ports: [{port: 5432, protocol: TCP}]
)";

std::vector<state::Object> objects_in(const std::string& text) {
    std::vector<state::Problem> problems;
    auto objects = source::read_text("test", text, problems);
    REQUIRE(problems.empty());
    return objects;
}

Checked check_of(const std::vector<Json>& edges, const std::string& change) {
    Json answer{{"node", "node-a"}, {"edges", edges}};
    const auto seen = seen_in(answer);
    REQUIRE(seen);
    return sorted(check_offline({*seen}, objects_in(kNamespaces), objects_in(change), {}));
}

TEST_CASE("files alone tell what a change would let pass, and what it would still refuse") {
    const std::vector<Json> edges{edge_json(kShop, 5432, "web", BH_VERDICT_DENY),
                                  edge_json(kShop, 9000, "web", BH_VERDICT_DENY)};
    const auto before = check_of(edges, "");
    CHECK(before.passing == 0);
    CHECK(before.refused.size() == 2);
    const auto checked = check_of(edges, kGrant);
    CHECK(checked.passing == 1);
    REQUIRE(checked.refused.size() == 1);
    CHECK(checked.refused.front().edge.port == 9000);
    const auto text = checked_text(checked, 200);
    CHECK(text.find("1 of 2 kinds of traffic that were seen would pass, and 1 would not") != std::string::npos);
    CHECK(text.find("9000/TCP") != std::string::npos);
    CHECK(text.find("5432/TCP") == std::string::npos);
}

TEST_CASE("a change that protects somebody is held against what passed so far") {
    const auto change = "apiVersion: v1\nkind: Namespace\nmetadata: {name: payments}\n";
    const std::vector<Json> edges{edge_json(kShop, 5432, "web", BH_VERDICT_ALLOW)};
    CHECK(check_of(edges, change).passing == 1); // it takes the label away
    CHECK(check_of(edges, "").refused.size() == 1);
}

TEST_CASE("what no entry could let in holds up no change, and is told") {
    const flow::Party unknown{flow::Kind::kHost, "", "", "node-b"};
    const auto checked = check_of({edge_json(unknown, 5432, "", BH_VERDICT_DENY)}, "");
    CHECK(checked.refused.empty());
    REQUIRE(checked.hopeless.size() == 1);
    CHECK(checked_text(checked, 200).find("Not counted, since no entry could") != std::string::npos);
}

TEST_CASE("saved edges and saved flows are read alike, with their labels") {
    const source::TemporaryDirectory directory;
    directory.write("edges.json",
                    Json{{"node", "node-a"}, {"edges", {edge_json(kShop, 5432, "web", BH_VERDICT_DENY)}}}.dump(2));
    flow::Record record;
    record.time = record.first = kNoon;
    record.node = "node-b";
    record.verdict = BH_VERDICT_DENY;
    record.reason = BH_REASON_NOT_GRANTED;
    record.protocol = BH_TCP;
    record.packets = 4;
    record.source.kind = record.destination.kind = flow::Kind::kPod;
    record.source.address = Address::parse("10.0.1.1").value();
    record.destination.address = Address::parse("10.0.2.1").value();
    record.source.ns = "shop";
    record.source.workload = {"Deployment", "web"};
    record.source.labels = {{"app", "web"}};
    record.destination.ns = "payments";
    record.destination.workload = {"StatefulSet", "ledger"};
    record.destination.port = 5432;
    const auto line = flow::line_of(flow::to_json(record));
    directory.write("flows.json", line + line);
    directory.write("flow.json", line); // a line by itself is JSON, too
    const auto seen = read_seen({directory.at("edges.json"), directory.at("flows.json"), directory.at("flow.json")});
    REQUIRE(seen);
    REQUIRE(seen->size() == 3);
    for (const auto& one : *seen) {
        REQUIRE(one.edges.size() == 1);
        CHECK(one.edges[0].edge == seen->front().edges[0].edge);
        CHECK(one.edges[0].source_labels == state::Labels{{"app", "web"}});
    }
    CHECK(seen->at(0).node == "node-a");
    CHECK(seen->at(1).node == "node-b");
    CHECK(seen->at(1).edges[0].seen.count == 8);
}

TEST_CASE("of the edges of all nodes a node's own probes pass, and what it sends to others' pods doesn't") {
    auto probe = edge_json({flow::Kind::kHost, "", "", "node-b"}, 8080, "", BH_VERDICT_ALLOW);
    const auto elsewhere = probe;
    probe["node"] = "node-b";
    const source::TemporaryDirectory directory;
    directory.write("edges.json",
                    Json{{"edges", {probe, elsewhere, edge_json(kShop, 5432, "web", BH_VERDICT_DENY)}}}.dump());
    const auto seen = read_seen({directory.at("edges.json")});
    REQUIRE(seen);
    const auto checked = sorted(check_offline(*seen, objects_in(kNamespaces), objects_in(kGrant), {}));
    CHECK(checked.passing == 2); // the probe, and what the grant lets in
    CHECK(checked.refused.empty());
    CHECK(checked.hopeless.size() == 1);
}

TEST_CASE("a file that can't be read is named, and in flows the line") {
    const source::TemporaryDirectory directory;
    const auto missing = read_seen({directory.at("none")});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().text.find(directory.at("none").string()) != std::string::npos);
    directory.write("flows", "\n{}\n");
    const auto wrong = read_seen({directory.at("flows")});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text.find("flows:2") != std::string::npos);
}

TEST_CASE("of a directory what the agent would read is one text, each file a document of it") {
    const source::TemporaryDirectory directory;
    directory.write("a.yaml", "a: 1");
    directory.write("below/b.yml", "b: 2");
    directory.write(".hidden.yaml", "c: 3");
    directory.write("notes.txt", "d: 4");
    const auto text = manifests_of({directory.path().string()});
    REQUIRE(text);
    CHECK(*text == "---\na: 1\n---\nb: 2\n");
    CHECK_FALSE(manifests_of({directory.at("none")}));
}

TEST_CASE("what the agent answers to a check is read, with what would become of each") {
    auto row = edge_json(kShop, 5432, "web", BH_VERDICT_DENY);
    row["would"] = "granted";
    auto untold = edge_json(kShop, 9000, "web", BH_VERDICT_DENY);
    const auto losses = losses_in({{"edges", {row, untold}}});
    REQUIRE(losses);
    REQUIRE(losses->size() == 2);
    CHECK(losses->at(0).answer.reason == BH_REASON_GRANTED);
    CHECK_FALSE(losses->at(1).answer.reason);
    row["would"] = "maybe";
    CHECK_FALSE(losses_in({{"edges", {row}}}));
}

} // namespace
} // namespace bulkhead::ctl
