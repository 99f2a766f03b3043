// SPDX-License-Identifier: Apache-2.0
//
// The VPC CNI gives a pod of an IPv6 cluster a second veth, for IPv4 that leaves the cluster: with a name that says
// nothing, and masked by the node. It is the pod's all the same, guarded and judged as the pod.
#include <catch2/generators/catch_generators_range.hpp>

#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 5432;
constexpr const char* kDevice = "v4if0"; // in the pod
constexpr const char* kGateway = "169.254.172.1";

void ip(const Netns& netns, std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    const auto [failed, output] = run_in(netns, words);
    if (failed) FAIL("ip: " << output);
}

/// The egress plugin's wiring: the pod has `own` there, and what it sends from it leaves by that veth.
Address add_egress_veth(const Place& node, const Place& pod, const std::string& veth, const std::string& own) {
    ip(node.netns, {"link", "add", veth, "type", "veth", "peer", "name", kDevice, "netns", pod.netns.name()});
    ip(node.netns, {"link", "set", veth, "up"});
    ip(node.netns, {"addr", "add", std::string(kGateway) + "/32", "dev", veth});
    ip(pod.netns, {"link", "set", kDevice, "up"});
    ip(pod.netns, {"addr", "add", own + "/32", "dev", kDevice});
    ip(pod.netns, {"route", "add", "default", "via", kGateway, "dev", kDevice, "onlink", "table", "4"});
    ip(pod.netns, {"rule", "add", "from", own, "lookup", "4"});
    ip(node.netns, {"route", "add", own + "/32", "dev", veth});
    return require(Address::parse(own));
}

/// A protected pod and an open one with such veths, who both look like their node to a database of the first one's
/// tenant; one of that tenant, and a stranger.
struct Ipv6Cluster {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeA, "vault/kin", 21);
    Place open = net.add(kNodeA, "blog/open", 30);
    Place near = net.add(kNodeA, "blog/near", 31);
    Place database = net.resource("database", "10.0.200.10", "fd00:10:0:200::10");
    Place beside = net.resource("beside", "10.0.200.11", "fd00:10:0:200::11");
    std::vector<EchoServer> servers;

    Ipv6Cluster() {
        for (const Place* place : {&safe, &open, &database, &beside})
            servers.push_back(require(EchoServer::start(place->netns, {kPort})));
        const auto& manifests = net.manifests();
        manifests.write("vault.yaml", namespace_text("vault") + "---\n" +
                                          tenant_text("vault", "namespaces: [vault], level: protected"));
        manifests.write("blog.yaml", namespace_text("blog"));
        manifests.write("database.yaml",
                        "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: database}\n"
                        "spec: {tenant: vault, addresses: {cidrs: [10.0.200.10/32]}}\n");
        const auto [failed, output] =
            run_in(node.netns, {"nft", "table ip egress {\nchain post { type nat hook postrouting priority srcnat\n"
                                       "ip saddr 169.254.172.0/24 oif eth0 masquerade\n}\n}\n"});
        if (failed) FAIL("nft: " << output);
    }
};

bool answers_from(const Place& pod, const Address& from, const Place& to, Clock::duration limit) {
    const Fd fd = require(bound_socket(pod.netns, {from, 0}, SOCK_DGRAM));
    const auto server = SocketAddress::of(to.ip4, kPort);
    REQUIRE(connect(fd.get(), server.raw(), server.size) == 0);
    require(send_all(fd, {{1}}, after(1s)));
    return readable(fd, after(limit));
}

bool is_guarded_with_both_veths(const AgentProcess& agent, const Place& pod) {
    const Json row = agent.endpoint(pod.name);
    return row.is_object() && row.value("state", "") == "guarded" && row.at("interfaces").size() == 2 &&
           row.at("addresses").size() == 3;
}

TEST_CASE(
    "a pod's veth of the other family is guarded, lets no stranger in, and takes it to no resource of another's") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Ipv6Cluster cluster;
    const auto& [net, node, safe, kin, open, near, database, beside, servers] = cluster;
    const Address of_safe = add_egress_veth(node, safe, "vetha0b1c2d3", "169.254.172.20");
    const auto agent = AgentProcess::start(net, node, {.attach = attach});
    const Address of_open = add_egress_veth(node, open, "vethb0b1c2d3", "169.254.172.30"); // while the agent runs
    for (const Place* pod : {&safe, &open})
        CHECK(wait_until([&, pod = pod] { return is_guarded_with_both_veths(agent, *pod); }, after(10s)));

    CHECK(answers_tcp(kin.netns, {of_safe, kPort}, after(10s)));
    CHECK_FALSE(answers_tcp(near.netns, {of_safe, kPort}, after(300ms)));
    CHECK_FALSE(answers_ping(near.netns, of_safe, after(300ms)));
    CHECK(answers_ping(near.netns, of_open, after(10s)));

    CHECK(answers_from(safe, of_safe, database, 10s));
    CHECK(answers_from(safe, of_safe, beside, 10s));
    CHECK_FALSE(answers_from(open, of_open, database, 300ms));
    CHECK(answers_from(open, of_open, beside, 10s));
    CHECK(answers_udp(node.netns, {database.ip4, kPort}, after(10s))); // whose address they all have there
}

} // namespace
} // namespace bulkhead::test
