// SPDX-License-Identifier: Apache-2.0
//
// Two accomplices, one before a Service and one behind it, who both speak first, so that a question looks like an
// answer; then the Service leads elsewhere, and its node's NAT has forgotten the connection, as time or kube-proxy make
// it. They get nowhere that an honest question doesn't.
#include <catch2/generators/catch_generators_range.hpp>

#include "conntrack_support.h"
#include "forged_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kDatabasePort = 5432, kServicePort = 80, kClient = 41000;
constexpr const char* kCluster = "172.20.0.9";
constexpr auto kArrives = 10s;

void run_nft(const Place& place, const std::string& text) {
    const auto [status, output] = run_in(place.netns, {"nft", text});
    if (status != 0) FAIL("nft: " << output);
}

/// What kube-proxy does, with these rules and no others.
void translate(const Place& node, const std::string& rules) {
    run_nft(node, "table inet services {}\ndelete table inet services\ntable inet services {\n"
                  "chain pre { type nat hook prerouting priority dstnat\n" +
                      rules + "}\n}\n");
}

/// Its kernel resets no connection that it doesn't know of.
void keep_quiet(const Place& pod) {
    run_nft(pod, "table inet quiet {\nchain out {\ntype filter hook output priority 0\ntcp flags & rst == rst drop\n"
                 "}\n}\n");
}

struct Ring {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place near = net.add(kNodeA, "shop/near", 30);
    Place accomplice = net.add(kNodeA, "shop/accomplice", 31);
    Place job = net.add(kNodeA, "batch/job", 32);
    Place kin = net.add(kNodeA, "batch/kin", 33);
    Place far = net.add(kNodeB, "shop/far", 30);
    Place database = net.wire(kNodeB, "aws/database", 40);

    Ring() {
        net.manifests().write("shop.yaml", namespace_text("shop"));
        net.manifests().write("batch.yaml", namespace_text("batch") + "---\n" +
                                                tenant_text("batch", "namespaces: [batch], confined: true"));
        net.manifests().write("database.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\n"
                                               "metadata: {name: database}\nspec: {addresses: {cidrs: [\"" +
                                                   database.ip4.text() + "/32\", \"" + database.ip6.text() +
                                                   "/128\"]}}\n");
        for (const Place* pod : {&near, &accomplice, &job, &kin})
            keep_quiet(*pod);
    }

    AgentProcess agent(const std::string& attach) const {
        return AgentProcess::start(net, node, {.attach = attach, .metrics_address = kMetricsAddress});
    }

    /// What a pod sends falls on its way, for this reason, once.
    void check_falls(const std::string& reason, const std::function<void()>& send) const {
        const double before = refused(node, "egress", reason);
        send();
        CHECK(wait_until([&] { return refused(node, "egress", reason) == before + 1; }, after(kArrives), 20ms));
    }
};

/// TCP segments from one pod, each with a marker.
struct Speaker {
    const Place& pod;
    uint16_t port, peer_port;
    FrameSender frames{pod};
    Tap tap{pod.netns};

    void say(const std::string& to, uint8_t flags, const std::string& text) const {
        Packet segment = frames.frame().ip(pod.ip4.text(), to).tcp(port, peer_port, flags, 101, 201);
        frames.send(segment.payload(bytes_of(text)).bytes());
    }
};

TEST_CASE("a confined pod gets out by no Service of its own, however its tenant's other pod answers") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Ring ring;
    const auto& [net, node, near, accomplice, job, kin, far, database] = ring;
    net.manifests().write("mine.yaml", std::string("apiVersion: v1\nkind: Service\nmetadata: {name: mine, namespace: "
                                                   "batch}\nspec: {clusterIPs: [") +
                                           kCluster + "], ports: [{port: 80}]}\n");
    const auto agent = ring.agent(attach);
    const auto lead_to = [&](const Place& endpoint) {
        translate(node,
                  std::string("ip daddr ") + kCluster + " tcp dport 80 dnat ip to " + endpoint.ip4.text() + ":80\n");
        forget_connections(node);
    };
    Speaker here{job, kClient, kServicePort}, there{kin, kServicePort, kClient};
    Tap at_far(far.netns);

    lead_to(far);
    ring.check_falls("confined", [&] { here.say(kCluster, kSyn, "an-honest-knock"); });
    lead_to(kin);
    here.say(kCluster, kSyn, "a-knock");
    REQUIRE(there.tap.sees("a-knock", 1, after(kArrives)));
    there.say(job.ip4.text(), kSyn, "a-knock-from-the-other-side");
    REQUIRE(here.tap.sees("a-knock-from-the-other-side", 1, after(kArrives)));
    lead_to(far);
    ring.check_falls("confined", [&] { here.say(kCluster, kAck, "what-is-confidential"); });
    CHECK(at_far.count("an-honest-knock") == 0);
    CHECK(at_far.count("what-is-confidential") == 0);
}

TEST_CASE("a Service that claimed a resource's address opens the resource to nobody when it is gone") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Ring ring;
    const auto& [net, node, near, accomplice, job, kin, far, database] = ring;
    const std::string v4 = database.ip4.text(), v6 = database.ip6.text(), port = std::to_string(kDatabasePort);
    net.manifests().write("claim.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: claim, namespace: shop}\n"
                                        "spec: {externalIPs: [\"" +
                                            v4 + "\", \"" + v6 + "\"], ports: [{port: 5432, protocol: UDP}]}\n");
    const auto agent = ring.agent(attach);
    translate(node, "ip daddr " + v4 + " tcp dport " + port + " dnat ip to " + accomplice.ip4.text() + ":" + port +
                        "\nip6 daddr " + v6 + " udp dport " + port + " dnat ip6 to [" + accomplice.ip6.text() +
                        "]:" + port + "\n");
    Speaker here{near, kClient, kDatabasePort}, there{accomplice, kDatabasePort, kClient};
    Tap at_database(database.netns);
    here.say(v4, kSyn, "a-knock");
    REQUIRE(there.tap.sees("a-knock", 1, after(kArrives)));
    there.say(near.ip4.text(), kSyn, "a-knock-from-the-other-side");
    REQUIRE(here.tap.sees("a-knock-from-the-other-side", 1, after(kArrives)));
    // Behind nine headers the question is NAT's business, and not the flow memory's.
    auto question = here.frames.frame().ip(near.ip6.text(), v6);
    for (int i = 0; i < 9; ++i)
        question.destination_options();
    here.frames.send(question.udp(kClient, kDatabasePort).payload(bytes_of("behind-nine-headers")).bytes());
    REQUIRE(there.tap.sees("behind-nine-headers", 1, after(kArrives)));
    const auto answer = between(there.frames, accomplice, near, BH_IPV6).udp(kDatabasePort, kClient);
    there.frames.send(Packet(answer).payload(bytes_of("a-datagram-that-comes-back")).bytes());
    REQUIRE(here.tap.sees("a-datagram-that-comes-back", 1, after(kArrives)));

    translate(node, "");
    net.manifests().remove("claim.yaml");
    agent.wait_for_verdict(near.name, v4 + ":" + port, "deny");
    forget_connections(node);

    ring.check_falls("not-granted", [&] { here.say(v4, kAck, "a-word-to-the-database"); });
    const auto datagram = between(here.frames, near, database, BH_IPV6).udp(kClient, kDatabasePort);
    ring.check_falls("not-granted", [&] {
        here.frames.send(Packet(datagram).payload(bytes_of("a-datagram-to-the-database")).bytes());
    });
    CHECK(at_database.count("a-word-to-the-database") == 0);
    CHECK(at_database.count("a-datagram-to-the-database") == 0);
}

} // namespace
} // namespace bulkhead::test
