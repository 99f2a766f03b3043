// SPDX-License-Identifier: Apache-2.0
//
// A pod that asks its own Service, and so itself: what comes back to it has been around its node, and carries the
// node's address or the pod's own. A stranger's packets, translated the same way, look no different but for the device.
#include <catch2/generators/catch_generators_range.hpp>

#include "metrics_support.h"
#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 80, kTargetPort = 8080;

/// A protected pod, one that is confined as well, each with a Service of its own; a neighbour of the first, a stranger.
struct Mirror {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeA, "vault/kin", 21);
    Place job = net.add(kNodeA, "batch/job", 22);
    Place near = net.add(kNodeA, "blog/near", 30);
    EchoServer safe_server = require(EchoServer::start(safe.netns, {kTargetPort}));
    EchoServer job_server = require(EchoServer::start(job.netns, {kTargetPort}));

    explicit Mirror(bool masked) {
        const auto& manifests = net.manifests();
        manifests.write("vault.yaml", protected_namespace_text("vault"));
        manifests.write("batch.yaml",
                        namespace_text("batch") + "---\n" +
                            tenant_text("batch", "namespaces: [batch], level: protected, confined: true"));
        manifests.write("blog.yaml", namespace_text("blog"));
        manifests.write("services.yaml", service_text("vault", safe) + "---\n" + service_text("batch", job));
        const std::string table = "table inet services {\nchain pre { type nat hook prerouting priority dstnat\n" +
                                  rules_for(safe) + rules_for(job) +
                                  "}\nchain post { type nat hook postrouting priority srcnat\n" +
                                  (masked ? "ct status dnat masquerade\n" : "") + "}\n}\n";
        const auto [status, output] = run_in(node.netns, {"nft", table});
        if (status != 0) FAIL("nft: " << output);
    }

    AgentProcess agent(const std::string& attach) const {
        return AgentProcess::start(net, node, {.attach = attach, .metrics_address = kMetricsAddress});
    }
    /// Packets that came to a pod from itself: line 1 of the rule.
    double came_from_itself() const { return passed(node, "ingress", "self"); }

    /// 172.20.0.N and fd00:5e::N, N as in the pod's own address.
    static Address service_of(const Place& pod, uint8_t family) {
        const std::string own = pod.ip4.text();
        return require(
            Address::parse((family == BH_IPV4 ? "172.20.0." : "fd00:5e::") + own.substr(own.rfind('.') + 1)));
    }

    static std::string service_text(const std::string& ns, const Place& pod) {
        return "apiVersion: v1\nkind: Service\nmetadata: {name: own, namespace: " + ns + "}\nspec: {clusterIPs: ['" +
               service_of(pod, BH_IPV4).text() + "', '" + service_of(pod, BH_IPV6).text() + "']}\n";
    }

    static std::string rules_for(const Place& pod) {
        const std::string ports = " dport " + std::to_string(kPort), target = std::to_string(kTargetPort);
        std::string rules;
        for (const std::string protocol : {" tcp", " udp"}) {
            rules += "ip daddr " + service_of(pod, BH_IPV4).text() + protocol + ports + " dnat ip to " +
                     pod.ip4.text() + ":" + target + "\n";
            rules += "ip6 daddr " + service_of(pod, BH_IPV6).text() + protocol + ports + " dnat ip6 to [" +
                     pod.ip6.text() + "]:" + target + "\n";
        }
        return rules;
    }
};

void check_asks(const Place& from, const Place& behind_service, bool expected) {
    const auto limit = [&] { return after(expected ? 10s : 300ms); };
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " asks the Service of " << behind_service.name << " over IPv" << int{family});
        const Endpoint at{Mirror::service_of(behind_service, family), kPort};
        CHECK(answers_tcp(from.netns, at, limit()) == expected);
        CHECK(answers_udp(from.netns, at, limit()) == expected);
    }
}

TEST_CASE(
    "a pod reaches itself through its own Service with its node's address, and no stranger with the same address") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Mirror mirror(true);
    const auto agent = mirror.agent(attach);
    check_asks(mirror.safe, mirror.safe, true);
    check_asks(mirror.job, mirror.job, true);
    const double from_itself = mirror.came_from_itself();
    CHECK(from_itself > 0);
    check_asks(mirror.kin, mirror.safe, true);
    check_asks(mirror.near, mirror.safe, false);
    check_asks(mirror.near, mirror.job, false);
    check_asks(mirror.job, mirror.safe, false);
    check_asks(mirror.safe, mirror.job, false);
    CHECK(mirror.came_from_itself() == from_itself);
}

/// A datagram to a Service, seen as it comes to `behind_service`: an answer to its own address no pod would send out.
void check_comes_to(const Place& from, const Place& behind_service, bool expected) {
    static int tries = 0;
    Tap tap(behind_service.netns);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to the Service of " << behind_service.name << " over IPv" << int{family});
        const std::string marker = "through-a-mirror-" + std::to_string(++tries) + ";";
        const Fd socket = require(udp_connect(from.netns, {Mirror::service_of(behind_service, family), kPort}));
        require(send_all(socket, {reinterpret_cast<const uint8_t*>(marker.data()), marker.size()}, after(1s)));
        CHECK(tap.sees(marker, 1, after(expected ? 10s : 300ms)) == expected);
    }
}

TEST_CASE("a pod reaches itself through its own Service with its own address, and no stranger does") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Mirror mirror(false);
    const auto agent = mirror.agent(attach);
    check_comes_to(mirror.safe, mirror.safe, true);
    check_comes_to(mirror.job, mirror.job, true);
    CHECK(mirror.came_from_itself() == 4); // a datagram each, by two families
    check_comes_to(mirror.kin, mirror.safe, true);
    check_comes_to(mirror.near, mirror.safe, false);
    check_comes_to(mirror.job, mirror.safe, false);
    CHECK(mirror.came_from_itself() == 4);
}

} // namespace
} // namespace bulkhead::test
