// SPDX-License-Identifier: Apache-2.0
//
// By which labels a workload's pods can be selected, as far as a node knows.
#include "compile_world.h"
#include "observe/edge_views.h"

namespace bulkhead::observe {
namespace {

state::PodTemplate web_with(state::Labels labels, std::optional<std::set<std::string>> known = {}) {
    state::PodTemplate common;
    common.labels = std::move(labels);
    common.known_labels = std::move(known);
    common.workload = {"Deployment", "web"};
    return common;
}

const flow::Party kWeb{.kind = flow::Kind::kPod, .ns = "shop", .workload = "Deployment/web", .name = {}};

TEST_CASE("a workload has the labels that all its pods have") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({{"app", "web"}, {"pod", "1"}}));
    world.pod("shop/web-2", {"10.0.1.2"}, web_with({{"app", "web"}, {"pod", "2"}}));
    CHECK(labels_of_workloads(world.cluster).at(kWeb) == state::Labels{{"app", "web"}});
}

TEST_CASE("a pod elsewhere, of which only some labels are told, takes none from those that are known") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({{"app", "web"}}));
    world.pod("shop/web-2", {"10.0.1.2"}, web_with({}, std::set<std::string>{"team"}));
    CHECK(labels_of_workloads(world.cluster).at(kWeb) == state::Labels{{"app", "web"}});
}

TEST_CASE("where all pods are elsewhere, what is told of them is what is known") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({{"team", "a"}}, std::set<std::string>{"team"}));
    CHECK(labels_of_workloads(world.cluster).at(kWeb) == state::Labels{{"team", "a"}});
}

flow::EdgeKey web_to(const std::string& ns, bh_verdict verdict) {
    return {.source = kWeb,
            .destination = {.kind = flow::Kind::kPod, .ns = ns, .workload = "Deployment/ledger", .name = {}},
            .protocol = BH_TCP,
            .port = 5432,
            .verdict = verdict};
}

TEST_CASE("what is proposed for a workload that runs elsewhere alone, by what its slices tell, says that it is wide") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({}, std::set<std::string>{})); // no selector asks for a label
    auto ledger = web_with({{"app", "ledger"}});
    ledger.workload.name = "ledger";
    world.pod("payments/ledger-1", {"10.0.1.2"}, ledger);
    const auto labels = labels_of_workloads(world.cluster);
    const auto key = web_to("payments", BH_VERDICT_DENY);
    flow::Sighting refused;
    refused.reason = BH_REASON_NOT_GRANTED;
    const auto yaml = advise::yaml_of(advise::advise({{.edge = key,
                                                       .seen = refused,
                                                       .source_labels = labels.at(key.source),
                                                       .destination_labels = labels.at(key.destination),
                                                       .doors = {}}}));
    INFO(yaml);
    CHECK(yaml.find("# Wider than what was seen: means every pod of shop") != std::string::npos);
    CHECK(yaml.find("every pod of payments") == std::string::npos);
}

/// Of one moment: web of shop, and ledger of payments.
struct Moment {
    flow::Edges::Rows edges{{web_to("payments", BH_VERDICT_ALLOW), {}}};
    test::World world;

    Moment() {
        edges.begin()->second.count = 3;
        world.ns("shop").ns("payments");
        world.pod("shop/web-1", {"10.0.1.1"}, web_with({}));
        auto ledger = web_with({});
        ledger.workload.name = "ledger";
        world.pod("payments/ledger-1", {"10.0.1.2"}, ledger);
    }
    Grounds grounds() { return {.cluster = world.cluster, .settings = test::settings_of("node-a"), .now = {}}; }
};

TEST_CASE("edges are told with the labels of either side, where these are known, and with the table's bounds") {
    const Moment moment;
    const EdgeFacts facts{.node = "node-a", .limit = 10, .refused = 2, .labels = {{kWeb, {{"app", "web"}}}}};
    const auto view = edges_view(moment.edges, facts);
    CHECK(view["node"] == "node-a");
    CHECK(view["limit"] == 10);
    CHECK(view["refused"] == 2);
    REQUIRE(view["edges"].size() == 1);
    CHECK(view["edges"][0]["count"] == 3);
    CHECK(view["edges"][0]["source"]["labels"] == Json{{"app", "web"}});
    CHECK_FALSE(view["edges"][0]["destination"].contains("labels"));
}

TEST_CASE("of a destination it is told what its Tenant keeps shut, in edges, plans and checks") {
    Moment moment;
    auto tenant = test::named<state::Tenant>("bank");
    tenant.namespaces = {"payments"};
    tenant.access_grants = false;
    tenant.sealed = true;
    moment.world.put(tenant);
    moment.edges.begin()->second.destination_tenant = "bank";
    const EdgeFacts facts{
        .node = "node-a", .limit = 10, .refused = 0, .labels = {}, .doors = doors_of_tenants(moment.world.cluster)};
    const auto plan = plan_view(moment.edges, moment.grounds(), "payments");
    REQUIRE(plan);
    for (const auto& row : {edges_view(moment.edges, facts)["edges"][0], (*plan)["losses"][0],
                            check_view(moment.edges, moment.grounds(), {}, {})["edges"][0]}) {
        CHECK(row["destination"]["accessGrants"] == false);
        CHECK(row["destination"]["sealed"] == true);
        CHECK_FALSE(row["destination"].contains("podExpose"));
    }
    CHECK(doors_of_tenants(state::Cluster()).empty());
}

TEST_CASE("a plan and a check are made from what was copied, whatever the cluster becomes meanwhile") {
    Moment moment;
    auto for_plan = moment.grounds(), for_check = moment.grounds();
    moment.world.cluster.remove({"Namespace", "", "payments"});
    moment.world.cluster.remove({"Pod", "payments", "ledger-1"});
    const auto plan = plan_view(moment.edges, std::move(for_plan), "payments");
    REQUIRE(plan);
    CHECK((*plan)["namespaces"] == Json{"payments"});
    CHECK((*plan)["losses"].at(0)["would"] == "not-granted");
    const auto check = check_view(moment.edges, std::move(for_check), {}, {});
    CHECK(check["edges"].at(0)["would"] == "open");
    CHECK(plan_view(moment.edges, moment.grounds(), "payments").error().text.find("payments") != std::string::npos);
}

} // namespace
} // namespace bulkhead::observe
