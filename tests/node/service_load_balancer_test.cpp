// SPDX-License-Identifier: Apache-2.0
//
// Load balancers, by the addresses that pods see of them (docs/load-balancers.md): of an ALB or NLB with IP targets its
// own, in its subnets; of an NLB with instance targets the client's, through a NodePort with externalTrafficPolicy:
// Local, and a node's with Cluster.
#include "flows_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kHttp = 8080, kMetrics = 9100, kListener = 443;
constexpr uint16_t kNodePort = 30080, kNodePortOfFar = 30081;

struct Front {
    Net net = Net::create();
    Place node_a = net.node(kNodeA);
    Place node_b = net.node(kNodeB);
    Place web = net.add(kNodeA, "shop/web", 20);
    Place db = net.add(kNodeA, "shop/db", 21);
    Place far_web = net.add(kNodeB, "front/web", 22);
    Place stranger = net.add(kNodeA, "blog/stranger", 30);
    // What nobody should give to a pod: an address of the load balancers' subnet.
    Place squatter = net.wire_as(kNodeB, "blog/squatter", "10.0.240.20", "fd00:10:0:240::20");
    Place balancer = net.resource("balancer", "10.0.240.10", "fd00:10:0:240::10");
    Place other_balancer = net.resource("other-balancer", "10.0.241.10", "fd00:10:0:241::10");
    Place client = net.resource("client", "198.51.100.7", "2001:db8:51::7");
    Place other_client = net.resource("other-client", "203.0.113.10", "2001:db8::10");
    EchoServer web_server = require(EchoServer::start(web.netns, {kHttp, kMetrics}));
    EchoServer far_server = require(EchoServer::start(far_web.netns, {kHttp, kMetrics}));
    EchoServer db_server = require(EchoServer::start(db.netns, {kHttp}));
    EchoServer balancer_server = require(EchoServer::start(balancer.netns, {kListener}));

    Front() {
        for (const char* ns : {"shop", "front", "blog"})
            net.manifests().write(std::string(ns) + ".yaml", namespace_text(ns));
        net.tell(squatter);
        put_balancers("level: non-protected");
        put_shop("allowFrom: [" + grant_to("{awsResource: load-balancers}") + "]");
    }

    /// The subnets of `balancer`, and no other's.
    void put_balancers(const std::string& spec) const {
        net.manifests().write("balancers.yaml",
                              "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: load-balancers}\n"
                              "spec: {" +
                                  spec + ", addresses: {cidrs: [10.0.240.0/24, \"fd00:10:0:240::/64\"]}}\n");
    }
    void put_shop(const std::string& spec) const {
        net.manifests().write("tenant.yaml",
                              tenant_text("shop", "namespaces: [shop, front], level: protected, " + spec));
    }
    static std::string grant_to(const std::string& peers) {
        return "{from: [" + peers + "], to: {podSelector: {matchLabels: {app: web}}}, ports: [{port: 8080}]}";
    }

    /// As kube-proxy on node-a leads a NodePort to each of the pods. `masked`: with externalTrafficPolicy: Cluster.
    void open_node_ports(bool masked) const {
        std::string rules;
        for (const auto& [port, pod] : {std::pair(kNodePort, &web), {kNodePortOfFar, &far_web}}) {
            const std::string at = " tcp dport " + std::to_string(port), to = std::to_string(kHttp);
            rules += "ip daddr " + node_a.ip4.text() + at + " dnat ip to " + pod->ip4.text() + ":" + to + "\n";
            rules += "ip6 daddr " + node_a.ip6.text() + at + " dnat ip6 to [" + pod->ip6.text() + "]:" + to + "\n";
        }
        const auto [status, output] = run_in(
            node_a.netns, {"nft", "table inet nodeports {\nchain pre { type nat hook prerouting priority dstnat\n" +
                                      rules + "}\nchain post { type nat hook postrouting priority srcnat\n" +
                                      (masked ? "ct status dnat masquerade\n" : "") + "}\n}\n"});
        if (status != 0) FAIL("nft: " << output);
    }

    AgentProcess agent(const Place& node) const { return AgentProcess::start(net, node, {}); }
};

void check_reaches(const Place& from, const Endpoint& to, bool expected) {
    INFO(from.name << " to " << to.address.text() << " port " << to.port);
    CHECK(answers_tcp(from.netns, to, after(expected ? 10s : 300ms)) == expected);
}

TEST_CASE(
    "an ALB with IP targets reaches the pods behind it from its granted subnets, on their port, and nobody else") {
    const Front front;
    const auto agent_a = front.agent(front.node_a), agent_b = front.agent(front.node_b);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        for (const Place* pod : {&front.web, &front.far_web}) {
            const Endpoint target{pod->address(family), kHttp};
            check_reaches(front.balancer, target, true);
            check_reaches(front.balancer, {target.address, kMetrics}, false);
            CHECK_FALSE(answers_udp(front.balancer.netns, target, after(300ms)));
            check_reaches(front.other_balancer, target, false);
            check_reaches(front.client, target, false);
            check_reaches(front.squatter, target, false); // a pod wins over any CIDR
            check_reaches(front.stranger, target, false);
        }
        check_reaches(front.balancer, {front.db.address(family), kHttp}, false);
        check_reaches(front.node_b, {front.web.address(family), kHttp}, false);
    }
}

TEST_CASE("a load balancer that is protected itself takes no other tenant's pods along to what it is granted") {
    const Front front;
    front.put_balancers("allowFrom: [{from: [{tenant: shop}]}]");
    const auto agent_a = front.agent(front.node_a), agent_b = front.agent(front.node_b);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const Endpoint listener{front.balancer.address(family), kListener};
        check_reaches(front.stranger, listener, false);
        check_reaches(front.squatter, listener, false);
        check_reaches(front.db, listener, true);
        check_reaches(front.client, listener, true); // what doesn't come from a pod is its security group's
        check_reaches(front.balancer, {front.web.address(family), kHttp}, true);
        check_reaches(front.balancer, {front.db.address(family), kHttp}, false);
    }
    // As its tenant's own it is one of the tenant, and gets to all of it.
    front.put_balancers("tenant: shop");
    agent_a.wait_for_verdict(front.balancer.ip4.text(), front.db.name + ":8080", "allow");
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        check_reaches(front.balancer, {front.db.address(family), kHttp}, true);
        check_reaches(front.other_balancer, {front.db.address(family), kHttp}, false);
        check_reaches(front.stranger, {front.balancer.address(family), kListener}, false);
    }
}

TEST_CASE("an NLB with instance targets and policy Local brings clients themselves: who is granted gets in") {
    const Front front;
    front.open_node_ports(false);
    front.put_shop("allowFrom: [" + Front::grant_to("{cidr: 198.51.100.0/24}, {cidr: \"2001:db8:51::/64\"}") + "]");
    const auto agent = front.agent(front.node_a);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const Endpoint at{front.node_a.address(family), kNodePort};
        check_reaches(front.client, at, true);
        check_reaches(front.other_client, at, false);
        check_reaches(front.balancer, at, false); // its health checks, or without preservation of clients
    }
    front.put_shop("allowFrom: [" + Front::grant_to("{world: true}, {awsResource: load-balancers}") + "]");
    agent.wait_for_verdict(front.other_client.ip4.text(), front.web.name + ":8080", "allow");
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const Endpoint at{front.node_a.address(family), kNodePort};
        for (const Place* granted : {&front.client, &front.other_client, &front.balancer})
            check_reaches(*granted, at, true);
        check_reaches(front.stranger, at, false); // the world is who is no pod
    }
}

/// Is there a flow in which this node was refused, as itself?
bool tells_of_refused_node(const AgentProcess& agent, const Place& node, const Place& pod) {
    const auto told = [&] {
        for (const Json& flow : flows(agent, "verdict=denied&from-kind=host&to-port=8080"))
            if (flow.at("source").value("name", "") == node.name && flow.at("reason") == "not-granted" &&
                flow.at("destination").at("address") == pod.ip4.text())
                return true;
        return false;
    };
    return wait_until(told, after(10s), 50ms);
}

TEST_CASE("with policy Cluster every client is the node that it came through: no grant means it, and expose all do") {
    const Front front;
    front.open_node_ports(true);
    const std::string everybody =
        "{world: true}, {cidr: 198.51.100.0/24}, {cidr: 10.0.0.0/8}, {awsResource: load-balancers}";
    front.put_shop("allowFrom: [" + Front::grant_to(everybody) + "]");
    const auto agent_a = front.agent(front.node_a), agent_b = front.agent(front.node_b);
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const uint16_t port : {kNodePort, kNodePortOfFar}) // on the node itself, and on another one
            for (const Place* from : {&front.client, &front.balancer})
                check_reaches(*from, {front.node_a.address(family), port}, false);
    CHECK(tells_of_refused_node(agent_a, front.node_a, front.web));
    CHECK(tells_of_refused_node(agent_b, front.node_a, front.far_web));

    front.put_shop("expose: [{podSelector: {matchLabels: {app: web}}, ports: [{port: 8080}]}]");
    for (const auto& [agent, pod] : {std::pair(&agent_a, &front.web), {&agent_b, &front.far_web}})
        agent->wait_for_verdict(front.stranger.name, pod->name + ":8080", "allow");
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const uint16_t port : {kNodePort, kNodePortOfFar})
            for (const Place* from : {&front.client, &front.other_client, &front.balancer})
                check_reaches(*from, {front.node_a.address(family), port}, true);
}

} // namespace
} // namespace bulkhead::test
