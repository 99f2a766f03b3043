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

bh_reason reason_for(bh_verdict verdict) {
    if (verdict == BH_VERDICT_ALLOW) return BH_REASON_OPEN;
    return verdict == BH_VERDICT_AUDIT ? BH_REASON_AUDIT : BH_REASON_NOT_GRANTED;
}

Json edge_json(const flow::Party& source, uint16_t port, const std::string& app, bh_verdict verdict) {
    Json json =
        flow::to_json({.source = source, .destination = kLedger, .protocol = BH_TCP, .port = port, .verdict = verdict},
                      {.count = 4,
                       .first = kNoon,
                       .last = kNoon,
                       .reason = reason_for(verdict),
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
    CHECK(checked.is_good());
    CHECK(checked_text(checked, 200).find("Not counted, since no entry could") != std::string::npos);
}

TEST_CASE("what passed so far is counted, though no entry could let it in once the change is there") {
    const auto source =
        GENERATE(flow::Party{flow::Kind::kHost, "", "", "node-b"}, flow::Party{flow::Kind::kWorld, "", "", ""});
    const auto so_far = GENERATE(BH_VERDICT_ALLOW, BH_VERDICT_AUDIT); // which let it pass, too
    const auto checked = check_of({edge_json(source, 5432, "", so_far)}, "");
    CHECK_FALSE(checked.is_good());
    CHECK(checked.refused.size() == 1);
    CHECK(checked_text(checked, 200).find("Of these no entry could let pass:\n# Not proposed: ") != std::string::npos);
}

TEST_CASE("what the files don't speak of isn't taken for good") {
    struct Row {
        flow::Party source, destination;
        const char* why; // nobody can judge it; empty = it is judged
        bool is_good;
    };
    const flow::Party gone{flow::Kind::kPod, "gone", "Deployment/x", ""},
        aurora{flow::Kind::kResource, "", "", "aurora"};
    const Row rows[] = {
        {kShop, gone, "nobody can tell: namespace gone isn't in --manifests", false},
        {kShop, aurora, "nobody can tell: AWSResource aurora isn't in --manifests", false},
        {aurora, kLedger, "nobody can tell: AWSResource aurora isn't in --manifests", false},
        {gone, kShop, "nobody can tell: namespace gone isn't in --manifests", true}, // told, not counted
        {gone, kLedger, "not-granted", false}, // whoever that was, it isn't let in
        {kShop, {flow::Kind::kApiServer, "", "", ""}, "nobody can tell: kube-apiserver has addresses that only", true},
        {kShop, {flow::Kind::kUnknown, "", "", ""}, "nobody can tell: nobody knows who that was", true},
    };
    for (const auto& row : rows) {
        auto json = flow::to_json({.source = row.source,
                                   .destination = row.destination,
                                   .protocol = BH_TCP,
                                   .port = 5432,
                                   .verdict = BH_VERDICT_ALLOW},
                                  {.count = 1,
                                   .first = kNoon,
                                   .last = kNoon,
                                   .reason = BH_REASON_OPEN,
                                   .source_tenant = {},
                                   .destination_tenant = {},
                                   .destination_protected = false});
        const auto checked = check_of({json}, "");
        const auto text = checked_text(checked, 300);
        CAPTURE(text, row.why);
        CHECK(checked.passing == 0);
        CHECK(checked.is_good() == row.is_good);
        CHECK(text.find(row.why) != std::string::npos);
        CHECK(text.find("All ") == std::string::npos);
    }
}

TEST_CASE("a resource that names a security group is checked by what its object says") {
    const std::string aurora = R"(
apiVersion: bulkhead.dev/v1alpha1
kind: AWSResource
metadata: {name: aurora}
spec:
  addresses: {securityGroups: [sg-0123456789abcdef0]}
)";
    auto json = edge_json(kShop, 5432, "web", BH_VERDICT_ALLOW);
    json["destination"] = {{"kind", "resource"}, {"resource", "aurora"}};
    CHECK(check_of({json}, aurora).refused.size() == 1);
    const auto entry = "  allowFrom: [{from: [{namespace: shop, podSelector: {matchLabels: {app: web}}}]}]\n";
    CHECK(check_of({json}, aurora + entry).passing == 1);
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
    REQUIRE(seen->nodes.size() == 3);
    for (const auto& one : seen->nodes) {
        REQUIRE(one.edges.size() == 1);
        CHECK(one.edges[0].edge == seen->nodes.front().edges[0].edge);
        CHECK(one.edges[0].source_labels == state::Labels{{"app", "web"}});
    }
    CHECK(seen->nodes[0].node == "node-a");
    CHECK(seen->nodes[1].node == "node-b");
    CHECK(seen->nodes[1].edges[0].seen.count == 8);

    record.node = "node-c";
    const auto other = flow::line_of(flow::to_json(record));
    directory.write("dos.json", "\r\n" + line.substr(0, line.size() - 1) + "\r\n \t\r\n" + other);
    const auto two = read_seen({directory.at("dos.json")}); // as flows --input-file reads them, each node's apart
    REQUIRE(two);
    REQUIRE(two->nodes.size() == 2);
    CHECK(two->nodes[1].node == "node-c");
    CHECK(two->notices.empty());

    directory.write("lossy.json", line + R"({"lost": 99999, "because": "the rate limit", "node": "node-b"})" + "\n" +
                                      R"({"error": "the reader is too slow"})" + "\n");
    const auto lossy = read_seen({directory.at("lossy.json")});
    REQUIRE(lossy);
    CHECK(lossy->lost == 99999);
    REQUIRE(lossy->notices.size() == 1);
    CHECK(lossy->notices[0] == "node-b: 99999 flows are missing from here on: the rate limit");
    REQUIRE(lossy->broken.size() == 1);
    CHECK(lossy->broken[0].ends_with("lossy.json: the reader is too slow"));
}

TEST_CASE("a line of flows that never ends is no reason to keep all of it") {
    const source::TemporaryDirectory directory;
    directory.write("long", R"({"lost": 1})"
                            "\n{\"lost\": " +
                                std::string(3 << 20, '1') + "}\n");
    const auto seen = read_seen({directory.at("long")});
    REQUIRE_FALSE(seen);
    CHECK(seen.error().text.ends_with("long:2: is longer than 1 MiB"));
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
    const auto checked = sorted(check_offline(seen->nodes, objects_in(kNamespaces), objects_in(kGrant), {}));
    CHECK(checked.passing == 2); // the probe, and what the grant lets in
    CHECK(checked.refused.size() == 1);
    CHECK(checked.unmendable.size() == 1);
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
