// SPDX-License-Identifier: Apache-2.0
//
// A flow says who its ends are, in the words of people: pods, workloads, tenants, nodes, AWS resources.
#include "flows_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

struct Shop {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place far_node = net.node(kNodeB);
    Place web = net.add(kNodeA, "blog/web-7f9c-x2x4z", 20);
    Place ledger = net.add(kNodeA, "payments/ledger-0", 21, {{"bulkhead.dev/expose", "8443"}});
    Place job = net.add(kNodeB, "batch/job", 22);
    Place aurora = net.resource("aurora", "10.0.200.10", "fd00:200::10");
    Place outside = net.resource("outside", "10.0.201.10", "fd00:201::10");
    EchoServer server = require(EchoServer::start(ledger.netns, {8443, 22}));

    Shop() {
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("batch.yaml", namespace_text("batch"));
        net.manifests().write("payments.yaml", namespace_text("payments", {{"bulkhead.dev/tenant", "payments"},
                                                                           {"bulkhead.dev/level", "protected"}}));
        net.manifests().write("tenant.yaml", tenant_text("payments", "namespaces: [payments]"));
        net.manifests().write("aurora.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\n"
                                             "metadata: {name: aurora}\nspec: {tenant: payments, addresses: {cidrs: "
                                             "[10.0.200.0/24]}}\n");
        auto pod = pod_text(web);
        const std::string at = "labels: {app: web-7f9c-x2x4z}";
        pod.replace(pod.find(at), at.size(),
                    "labels: {app: web, pod-template-hash: 7f9c}, ownerReferences: [{apiVersion: apps/v1, kind: "
                    "ReplicaSet, name: web-7f9c, uid: u, controller: true}]");
        net.manifests().write(file_of(web), pod);
    }
};

/// The one flow to this port; the end of the test if it doesn't come.
Json flow_to(const AgentProcess& agent, uint16_t port) {
    std::vector<Json> found;
    const auto is_there = [&] { return !(found = flows(agent, "to-port=" + std::to_string(port))).empty(); };
    if (!wait_until(is_there, after(5s))) FAIL("no flow to port " << port);
    return found.front();
}

void knock(const Netns& from, const Address& to, uint16_t port) {
    (void)tcp_connect(from, {to, port}, after(200ms));
}

TEST_CASE("both ends of a flow have their names, whatever they are") {
    const Shop shop;
    const auto agent = AgentProcess::start(shop.net, shop.node, {});

    CHECK(answers_tcp(shop.web.netns, {shop.ledger.ip4, 8443}, after(5s)));
    const Json exposed = flow_to(agent, 8443);
    CHECK(exposed.at("node") == kNodeA);
    CHECK(exposed.at("direction") == "ingress");
    CHECK(exposed.at("verdict") == "allowed");
    CHECK(exposed.at("reason") == "exposed");
    CHECK(exposed.at("protocol") == "TCP");
    CHECK(exposed.at("decidedBy") == "the pods' annotation bulkhead.dev/expose");
    const Json& web = exposed.at("source");
    CHECK(web.at("kind") == "pod");
    CHECK(web.at("namespace") == "blog");
    CHECK(web.at("pod") == "web-7f9c-x2x4z");
    CHECK(web.at("workload").at("kind") == "Deployment");
    CHECK(web.at("workload").at("name") == "web");
    CHECK(web.at("labels").at("app") == "web");
    CHECK(web.at("tenant") == "ns/blog");
    CHECK(web.at("level") == "non-protected");
    CHECK(web.at("address") == shop.web.ip4.text());
    const Json& ledger = exposed.at("destination");
    CHECK(ledger.at("pod") == "ledger-0");
    CHECK(ledger.at("tenant") == "payments");
    CHECK(ledger.at("level") == "protected");
    CHECK(ledger.at("port") == 8443);

    knock(shop.web.netns, shop.ledger.ip6, 22);
    const Json refused = flow_to(agent, 22);
    CHECK(refused.at("verdict") == "denied");
    CHECK(refused.at("reason") == "not-granted");
    CHECK(refused.at("destination").at("address") == shop.ledger.ip6.text());

    knock(shop.web.netns, shop.aurora.ip4, 5432);
    const Json database = flow_to(agent, 5432);
    CHECK(database.at("direction") == "egress");
    CHECK(database.at("verdict") == "denied");
    CHECK(database.at("destination").at("kind") == "resource");
    CHECK(database.at("destination").at("resource") == "aurora");
    CHECK(database.at("destination").at("tenant") == "payments");

    knock(shop.web.netns, shop.outside.ip4, 443);
    const Json world = flow_to(agent, 443);
    CHECK(world.at("verdict") == "allowed");
    CHECK(world.at("destination").at("kind") == "world");
    CHECK(world.at("source").at("pod") == "web-7f9c-x2x4z");

    knock(shop.node.netns, shop.ledger.ip4, 9000);
    const Json probe = flow_to(agent, 9000);
    CHECK(probe.at("reason") == "local-host");
    CHECK(probe.at("source").at("kind") == "host");
    CHECK(probe.at("source").at("name") == kNodeA);

    knock(shop.job.netns, shop.web.ip4, 7000);
    const Json remote = flow_to(agent, 7000);
    CHECK(remote.at("source").at("kind") == "pod");
    CHECK(remote.at("source").at("namespace") == "batch");
    CHECK(remote.at("source").at("pod") == "job");

    knock(shop.far_node.netns, shop.web.ip4, 7001);
    const Json host = flow_to(agent, 7001);
    CHECK(host.at("source").at("kind") == "host");
    CHECK(host.at("source").at("name") == kNodeB);
}

TEST_CASE("what was refused towards a pod that is gone is not told of the pod that has its slot now") {
    const Shop shop;
    const Place old = shop.net.add(kNodeA, "payments/old", 30);
    const auto agent = AgentProcess::start(shop.net, shop.node, {.more = {"--flow-repeat", "15"}});
    const auto fd = require(udp_connect(shop.web.netns, {old.ip4, 22}));
    for (int i = 0; i < 5; ++i)
        require(send_all(fd, std::vector<uint8_t>{1}, after(1s)));
    CHECK(flow_to(agent, 22).at("destination").at("pod") == "old");
    shop.net.unwire(old);
    shop.net.manifests().remove(file_of(old));
    REQUIRE(wait_until([&] { return !agent.endpoint(old.name).is_object(); }, after(10s)));
    const Place heir = shop.net.add(kNodeA, "payments/heir", 31); // the lowest free slot is its
    const auto is_guarded = [&] {
        const Json row = agent.endpoint(heir.name);
        return row.is_object() && row.value("state", "") == "guarded";
    };
    REQUIRE(wait_until(is_guarded, after(10s)));
    std::vector<Json> seen;
    REQUIRE(wait_until([&] { return (seen = flows(agent, "to-port=22")).size() == 2; }, after(30s), 100ms));
    CHECK(seen.at(1).at("packets") == 4);
    CHECK_FALSE(seen.at(1).at("destination").contains("pod"));
    CHECK(seen.at(1).at("destination").at("tenant") == "payments");
    CHECK(seen.at(1).at("destination").at("address") == old.ip4.text());
}

} // namespace
} // namespace bulkhead::test
