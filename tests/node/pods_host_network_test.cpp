// SPDX-License-Identifier: Apache-2.0
//
// A pod on its host's network is its node: it reaches the protected pods of that node, whoever it says it is, and those
// of others not even where its tenant or namespace could.
#include <catch2/generators/catch_generators_range.hpp>

#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 8080;

std::string host_network_pod_text(const std::string& ns, const Place& node) {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: on-" + node.name + ", namespace: " + ns +
           "}\nspec: {nodeName: " + node.name + ", hostNetwork: true}\nstatus: {phase: Running, podIPs: [{ip: '" +
           node.ip4.text() + "'}, {ip: '" + node.ip6.text() + "'}]}\n";
}

/// A protected pod that grants a namespace everything, a pod of that namespace and one of its own tenant elsewhere; and
/// of both namespaces pods on the hosts' networks.
struct Hosts {
    Net net = Net::create();
    Place here = net.node(kNodeA), there = net.node(kNodeB);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeB, "vault/kin", 21);
    Place granted = net.add(kNodeB, "ops/granted", 22);
    Place open = net.add(kNodeA, "ops/open", 30);
    EchoServer safe_server = require(EchoServer::start(safe.netns, {kPort}));
    EchoServer open_server = require(EchoServer::start(open.netns, {kPort}));

    Hosts() {
        const auto& manifests = net.manifests();
        manifests.write("vault.yaml", namespace_text("vault") + "---\n" +
                                          tenant_text("vault", "namespaces: [vault], level: protected, "
                                                               "allowFrom: [{from: [{namespace: ops}]}]"));
        manifests.write("ops.yaml", namespace_text("ops"));
        for (const Place* node : {&here, &there})
            for (const char* ns : {"vault", "ops"})
                manifests.write(std::string(ns) + "-on-" + node->name + ".yaml", host_network_pod_text(ns, *node));
    }
};

void check_asks(const Place& from, const Place& to, bool expected) {
    const auto limit = [&] { return after(expected ? 10s : 300ms); };
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to " << to.name << " over IPv" << int{family});
        CHECK(answers_tcp(from.netns, {to.address(family), kPort}, limit()) == expected);
        CHECK(answers_udp(from.netns, {to.address(family), kPort}, limit()) == expected);
    }
}

TEST_CASE(
    "a pod on its host's network is no tenant's and no grant's peer, but its node, and is reported as unguarded") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Hosts hosts;
    const auto& [net, here, there, safe, kin, granted, open, s1, s2] = hosts;
    const auto agent = AgentProcess::start(net, here, {.attach = attach});
    check_asks(kin, safe, true);
    check_asks(granted, safe, true);
    check_asks(here, safe, true); // local-host
    check_asks(there, safe, false);
    check_asks(there, open, true);
    for (const char* pod : {"vault/on-node-a", "ops/on-node-a"}) {
        const Json row = agent.endpoint(pod);
        INFO(row.dump());
        CHECK((row.is_object() && row.value("state", "") == "unguarded"));
    }
    const auto about = [](const std::string& name) {
        return [name](const Json& problem) { return problem.value("object", "") == "Pod " + name; };
    };
    CHECK(agent.reports(about("vault/on-node-a"))); // its level protects nothing
    const auto all = agent.problems();
    CHECK(std::none_of(all.begin(), all.end(), about("ops/on-node-a")));
}

} // namespace
} // namespace bulkhead::test
