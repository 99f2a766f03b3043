// SPDX-License-Identifier: Apache-2.0
//
// A Protected pod or resource behind a cluster IP, an external IP or a NodePort, with and without masquerading: who may
// not reach it straight doesn't reach it by any detour, and who may does by all.
#include <catch2/generators/catch_generators.hpp>
#include <map>

#include "conntrack_support.h"
#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kShut = 8080, kOpened = 8443; // the protected pod exposes the second, by TCP and UDP
constexpr uint16_t kDatabasePort = 5432;
constexpr uint16_t kNodePortOfShut = 30080, kNodePortOfOpened = 30443;
constexpr uint16_t kServicePort = 80;

/// By families: the cluster IPs of the protected pod's ports, and an external IP of the resource.
struct Front {
    const char* ipv4;
    const char* ipv6;

    Endpoint at(uint8_t family) const {
        return {require(Address::parse(family == BH_IPV4 ? ipv4 : ipv6)), kServicePort};
    }
};
constexpr Front kServiceOfShut{"172.20.0.1", "fd00:5e::1"};
constexpr Front kServiceOfOpened{"172.20.0.2", "fd00:5e::2"};
constexpr Front kExternalIp{"198.18.0.1", "2001:db8:18::1"};

/// Who gets the node's address: nobody; who comes through a NodePort, as with externalTrafficPolicy: Cluster; or all
/// that leaves the node, as the VPC CNI does it outside the VPC.
enum class Masked : uint8_t { kNobody, kNodePorts, kAllThatLeaves };

struct Detour {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20, {{"bulkhead.dev/expose", "8443,8443/UDP"}});
    Place kin = net.add(kNodeA, "vault/kin", 21);
    Place far_kin = net.add(kNodeB, "vault/far-kin", 22);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 31);
    Place database = net.wire(kNodeB, "aws/database", 40);
    EchoServer safe_server = require(EchoServer::start(safe.netns, {kShut, kOpened}));
    EchoServer database_server = require(EchoServer::start(database.netns, {kDatabasePort}));

    explicit Detour(Masked masked) {
        const auto& manifests = net.manifests();
        manifests.write("vault.yaml", protected_namespace_text("vault") + "---\n" +
                                          tenant_text("vault", "namespaces: [vault], level: protected"));
        manifests.write("blog.yaml", namespace_text("blog"));
        manifests.write("database.yaml",
                        "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: database}\n"
                        "spec: {tenant: vault, addresses: {cidrs: [\"" +
                            database.ip4.text() + "/32\", \"" + database.ip6.text() + "/128\"]}}\n");
        translate(masked);
    }

    /// What kube-proxy does on node-a, for the node's own processes too.
    void translate(Masked masked) const {
        std::string rules;
        for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
            rules += rule(family, kServiceOfShut.at(family), safe, kShut);
            rules += rule(family, kServiceOfOpened.at(family), safe, kOpened);
            rules += rule(family, kExternalIp.at(family), database, kDatabasePort);
            rules += rule(family, {node.address(family), kNodePortOfShut}, safe, kShut);
            rules += rule(family, {node.address(family), kNodePortOfOpened}, safe, kOpened);
        }
        const std::map<Masked, std::string> masks{{Masked::kNobody, ""},
                                                  {Masked::kNodePorts, "ct original ip daddr " + node.ip4.text() +
                                                                           " masquerade\nct original ip6 daddr " +
                                                                           node.ip6.text() + " masquerade\n"},
                                                  {Masked::kAllThatLeaves, "oifname eth0 masquerade\n"}};
        const std::string table = "table inet services {\nchain pre { type nat hook prerouting priority dstnat\n" +
                                  rules + "}\nchain out { type nat hook output priority -100\n" + rules +
                                  "}\nchain post { type nat hook postrouting priority srcnat\n" + masks.at(masked) +
                                  "}\n}\n";
        const auto [status, output] = run_in(node.netns, {"nft", table});
        if (status != 0) FAIL("nft: " << output);
    }

    static std::string rule(uint8_t family, const Endpoint& front, const Place& to, uint16_t port) {
        const bool v4 = family == BH_IPV4;
        std::string rules;
        for (const char* protocol : {"tcp", "udp"})
            rules += std::string(v4 ? "ip" : "ip6") + " daddr " + front.address.text() + " " + protocol + " dport " +
                     std::to_string(front.port) + " dnat " + (v4 ? "ip to " : "ip6 to [") + to.address(family).text() +
                     (v4 ? ":" : "]:") + std::to_string(port) + "\n";
        return rules;
    }

    void check(const Place& from, const Endpoint& to, bool expected) const {
        INFO(from.name << " to " << to.address.text() << " port " << to.port);
        const auto limit = [&] { return after(expected ? 10s : 300ms); };
        CHECK(answers_tcp(from.netns, to, limit()) == expected);
        CHECK(answers_udp(from.netns, to, limit()) == expected);
    }
};

TEST_CASE("no Service leads a stranger where it may not go, and every Service leads others where they may") {
    const auto masked = GENERATE(Masked::kNobody, Masked::kNodePorts, Masked::kAllThatLeaves);
    INFO("masked: " << int{static_cast<uint8_t>(masked)});
    const Detour detour(masked);
    const auto& [net, node, safe, kin, far_kin, near, far, database, safe_server, database_server] = detour;
    // Once the uplink is named, else it is found.
    std::vector<std::string> named;
    if (masked == Masked::kAllThatLeaves) named = {"--uplink", "eth0"};
    const auto agent = AgentProcess::start(net, node, {.more = named});
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const Endpoint at_shut{node.address(family), kNodePortOfShut};
        const Endpoint at_opened{node.address(family), kNodePortOfOpened};

        detour.check(near, kServiceOfShut.at(family), false);
        detour.check(near, kExternalIp.at(family), false);
        detour.check(near, at_shut, false);
        detour.check(far, at_shut, false);
        detour.check(near, kServiceOfOpened.at(family), true);
        detour.check(near, at_opened, true);
        detour.check(far, at_opened, true);

        detour.check(kin, kServiceOfShut.at(family), true);
        detour.check(kin, kExternalIp.at(family), true);
        detour.check(kin, at_shut, true); // its device tells who it is, whatever its packets carry by then
        detour.check(far_kin, at_shut,
                     masked != Masked::kNodePorts); // with the node's address it is the node, which made none of this
        detour.check(node, kServiceOfShut.at(family), true); // what the node itself makes is local-host
    }
}

TEST_CASE("a port that the node itself just used opens nothing to a masked stranger that has it next") {
    const Detour detour(Masked::kNodePorts);
    const auto agent = AgentProcess::start(detour.net, detour.node, {});
    constexpr uint16_t kClientPort = 45000;
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO("over IPv" << int{family});
        const Endpoint shut{detour.safe.address(family), kShut};
        const Endpoint at_shut{detour.node.address(family), kNodePortOfShut};
        CHECK(tcp_connect(detour.node.netns, shut, after(10s), kClientPort));
        forget_connections(detour.node); // or the stranger would get another port
        CHECK_FALSE(tcp_connect(detour.far.netns, at_shut, after(1s), kClientPort));
    }
}

} // namespace
} // namespace bulkhead::test
