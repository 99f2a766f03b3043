// SPDX-License-Identifier: Apache-2.0
//
// A cluster as it would be, and what `plan` says of it.
#include "advise/plan.h"
#include "advise_fixture.h"

namespace bulkhead::advise {
namespace {

using flow::Kind;
using test::edge;
using test::pods_of;
using test::something;

state::PodTemplate template_of(const std::string& app, state::Labels labels = {}) {
    state::PodTemplate common;
    common.labels = std::move(labels);
    common.labels["app"] = app;
    common.workload = {"Deployment", app};
    return common;
}

/// Nobody is protected; blog and payments are namespaces of one tenant, web.
test::World cluster() {
    test::World world;
    world.ns("payments", {{"bulkhead.dev/tenant", "web"}}).ns("blog", {{"bulkhead.dev/tenant", "web"}}).ns("shop");
    world.pod("payments/ledger-0", {"10.0.2.1"}, template_of("ledger"));
    world.pod("blog/web-1", {"10.0.1.1"}, template_of("web"));
    world.pod("shop/till-1", {"10.0.3.1"}, template_of("till"));
    auto node = test::named<state::Node>("node-a");
    node.addresses = {test::address("10.0.0.1")};
    world.put(node);
    auto other = test::named<state::Node>("node-b");
    other.addresses = {test::address("10.0.0.2")};
    world.put(other);
    return world;
}

const auto kLedger = pods_of("payments", "Deployment/ledger");

flow::EdgeKey passed(flow::Party source, flow::Party destination, uint16_t port = 5432) {
    return edge(std::move(source), std::move(destination), port, BH_TCP, BH_VERDICT_ALLOW);
}

TEST_CASE("a supposed cluster changes nothing of the one that it is made from") {
    auto world = cluster();
    const auto settings = test::settings_of("node-a");
    const Supposition supposed(world.cluster, settings, protected_namespaces(world.cluster, {"payments"}));
    CHECK(supposed.judge(passed(pods_of("shop", "Deployment/till"), kLedger), {}).refuses());
    CHECK(world.ask("10.0.3.1", "10.0.2.1", 5432) == BH_REASON_OPEN);
}

TEST_CASE("to a namespace that would be protected each party is told as the rule has it") {
    auto world = cluster();
    const auto settings = test::settings_of("node-a");
    const Supposition supposed(world.cluster, settings, protected_namespaces(world.cluster, {"payments"}));
    const auto [source, reason] = GENERATE(table<flow::Party, bh_reason>({
        {pods_of("blog", "Deployment/web"), BH_REASON_SAME_TENANT},
        {pods_of("shop", "Deployment/till"), BH_REASON_NOT_GRANTED},
        {pods_of("shop"), BH_REASON_NOT_GRANTED},
        {something(Kind::kHost, "node-a"), BH_REASON_LOCAL_HOST},
        {something(Kind::kHost, "node-b"), BH_REASON_NOT_GRANTED},
        {something(Kind::kWorld, "203.0.113.0/24"), BH_REASON_NOT_GRANTED},
        {something(Kind::kWorld), BH_REASON_NOT_GRANTED},
    }));
    CHECK(supposed.judge(passed(source, kLedger), {}).reason == reason);
}

TEST_CASE(
    "this node's own addresses, as netlink tells them, are its, and those of pods on a node's network that node's") {
    auto world = cluster();
    world.cluster.set_own_addresses({test::address("10.0.0.1"), test::address("10.0.0.9")});
    auto on_host = template_of("exporter");
    on_host.host_network = true;
    world.pod("monitoring/exporter-1", {"10.0.0.2"}, on_host, "node-b");
    const Supposition supposed(world.cluster, test::settings_of("node-a"),
                               protected_namespaces(world.cluster, {"payments"}));
    CHECK(supposed.judge(passed(something(Kind::kHost, "node-a"), kLedger), {}).reason == BH_REASON_LOCAL_HOST);
    CHECK(supposed.judge(passed(something(Kind::kHost, "node-b"), kLedger), {}).reason == BH_REASON_NOT_GRANTED);
    CHECK_FALSE(supposed.judge(passed(pods_of("monitoring", "Deployment/exporter"), kLedger), {}).reason);
}

TEST_CASE("of a party without endpoints nobody can tell") {
    auto world = cluster();
    const Supposition supposed(world.cluster, test::settings_of("node-a"), {});
    const auto gone = GENERATE(values<flow::Party>({pods_of("shop", "Deployment/gone"), pods_of("gone"),
                                                    something(Kind::kResource, "gone"), something(Kind::kUnknown)}));
    CHECK_FALSE(supposed.judge(passed(gone, kLedger), {}).reason.has_value());
}

TEST_CASE("where a workload's pods are not all alike the strictest word counts, and that they differ is told") {
    auto world = cluster();
    auto grants = test::named<state::AccessGrant>("some", "payments");
    grants.grant = test::grant(
        {state::NamespacePeer{.ns = "shop", .pods = test::label_is("color", "blue"), .service_account = {}}});
    world.put(grants);
    world.pod("shop/till-2", {"10.0.3.2"}, template_of("till", {{"color", "blue"}}));
    const Supposition supposed(world.cluster, test::settings_of("node-a"),
                               protected_namespaces(world.cluster, {"payments"}));
    const auto answer = supposed.judge(passed(pods_of("shop", "Deployment/till"), kLedger), {});
    CHECK(answer.reason == BH_REASON_NOT_GRANTED);
    CHECK(answer.differs);
    CHECK_FALSE(supposed.judge(passed(pods_of("blog", "Deployment/web"), kLedger), {}).differs);
}

TEST_CASE("of a network of the world each part that a rule names counts, whichever of its addresses that is") {
    auto world = cluster();
    const auto [part, all, some] = GENERATE(table<std::string, bool, bool>({
        {"203.0.113.1/32", false, true},
        {"203.0.113.200/32", false, true},
        {"203.0.113.255/32", false, true},
        {"203.0.113.0/25", false, true},
        {"203.0.113.128/25", false, true},
        {"203.0.113.0/24", true, false},
        {"203.0.112.0/23", true, false},
        {"203.0.114.0/24", false, false},
    }));
    auto grants = test::named<state::AccessGrant>("some", "payments");
    grants.grant = test::grant({state::CidrPeer{*Cidr::parse(part)}});
    world.put(grants);
    const Supposition supposed(world.cluster, test::settings_of("node-a"),
                               protected_namespaces(world.cluster, {"payments"}));
    const auto answer = supposed.judge(passed(something(Kind::kWorld, "203.0.113.0/24"), kLedger), {});
    CAPTURE(part);
    CHECK(answer.refuses() == !all);
    CHECK(answer.differs == some);
}

TEST_CASE("what only its source's confinement audits goes on in a plan, what its destination audits doesn't") {
    auto world = cluster();
    auto tenant = test::named<state::Tenant>("till");
    tenant.namespaces = {"shop"};
    tenant.confined = true;
    tenant.mode = state::Mode::kAudit;
    world.put(tenant);
    auto grants = test::named<state::AccessGrant>("till", "payments");
    grants.grant = test::grant({state::NamespacePeer{.ns = "shop", .pods = {}, .service_account = {}}});
    grants.grant.ports = {{.protocol = BH_TCP, .first = 5432, .last = 5432, .name = {}}};
    world.put(grants);
    flow::Edges edges;
    edges.add(passed(pods_of("shop", "Deployment/till"), kLedger, 5432), test::seen(7, BH_REASON_CONFINED_AUDIT));
    edges.add(passed(pods_of("shop", "Deployment/till"), kLedger, 5433), test::seen(7, BH_REASON_CONFINED_AUDIT));
    const auto made = plan(edges.rows(), {"payments"}, world.cluster, test::settings_of("node-a"), {});
    CHECK(made.kept == 1);
    REQUIRE(made.losses.size() == 1);
    CHECK(made.losses[0].edge.port == 5433);
    CHECK(made.losses[0].answer.reason == BH_REASON_NOT_GRANTED);
}

TEST_CASE("what was seen as the world's and a change makes an AWS resource's is that, be it a part of a network") {
    auto world = cluster();
    auto aurora = test::named<state::AwsResource>("aurora");
    const auto edge = passed(pods_of("shop", "Deployment/till"), something(Kind::kWorld, "10.0.9.0/24"));
    aurora.cidrs = {test::cidr("10.0.9.16/28")};
    const auto answer = Supposition(world.cluster, test::settings_of("node-a"), {aurora}).judge(edge, {});
    CHECK(answer.reason == BH_REASON_NOT_GRANTED);
    CHECK(answer.differs);
    // What was one before wasn't seen as the world's, its first address neither.
    aurora.cidrs = {test::cidr("10.0.9.0/28")};
    world.put(aurora);
    CHECK(Supposition(world.cluster, test::settings_of("node-a"), {aurora}).judge(edge, {}).reason == BH_REASON_OPEN);
    // Nothing but a resource is left of it.
    aurora.cidrs = {test::cidr("10.0.0.0/16")};
    world.put(aurora);
    CHECK(Supposition(world.cluster, test::settings_of("node-a"), {}).judge(edge, {}).reason == BH_REASON_NOT_GRANTED);
}

TEST_CASE("a plan names what passed and no longer would, and counts what would go on") {
    auto world = cluster();
    flow::Edges edges;
    const auto sighting = [](uint64_t count) { return test::seen(count, BH_REASON_OPEN); };
    edges.add(passed(pods_of("shop", "Deployment/till"), kLedger), sighting(7));
    edges.add(passed(pods_of("shop", "Deployment/gone"), kLedger), sighting(3));
    edges.add(passed(pods_of("blog", "Deployment/web"), kLedger), sighting(5));
    edges.add(passed(something(Kind::kHost, "node-a"), kLedger), sighting(5));
    edges.add(passed(pods_of("shop", "Deployment/till"), pods_of("blog", "Deployment/web")), sighting(5)); // elsewhere
    edges.add(edge(something(Kind::kWorld), kLedger, 1), test::seen(9)); // refused anyway

    const auto settings = test::settings_of("node-a");
    const auto namespaces = namespaces_of("payments", world.cluster, settings);
    REQUIRE(namespaces);
    const auto made = plan(edges.rows(), *namespaces, world.cluster, settings, {});
    CHECK(made.kept == 2);
    REQUIRE(made.losses.size() == 2);
    CHECK(made.losses[0].edge.source.workload == "Deployment/gone");
    CHECK_FALSE(made.losses[0].answer.reason.has_value());
    CHECK(made.losses[1].edge.source.workload == "Deployment/till");
    CHECK(made.losses[1].answer.reason == BH_REASON_NOT_GRANTED);
    CHECK(made.losses[1].seen.count == 7);
}

TEST_CASE("a plan is for a namespace, or for all of a tenant's; for nobody it is an error") {
    auto world = cluster();
    const auto settings = test::settings_of("node-a");
    CHECK(namespaces_of("shop", world.cluster, settings) == std::vector<std::string>{"shop"});
    CHECK(namespaces_of("web", world.cluster, settings) == std::vector<std::string>{"blog", "payments"});
    const auto nobody = namespaces_of("ghost", world.cluster, settings);
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().text == "neither a namespace nor a tenant \"ghost\" is known to this node");
    CHECK(namespaces_of("paymnets", world.cluster, settings).error().text.ends_with("; did you mean payments?"));
    CHECK(tenants_of(world.cluster, settings).contains("web"));
}

} // namespace
} // namespace bulkhead::advise
