// SPDX-License-Identifier: Apache-2.0
//
// A stranger who is to be cut off, and has the memory of who began forget it first.
#include <catch2/generators/catch_generators_range.hpp>

#include "metrics_support.h"
#include "packets_support.h"

namespace bulkhead::test {
namespace {

constexpr auto kResetIsForgotten = 12s; // an entry with a reset is dead 10 s later (BH_IDLE_TCP_RESET), and a tick
constexpr uint16_t kFirstClient = 45000;
constexpr uint32_t kNobodysSequence = 0x12345678;

/// From a stranger to a server that takes no more clients.
struct Intrusion {
    uint8_t family;
    bool resets;
    uint16_t port;
    Fd client, server;

    Intrusion(const Fortress& fortress, uint8_t ip, bool forges, uint16_t from)
        : family(ip), resets(forges), port(from) {
        const Endpoint at{fortress.safe.address(family), kOpenedTcp};
        const Fd listener = require(tcp_listen(fortress.safe.netns, at));
        client = require(tcp_connect(fortress.near.netns, at, after(10s), port));
        server = require(tcp_accept(listener, after(10s)));
        REQUIRE(speaks());
    }

    bool speaks() const { return send_all(client, {{1, 2, 3}}, after(1s)) && receive_exactly(server, 3, after(10s)); }
};

TEST_CASE("a stranger whose expose was removed is cut off, also when he had reset the connection for show") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Fortress fortress;
    const auto& [net, safe, open, near, far] = fortress;
    const Place node = net.node(kNodeA);
    const auto agent = AgentProcess::start(net, node, {.attach = attach, .metrics_address = kMetricsAddress});
    std::vector<Intrusion> intrusions;
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const bool resets : {false, true})
            intrusions.emplace_back(fortress, family, resets, static_cast<uint16_t>(kFirstClient + intrusions.size()));
    const FrameSender sender(near);
    for (const Intrusion& one : intrusions)
        if (one.resets) // the server's kernel doesn't believe it
            sender.send(sender.frame()
                            .ip(near.address(one.family).text(), safe.address(one.family).text())
                            .tcp(one.port, kOpenedTcp, kRst, kNobodysSequence)
                            .bytes());
    std::this_thread::sleep_for(kResetIsForgotten); // nothing tells when it is
    net.tell(safe);
    agent.wait_for_verdict(near.name, safe.name + ":" + std::to_string(kOpenedTcp), "deny");
    for (const Intrusion& one : intrusions) {
        INFO("over IPv" << int{one.family} << (one.resets ? ", reset" : ""));
        const double before = refused(node, "ingress", "not-granted");
        CHECK(send_all(one.client, {{4, 5, 6}}, after(1s)));
        CHECK(wait_until([&] { return refused(node, "ingress", "not-granted") > before; }, after(10s), 20ms));
        CHECK_FALSE(readable(one.server, after(0s)));
    }
}

} // namespace
} // namespace bulkhead::test
