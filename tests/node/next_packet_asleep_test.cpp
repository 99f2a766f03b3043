// SPDX-License-Identifier: Apache-2.0
//
// Installed, the agent changes nothing until somebody says "protected".
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kExperimental = 0x88b5; // an ethertype for local experiments (IEEE 802)

Bytes text(const std::string& marker) {
    return {marker.begin(), marker.end()};
}

struct Oddity {
    std::string what;
    std::string marker;
    Packet packet;
    bool falls_when_armed; // also towards somebody who isn't protected
};

/// What a pod sends that it should not, or that hardly anybody does.
std::vector<Oddity> oddities(const FrameSender& sender, const Place& from, const Place& to) {
    std::vector<Oddity> all;
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const bool v4 = family == BH_IPV4;
        const std::string own = from.address(family).text();
        const std::string peer = to.address(family).text();
        const std::string other = v4 ? "10.0.1.99" : "fd00:10:0:1::99";
        const auto add = [&](const std::string& what, bool falls, const auto& build) {
            const std::string marker = "odd-" + std::to_string(all.size()) + "-of-" + std::to_string(family) + ";";
            all.push_back({what + " over IPv" + std::to_string(family), marker, build(text(marker)), falls});
        };
        const auto frame = [&] { return sender.frame(); };
        const Packet not_its_own = packet().ip(own, peer).udp(7, 8);
        const Packet to_it = packet().ip(peer, own).udp(7, 8);
        add("a spoofed datagram", true, [&](const Bytes& m) { return frame().ip(other, peer).udp(1, 2).payload(m); });
        add("a spoofed SYN", true, [&](const Bytes& m) { return frame().ip(other, peer).tcp(1, 2, kSyn).payload(m); });
        add("an error about a packet that it sent itself", true, [&](const Bytes& m) {
            return frame().ip(own, peer).port_unreachable().quoting(Packet(not_its_own).payload(m));
        });
        add("an error about a packet that was sent to it", false,
            [&](const Bytes& m) { return frame().ip(own, peer).port_unreachable().quoting(Packet(to_it).payload(m)); });
        add("a protocol that nobody knows", false,
            [&](const Bytes& m) { return frame().ip(own, peer).protocol(253).payload(m); });
        add("a TCP header that contradicts itself", false,
            [&](const Bytes& m) { return frame().ip(own, peer).tcp(1, 2, kAck).claim_header_words(2).payload(m); });
        add("an answer to nothing", false,
            [&](const Bytes& m) { return frame().ip(own, peer).echo_reply(9).payload(m); });
        add("a later fragment of nothing", false, [&](const Bytes& m) {
            return frame().ip(own, peer).fragment(1024, kLastFragment).protocol(17).payload(m);
        });
    }
    return all;
}

/// A pod that sends oddities, and where they may arrive: at another pod, or at the host side.
struct Stage {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place from = net.add(kNodeA, "blog/sender", 30);
    Place to = net.add(kNodeA, "shop/receiver", 31);

    Stage() {
        for (const std::string ns : {"vault", "blog", "shop"})
            net.manifests().write(ns + ".yaml", namespace_text(ns));
    }
};

/// Sends everything, and tells which of it came through.
std::map<std::string, size_t> send_all_of(const std::vector<Oddity>& all, const FrameSender& sender, const Stage& stage,
                                          const AgentProcess& agent) {
    Tap receiver(stage.to.netns);
    Tap host(stage.net.node(kNodeA).netns, veth_of(agent, stage.from), kExperimental);
    for (const Oddity& each : all)
        sender.send(each.packet.bytes());
    // Veths keep the order: once the last one is there, the others are or never will be.
    sender.send(sender.frame().ip(stage.from.ip4.text(), stage.to.ip4.text()).udp(1, 2).payload(text("last;")).bytes());
    REQUIRE(receiver.sees("last;", 1, after(5s)));
    std::map<std::string, size_t> arrived;
    for (const Oddity& each : all)
        arrived[each.marker] = receiver.count(each.marker) + host.count(each.marker);
    return arrived;
}

TEST_CASE("until somebody is protected nothing is dropped, whatever is sent; then lies are, for everybody") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Stage stage;
    const auto agent = AgentProcess::start(stage.net, stage.net.node(kNodeA), {.attach = attach});
    const FrameSender sender(stage.from);
    auto all = oddities(sender, stage.from, stage.to);
    all.push_back({"an ethertype that nobody knows", "alien;",
                   sender.frame().ethertype(kExperimental).payload(text("alien;")), true});

    const auto asleep = send_all_of(all, sender, stage, agent);
    stage.net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    agent.wait_for_verdict(stage.from.name, stage.safe.name + ":80", "deny");
    const auto armed = send_all_of(all, sender, stage, agent);
    for (const Oddity& each : all) {
        INFO(each.what);
        CHECK(asleep.at(each.marker) == 1);
        CHECK(armed.at(each.marker) == (each.falls_when_armed ? 0 : 1));
    }
}

} // namespace
} // namespace bulkhead::test
