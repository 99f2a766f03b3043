// SPDX-License-Identifier: Apache-2.0
//
// Installed, the agent changes nothing until somebody says "protected".
#include <catch2/generators/catch_generators.hpp>

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
        add("a spoofed datagram", true, [&](Bytes m) { return frame().ip(other, peer).udp(1, 2).payload(m); });
        add("a spoofed SYN", true, [&](Bytes m) { return frame().ip(other, peer).tcp(1, 2, kSyn).payload(m); });
        add("an error about a packet that it sent itself", true,
            [&](Bytes m) { return frame().ip(own, peer).port_unreachable().quoting(Packet(not_its_own).payload(m)); });
        add("an error about a packet that was sent to it", false,
            [&](Bytes m) { return frame().ip(own, peer).port_unreachable().quoting(Packet(to_it).payload(m)); });
        add("a protocol that nobody knows", false,
            [&](Bytes m) { return frame().ip(own, peer).protocol(253).payload(m); });
        add("a TCP header that contradicts itself", false,
            [&](Bytes m) { return frame().ip(own, peer).tcp(1, 2, kAck).claim_header_words(2).payload(m); });
        add("an answer to nothing", false, [&](Bytes m) { return frame().ip(own, peer).echo_reply(9).payload(m); });
        add("a later fragment of nothing", false,
            [&](Bytes m) { return frame().ip(own, peer).fragment(1024, kLastFragment).protocol(17).payload(m); });
    }
    return all;
}

TEST_CASE("until somebody is protected nothing is dropped, whatever is sent; then lies are, for everybody") {
    const std::string attach = GENERATE("tcx", "clsact");
    const Net net = Net::create();
    for (const std::string ns : {"vault", "blog", "shop"})
        net.manifests().write(ns + ".yaml", namespace_text(ns));
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const Place sender_pod = net.add(kNodeA, "blog/sender", 30);
    const Place receiver = net.add(kNodeA, "shop/receiver", 31);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    const FrameSender sender(sender_pod);
    const auto all = oddities(sender, sender_pod, receiver);
    const Bytes alien = sender.frame().ethertype(kExperimental).payload(text("an-alien;")).bytes();

    Tap asleep(receiver.netns);
    Tap host_asleep(net.node(kNodeA).netns, veth_of(agent, sender_pod), kExperimental);
    for (const Oddity& each : all)
        sender.send(each.packet.bytes());
    sender.send(alien);
    for (const Oddity& each : all) {
        INFO(each.what);
        CHECK(asleep.sees(each.marker, 1, after(2s)));
    }
    CHECK(host_asleep.sees("an-alien;", 1, after(2s)));

    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    agent.wait_for_verdict(sender_pod.name, safe.name + ":80", "deny");
    Tap armed(receiver.netns);
    Tap host_armed(net.node(kNodeA).netns, veth_of(agent, sender_pod), kExperimental);
    for (const Oddity& each : all)
        sender.send(each.packet.bytes());
    sender.send(alien);
    sender.send(sender.frame().ip(sender_pod.ip4.text(), receiver.ip4.text()).udp(1, 2).payload(text("last;")).bytes());
    REQUIRE(armed.sees("last;", 1, after(2s)));
    for (const Oddity& each : all) {
        INFO(each.what);
        CHECK(armed.count(each.marker) == (each.falls_when_armed ? 0 : 1));
    }
    CHECK(host_armed.count("an-alien;") == 0);
}

} // namespace
} // namespace bulkhead::test
