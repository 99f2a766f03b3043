// SPDX-License-Identifier: Apache-2.0
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using state::PodTemplate;

namespace {

PodTemplate on_host() {
    PodTemplate common;
    common.host_network = true;
    return common;
}

std::string owner_of(World& world, const std::string& text) {
    const auto& endpoints = world.desired().endpoints;
    const auto found = endpoints.find(address(text));
    return found == endpoints.end() ? "" : found->second.owner;
}

bh_endpoint row_of(World& world, const std::string& text) {
    return world.desired().endpoints.at(address(text)).row;
}

} // namespace

TEST_CASE("a pod on this node has the addresses that netlink saw, and its slot") {
    World world;
    world.protect("payments").pod("payments/api", {"10.0.0.9"}, {}, "node-a");
    CHECK(row_of(world, "10.0.0.9").slot == 0); // not seen yet: its own word counts
    world.local({local_pod(3, "payments/api", {"10.0.0.5", "fd00::5"})});
    CHECK(row_of(world, "10.0.0.5").slot == 3);
    CHECK(row_of(world, "fd00::5").identity == row_of(world, "10.0.0.5").identity);
    CHECK(owner_of(world, "10.0.0.5") == "payments/api");
    CHECK(owner_of(world, "10.0.0.9").empty());
    CHECK(world.touched.local);
    const auto& row = world.desired().pods.at(3);
    CHECK(row.identity == row_of(world, "10.0.0.5").identity);
    CHECK(row.generation == 103);
    CHECK(row.addr4[0] == address("10.0.0.5").raw4());
    CHECK(Address::from(row.addr6[0], BH_IPV6) == address("fd00::5"));
    CHECK(world.desired().interfaces.at(13).slot == 3);
}

TEST_CASE("a veth is held until its pod and its namespace are known") {
    World world;
    world.local({local_pod(1, "payments/api", {"10.0.0.5"}), local_pod(2, "", {"10.0.0.6"})});
    CHECK(world.id("10.0.0.5") == BH_IDENTITY_HELD);
    CHECK(world.id("10.0.0.6") == BH_IDENTITY_HELD);
    CHECK(world.ask("198.51.100.1", "10.0.0.5") == BH_REASON_HELD);
    CHECK_FALSE(world.desired().armed);
    world.pod("payments/api", {}, {}, "node-a");
    CHECK(world.desired().pods.at(1).identity == BH_IDENTITY_HELD);
    world.ns("payments");
    CHECK(world.desired().pods.at(1).identity >= BH_IDENTITY_FIRST_FREE);
    CHECK(world.ask("198.51.100.1", "10.0.0.5") == BH_REASON_OPEN);
}

TEST_CASE("a tenant's pods send as themselves only, unless its Tenant says that they route for others") {
    World w;
    auto router = named<state::Tenant>("router");
    router.namespaces = {"vpn"};
    w.ns("vpn").ns("shop").put(router).pod("vpn/gate", {}, {}, "node-a").pod("shop/web", {}, {}, "node-a");
    w.local({local_pod(1, "vpn/gate", {"10.0.1.1"}), local_pod(2, "shop/web", {"10.0.1.2"})});
    CHECK(w.desired().pods.at(1).flags == 0);
    router.source_check = false;
    w.put(router);
    CHECK(w.desired().pods.at(1).flags == BH_POD_ANY_SOURCE);
    CHECK(w.desired().pods.at(2).flags == 0);
}

TEST_CASE("trust does not reach what is held") {
    auto monitoring = tenant("monitoring", {"monitoring"});
    monitoring.trusted = {opening({})};
    World world;
    world.ns("monitoring").put(monitoring).pod("monitoring/p", {"10.0.5.1"});
    world.local({local_pod(1, "unborn/api", {"10.0.0.5"})});
    CHECK(world.ask("10.0.5.1", "10.0.0.5") == BH_REASON_HELD);
}

TEST_CASE("hostNetwork pods and Node objects are nodes: nobody's tenant, unguarded, and said so") {
    World world;
    auto node = named<state::Node>("node-b");
    node.addresses = {address("10.0.0.1")};
    world.protect("payments").put(node).pod("payments/agent", {"10.0.0.1"}, on_host());
    world.pod("payments/api", {"10.0.2.1"}).pod("payments/other", {"10.0.0.2"}, on_host());
    for (const auto* text : {"10.0.0.1", "10.0.0.2"}) {
        CHECK(world.identity(text).tenant == 0);
        CHECK((world.identity(text).flags & (BH_NODE | BH_POD | BH_PROTECTED)) == BH_NODE);
        CHECK(world.ask(text, "10.0.2.1") == BH_REASON_NOT_GRANTED);
    }
    CHECK(owner_of(world, "10.0.0.1") == "node node-b");
    CHECK(world.has_problem("Pod payments/agent spec.hostNetwork", "nothing guards it (so have 1 more"));
}

TEST_CASE("only this node's own and probe addresses are marked as its own") {
    auto settings = settings_of("node-a");
    settings.probe_addresses = {address("169.254.7.127")};
    World world(settings);
    auto other = named<state::Node>("node-b");
    other.addresses = {address("10.0.0.2")};
    world.put(other);
    world.cluster.set_own_addresses({address("10.0.0.1")});
    CHECK(row_of(world, "10.0.0.1").flags == BH_ENDPOINT_THIS_NODE);
    CHECK(row_of(world, "169.254.7.127").flags == BH_ENDPOINT_THIS_NODE);
    CHECK(row_of(world, "10.0.0.2").flags == 0);
    world.cluster.set_own_addresses({address("10.0.0.3")});
    CHECK(owner_of(world, "10.0.0.1").empty());
    CHECK(row_of(world, "10.0.0.3").flags == BH_ENDPOINT_THIS_NODE);
    CHECK(world.touched.endpoints.size() == 2);
}

TEST_CASE("Pod Identity is infrastructure on every node") {
    World world;
    world.ns("web");
    for (const auto* text : {"169.254.170.23", "fd00:ec2::23"})
        CHECK((world.identity(text).flags & (BH_NODE | BH_INFRA)) == (BH_NODE | BH_INFRA));
    CHECK(world.id("169.254.170.24") == BH_IDENTITY_WORLD);
}

TEST_CASE("a finished pod's address is not its own any more") {
    World world;
    world.ns("web").pod("web/job", {"10.0.1.1"});
    CHECK(owner_of(world, "10.0.1.1") == "web/job");
    auto done = test::pod("web/job", "node-b", {}, {address("10.0.1.1")});
    done.finished = true;
    world.put(done);
    CHECK(owner_of(world, "10.0.1.1").empty());
    world.pod("web/next", {"10.0.1.1"});
    CHECK(owner_of(world, "10.0.1.1") == "web/next");
    CHECK(world.desired().problems.empty());
}

TEST_CASE("of two live pods of one age neither has their address, whoever came first; reported") {
    const bool reversed = GENERATE(false, true);
    World world;
    world.protect("a").ns("b");
    world.pod(reversed ? "b/pod" : "a/pod", {"10.0.1.1"}).desired();
    world.pod(reversed ? "a/pod" : "b/pod", {"10.0.1.1"});
    CHECK(owner_of(world, "10.0.1.1") == "a/pod or b/pod");
    CHECK(world.has_problem("Pod b/pod", "10.0.1.1 is also Pod a/pod's, as old as it"));
    world.cluster.remove({.kind = "Pod", .ns = "a", .name = "pod"});
    CHECK(owner_of(world, "10.0.1.1") == "b/pod");
    CHECK(world.desired().problems.empty());
}

TEST_CASE("a local pod wins over a remote claim of its address") {
    World world;
    world.ns("a").protect("z").pod("a/far", {"10.0.1.1"}).pod("z/near", {}, {}, "node-a");
    world.local({local_pod(1, "z/near", {"10.0.1.1"})});
    CHECK(owner_of(world, "10.0.1.1") == "z/near");
    CHECK(world.has_problem("Pod a/far", "10.0.1.1 is also Pod z/near's"));
    world.local({});
    CHECK(owner_of(world, "10.0.1.1") == "a/far");
}

TEST_CASE("a pod whose interface is gone has nothing of what its status says, and its successor of that name has") {
    World world;
    world.ns("a").ns("b").pod("a/near", {"10.0.1.1"}, {}, "node-a");
    CHECK(owner_of(world, "10.0.1.1") == "a/near"); // no netlink said anything yet
    world.local({local_pod(1, "a/near", {"10.0.1.1"})}).desired();
    world.local({});
    CHECK(owner_of(world, "10.0.1.1").empty());
    state::PodTemplate labelled;
    labelled.labels = {{"app", "web"}};
    world.pod("a/near", {"10.0.1.1"}, labelled, "node-a"); // still the same one
    CHECK(owner_of(world, "10.0.1.1").empty());
    world.pod("b/far", {"10.0.1.1"});
    CHECK(owner_of(world, "10.0.1.1") == "b/far");
    CHECK(world.desired().problems.empty());

    auto next = pod("a/near", "node-a", {}, {address("10.0.1.2")});
    next.uid = "2";
    world.put(next);
    CHECK(owner_of(world, "10.0.1.2") == "a/near");
    world.local({local_pod(1, "a/near", {"10.0.1.3"})});
    CHECK(owner_of(world, "10.0.1.3") == "a/near");
    CHECK(owner_of(world, "10.0.1.2").empty());
}

TEST_CASE("a pod of another node has what its status says, though its predecessor loses its interface here later") {
    World world;
    world.ns("a").pod("a/db-0", {"10.0.1.1"}, {}, "node-a");
    world.local({local_pod(1, "a/db-0", {"10.0.1.1"})}).desired();
    auto next = pod("a/db-0", "node-b", {}, {address("10.0.2.1")});
    next.uid = "2";
    world.put(next);
    CHECK(owner_of(world, "10.0.2.1") == "a/db-0");
    world.local({});
    CHECK(owner_of(world, "10.0.2.1") == "a/db-0");
    CHECK(owner_of(world, "10.0.1.1").empty());
}

TEST_CASE("more addresses than a pod's row takes are reported") {
    World world;
    world.ns("a").pod("a/many", {}, {}, "node-a");
    world.local({local_pod(1, "a/many", {"10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5"})});
    CHECK(world.has_problem("Pod a/many", "has 5 IPv4 addresses, but 4 is the most"));
    CHECK(world.desired().pods.at(1).addr4[3] == address("10.0.1.4").raw4());
    CHECK(row_of(world, "10.0.1.5").slot == 1);
}
