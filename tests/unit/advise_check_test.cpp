// SPDX-License-Identifier: Apache-2.0
//
// What a change would do to the traffic that was seen, and the pods that stand in where there is no cluster.
#include "advise/check.h"
#include "advise/stand_ins.h"
#include "advise_fixture.h"

namespace bulkhead::advise {
namespace {

using namespace std::chrono_literals;
using flow::Kind;
using test::edge;
using test::pods_of;
using test::seen;
using test::something;

const auto kTill = pods_of("shop", "Deployment/till");
const auto kVault = pods_of("payments", "Deployment/ledger");

flow::Sighting passed(uint64_t count, flow::Time last = test::kSeen) {
    auto sighting = seen(count, BH_REASON_OPEN);
    sighting.last = last;
    return sighting;
}

/// payments is protected. The pods are stand-ins for those of the edges.
state::Cluster cluster_of(const std::vector<Refusal>& edges) {
    state::Cluster cluster;
    cluster.put(test::ns("payments", {{"bulkhead.dev/level", "protected"}}));
    cluster.put(test::ns("shop"));
    for (auto& object : stand_ins(edges))
        cluster.put(std::move(object));
    return cluster;
}

std::vector<Refusal> seen_edges(state::Labels labels = {{"app", "till"}}) {
    auto one = test::refusal(edge(kTill, kVault, 5432));
    one.source_labels = std::move(labels);
    one.destination_labels = {{"app", "ledger"}};
    return {one};
}

state::Object grant_for(const std::string& app) {
    auto object = test::named<state::AccessGrant>("in", "payments");
    object.grant =
        test::grant({state::NamespacePeer{.ns = "shop", .pods = test::label_is("app", app), .service_account = {}}});
    return object;
}

TEST_CASE("each edge is told once, whatever became of it before, with all that was seen of it") {
    const auto edges = seen_edges();
    auto allowed = edge(kTill, kVault, 5432, BH_TCP, BH_VERDICT_ALLOW);
    const flow::Edges::Rows rows{{edges[0].edge, seen(3)}, {allowed, passed(4, test::kSeen + 1h)}};
    const Supposition supposed(cluster_of(edges), test::settings_of("node-a"), {});
    const auto losses = check(rows, supposed, {});
    REQUIRE(losses.size() == 1);
    CHECK(losses[0].seen.count == 7);
    CHECK(losses[0].seen.first == test::kSeen);
    CHECK(losses[0].edge.verdict == BH_VERDICT_ALLOW); // the last time
    CHECK(losses[0].answer.reason == BH_REASON_NOT_GRANTED);
}

TEST_CASE("a change that grants it lets it pass, one that grants another doesn't") {
    const auto edges = seen_edges();
    const flow::Edges::Rows rows{{edges[0].edge, seen(3)}};
    const auto [app, reason] =
        GENERATE(table<std::string, bh_reason>({{"till", BH_REASON_GRANTED}, {"web", BH_REASON_NOT_GRANTED}}));
    const Supposition supposed(cluster_of(edges), test::settings_of("node-a"), {grant_for(app)});
    CHECK(check(rows, supposed, {}).at(0).answer.reason == reason);
}

TEST_CASE("of a pod whose labels nobody told no selector is believed to mean it") {
    const auto edges = seen_edges({});
    const flow::Edges::Rows rows{{edges[0].edge, seen(3)}};
    const Supposition supposed(cluster_of(edges), test::settings_of("node-a"), {grant_for("till")});
    CHECK(check(rows, supposed, {}).at(0).answer.refuses());
}

TEST_CASE("of labels that nobody told no selector is believed that they aren't there") {
    const auto edges = seen_edges({{"app", "till"}});
    const flow::Edges::Rows rows{{edges[0].edge, seen(3)}};
    auto grant = test::named<state::AccessGrant>("in", "payments");
    const auto [key, reason] = GENERATE(table<std::string, bh_reason>({
        {"quarantine", BH_REASON_NOT_GRANTED}, {"app", BH_REASON_NOT_GRANTED}, // it is there
    }));
    state::Selector without;
    without.terms.push_back({.key = key, .op = state::Selector::Term::Op::kDoesNotExist, .values = {}});
    grant.grant = test::grant({state::NamespacePeer{.ns = "shop", .pods = without, .service_account = {}}});
    const Supposition supposed(cluster_of(edges), test::settings_of("node-a"), {grant});
    CHECK(check(rows, supposed, {}).at(0).answer.reason == reason);
}

TEST_CASE("an AWS resource whose addresses only AWS knows is judged by what its object says, and by its owner's tag") {
    const auto by_tag = GENERATE(false, true);
    auto resource = test::named<state::AwsResource>("aurora");
    resource.look_ups.security_groups = {"sg-0123"};
    if (by_tag)
        resource.tenant_tag = "team";
    else
        resource.tenant = "bank";
    auto tenant = test::named<state::Tenant>("bank");
    tenant.namespaces = {"payments"};
    std::vector<Refusal> edges;
    for (const auto* ns : {"payments", "shop"})
        edges.push_back(test::refusal(edge(pods_of(ns, "Deployment/x"), something(Kind::kResource, "aurora"), 5432)));
    for (auto& one : edges)
        one.seen.destination_tenant = "bank";
    state::Cluster cluster = cluster_of(edges);
    cluster.put(tenant);
    const Supposition supposed(cluster, test::settings_of("node-a"), {resource});
    CHECK(supposed.judge(edges[0].edge, {}).reason == BH_REASON_SAME_TENANT);
    CHECK(supposed.judge(edges[1].edge, {}).reason == BH_REASON_NOT_GRANTED);
    auto granting = resource;
    granting.allow_from = {test::grant({state::NamespacePeer{.ns = "shop", .pods = {}, .service_account = {}}})};
    const Supposition granted(cluster, test::settings_of("node-a"), {granting});
    CHECK(granted.judge(edges[1].edge, {}).reason == BH_REASON_GRANTED);
}

TEST_CASE("what was refused for what the packet was is nothing that a change could be asked about") {
    const auto edges = seen_edges();
    const auto reason = GENERATE(BH_REASON_SPOOFED, BH_REASON_MALFORMED, BH_REASON_UNRELATED, BH_REASON_HELD);
    const flow::Edges::Rows rows{{edges[0].edge, seen(1, reason)}};
    CHECK(check(rows, Supposition(cluster_of(edges), test::settings_of("node-a"), {}), {}).empty());
}

TEST_CASE("the node itself stays what it is to its pods, another node doesn't") {
    const auto [node, refused] = GENERATE(table<std::string, bool>({{"node-a", false}, {"node-b", true}}));
    const std::vector<Refusal> edges{
        test::refusal(edge(something(Kind::kHost, node), kVault, 8080, BH_TCP, BH_VERDICT_ALLOW), passed(1))};
    const flow::Edges::Rows rows{{edges[0].edge, edges[0].seen}};
    const Supposition supposed(cluster_of(edges), test::settings_of("node-a"), {});
    CHECK(check(rows, supposed, {}).at(0).answer.refuses() == refused);
}

} // namespace
} // namespace bulkhead::advise
