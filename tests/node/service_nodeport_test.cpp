// SPDX-License-Identifier: Apache-2.0
//
// Clients that come through a NodePort: NAT lies between the pod's veth and the uplink, where the answer has the
// node's address and port. It leaves all the same, and nothing leaves that only looks like it.
#include <catch2/generators/catch_generators.hpp>

#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kTargetPort = 8080;
constexpr uint16_t kJobPort = 30080, kWebPort = 30081; // as kube-proxy gives them
constexpr uint32_t kAnswerMark = 0x1000;
constexpr auto kRefused = 400ms;

/// kube-proxy's rules for NodePorts of `node` in both families. `masked`: clients get the node's address, as
/// with externalTrafficPolicy: Cluster.
void open_node_ports(const Place& node, const std::vector<std::pair<uint16_t, const Place*>>& ports, bool masked) {
    std::string rules;
    for (const auto& [port, pod] : ports)
        for (const std::string protocol : {"tcp", "udp"}) {
            const std::string to = std::to_string(kTargetPort), at = protocol + " dport " + std::to_string(port);
            rules += "ip daddr " + node.ip4.text() + " " + at + " dnat ip to " + pod->ip4.text() + ":" + to + "\n";
            rules += "ip6 daddr " + node.ip6.text() + " " + at + " dnat ip6 to [" + pod->ip6.text() + "]:" + to + "\n";
        }
    const std::string table = "table inet nodeports {\n"
                              "chain pre { type nat hook prerouting priority dstnat\n" +
                              rules +
                              "}\n"
                              "chain post { type nat hook postrouting priority srcnat\n" +
                              (masked ? "ct status dnat masquerade\n" : "") + "}\n}\n";
    const auto [status, output] = run_in(node.netns, {"nft", table});
    if (status != 0) FAIL("nft: " << output);
}

/// A confined pod, and an open one; a Protected resource, which asks from outside the cluster as a load balancer
/// does.
struct Harbour {
    Net net = Net::create();
    Place job = net.add(kNodeA, "batch/job", 20);
    Place web = net.add(kNodeA, "blog/web", 21);
    Place far = net.add(kNodeB, "blog/far", 30);
    Place balancer = net.wire(kNodeB, "aws/balancer", 40);
    EchoServer job_server = require(EchoServer::start(job.netns, {kTargetPort}));
    EchoServer web_server = require(EchoServer::start(web.netns, {kTargetPort}));
    EchoServer far_server = require(EchoServer::start(far.netns, {kTargetPort}));
    EchoServer balancer_server = require(EchoServer::start(balancer.netns, {kTargetPort}));

    explicit Harbour(bool masked) {
        net.manifests().write("batch.yaml", namespace_text("batch"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("tunnel.yaml", tenant_text("tunnel", "namespaces: [batch], confined: true"));
        net.manifests().write("balancer.yaml",
                              "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: balancer}\n"
                              "spec: {addresses: {cidrs: [\"" +
                                  balancer.ip4.text() + "/32\", \"" + balancer.ip6.text() + "/128\"]}}\n");
        open_node_ports(net.node(kNodeA), {{kJobPort, &job}, {kWebPort, &web}}, masked);
    }

    AgentProcess agent(const std::string& mark) const {
        return AgentProcess::start(net, net.node(kNodeA), {.more = {"--answer-mark", mark}});
    }
};

/// Does `to` answer at that port, by TCP and UDP? Both or none, or the test fails.
bool answers(const Place& from, const Endpoint& to, std::chrono::milliseconds limit) {
    const bool tcp = answers_tcp(from.netns, to, after(limit));
    CHECK(answers_udp(from.netns, to, after(limit)) == tcp);
    return tcp;
}

TEST_CASE("a NodePort's clients get the answers of confined pods, and Protected resources those of open pods") {
    const bool masked = GENERATE(false, true);
    const Harbour harbour(masked);
    const auto agent = harbour.agent("0x1000");
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO("IPv" << int{family} << (masked ? ", masked" : ""));
        const Address node = harbour.net.node(kNodeA).address(family);
        for (const auto& [client, port] : {std::pair(&harbour.far, kJobPort), std::pair(&harbour.balancer, kWebPort)}) {
            CHECK(answers_tcp(client->netns, {node, port}, after(10s)));
            // A datagram to this node is not marked: NAT could take it elsewhere as the first of a conversation.
            CHECK(answers_udp(client->netns, {node, port}, after(masked ? kRefused : 10s)) != masked);
        }
        // What the pods begin is no answer.
        CHECK_FALSE(answers(harbour.job, {harbour.far.address(family), kTargetPort}, kRefused));
        CHECK_FALSE(answers(harbour.web, {harbour.balancer.address(family), kTargetPort}, kRefused));
        // And a NodePort of its own node is the node to a confined pod, wherever it leads.
        CHECK_FALSE(answers(harbour.job, {node, kWebPort}, kRefused));
        CHECK(answers_tcp(harbour.web.netns, {node, kJobPort}, after(10s)));
    }
}

TEST_CASE("without the mark the uplink can't know such an answer") {
    const Harbour harbour(true);
    const auto agent = harbour.agent("0");
    const Address node = harbour.net.node(kNodeA).ip4;
    CHECK_FALSE(answers(harbour.far, {node, kJobPort}, kRefused));
    CHECK_FALSE(answers(harbour.balancer, {node, kWebPort}, kRefused));
}

TEST_CASE("a pod can't mark its own packets as answers") {
    const Harbour harbour(false);
    const auto agent = harbour.agent("0x1000");
    for (const auto& [pod, stranger] :
         {std::pair(&harbour.job, &harbour.far), std::pair(&harbour.web, &harbour.balancer)}) {
        const Fd socket = require(udp_connect(pod->netns, {stranger->ip4, kTargetPort}));
        REQUIRE(setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &kAnswerMark, sizeof kAnswerMark) == 0);
        require(send_all(socket, {{1}}, after(1s)));
        CHECK_FALSE(readable(socket, after(kRefused)));
    }
}

} // namespace
} // namespace bulkhead::test
