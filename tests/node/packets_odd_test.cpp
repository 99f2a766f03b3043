// SPDX-License-Identifier: Apache-2.0
//
// Odd, hostile and broken packets as real frames between pods: put on the wire by AF_PACKET in one pod, looked for at
// the other's interface. What the programs say of many more of them is in tests/bpf/packets_*_test.cpp.
#include <catch2/generators/catch_generators_range.hpp>

#include "packets_support.h"

namespace bulkhead::test {
namespace {

/// What follows the IP header's addresses. A marker that tells it from all others comes last.
using Rest = std::function<Packet(Packet)>;

struct Odd {
    const char* what;
    uint8_t family;
    Rest rest;
    bool opened; // gets to a Protected pod that exposes the two ports
};

/// Each that is let through stands beside its near miss.
std::vector<Odd> odd_packets() {
    const auto v4 = BH_IPV4, v6 = BH_IPV6;
    return {
        {"a datagram", v4, [](Packet p) { return p.udp(1000, kOpened); }, true},
        {"... to the port beside", v4, [](Packet p) { return p.udp(1000, kShut); }, false},
        {"a datagram over IPv6", v6, [](Packet p) { return p.udp(1000, kOpened); }, true},
        {"... to the port beside", v6, [](Packet p) { return p.udp(1000, kShut); }, false},
        {"IPv4 options", v4, [](Packet p) { return p.options(40).udp(1001, kOpened); }, true},
        {"... to the port beside", v4, [](Packet p) { return p.options(40).udp(1001, kShut); }, false},
        {"hop-by-hop options", v6, [](Packet p) { return p.hop_by_hop().udp(1002, kOpened); }, true},
        {"... to the port beside", v6, [](Packet p) { return p.hop_by_hop().udp(1002, kShut); }, false},
        {"destination options and AH", v6,
         [](Packet p) { return p.destination_options(24).authentication().tcp(1003, kOpenedTcp, kSyn); }, true},
        {"... to the port beside", v6,
         [](Packet p) { return p.destination_options(24).authentication().tcp(1003, kShutTcp, kSyn); }, false},
        {"eight extension headers", v6,
         [](Packet p) {
             for (int i = 0; i < 8; ++i)
                 p.destination_options();
             return p.udp(1004, kOpened);
         },
         true},
        {"nine", v6,
         [](Packet p) {
             for (int i = 0; i < 9; ++i)
                 p.destination_options();
             return p.udp(1004, kOpened);
         },
         false},
        {"a first fragment", v4, [](Packet p) { return p.fragment(0, kMoreFragments, 7).udp(1005, kOpened); }, true},
        {"the rest of it", v4, [](Packet p) { return p.fragment(64, kLastFragment, 7).protocol(BH_UDP); }, true},
        {"the rest of something that never began", v4,
         [](Packet p) { return p.fragment(64, kLastFragment, 8).protocol(BH_UDP); }, false},
        {"a first fragment to the port beside", v4,
         [](Packet p) { return p.fragment(0, kMoreFragments, 9).udp(1005, kShut); }, false},
        {"the rest of it", v4, [](Packet p) { return p.fragment(64, kLastFragment, 9).protocol(BH_UDP); }, false},
        {"a first fragment over IPv6", v6, [](Packet p) { return p.fragment(0, kMoreFragments, 7).udp(1005, kOpened); },
         true},
        {"the rest of it", v6, [](Packet p) { return p.fragment(64, kLastFragment, 7).protocol(BH_UDP); }, true},
        {"the rest of something that never began", v6,
         [](Packet p) { return p.fragment(64, kLastFragment, 8).protocol(BH_UDP); }, false},
        {"a second fragment inside the TCP header", v4,
         [](Packet p) { return p.fragment(8, kLastFragment, 10).protocol(BH_TCP); }, false},
        {"a TCP header of five words", v4, [](Packet p) { return p.tcp(1006, kOpenedTcp, kSyn); }, true},
        {"... that says four", v4, [](Packet p) { return p.tcp(1006, kOpenedTcp, kSyn).claim_header_words(4); }, false},
        {"SCTP to the port that is exposed for UDP", v4, [](Packet p) { return p.sctp(1007, kOpened); }, false},
        {"UDP-Lite to it", v4, [](Packet p) { return p.protocol(136).udp(1008, kOpened); }, false},
        {"GRE", v4, [](Packet p) { return p.protocol(47); }, false},
        {"ESP", v6, [](Packet p) { return p.protocol(50); }, false},
        {"the port inside another IP packet", v4,
         [](Packet p) { return p.ipv4("10.0.1.30", "10.0.1.20").udp(1009, kOpened); }, false},
        {"a protocol that nobody knows", v6, [](Packet p) { return p.protocol(253); }, false},
        {"an ACK to the exposed port", v6, [](Packet p) { return p.tcp(1010, kOpenedTcp, kAck); }, true},
        {"... to the port beside", v6, [](Packet p) { return p.tcp(1010, kShutTcp, kAck); }, false},
        {"all TCP flags at once", v4, [](Packet p) { return p.tcp(1011, kShutTcp, 0xff); }, false},
        {"no TCP flag", v4, [](Packet p) { return p.tcp(1011, kShutTcp, 0); }, false},
    };
}

/// A whole frame from `from` to `to`, but for the marker.
struct Forbidden {
    const char* what;
    std::function<Packet(Packet frame, const Place& from, const Place& to)> build;
    bool passes;
};

/// What a pod must not send to anybody, beside what it may.
std::vector<Forbidden> sent_packets() {
    return {
        {"as itself",
         [](Packet p, const Place& from, const Place& to) { return p.ip(from.ip4.text(), to.ip4.text()).udp(1, 9); },
         true},
        {"as its neighbour",
         [](Packet p, const Place&, const Place& to) { return p.ip("10.0.1.20", to.ip4.text()).udp(1, 9); }, false},
        {"as its node",
         [](Packet p, const Place&, const Place& to) { return p.ip("10.0.1.1", to.ip4.text()).udp(1, 9); }, false},
        {"as a pod of another node",
         [](Packet p, const Place&, const Place& to) { return p.ip("10.0.2.30", to.ip4.text()).udp(1, 9); }, false},
        {"as who it talks to",
         [](Packet p, const Place&, const Place& to) { return p.ip(to.ip4.text(), to.ip4.text()).udp(1, 9); }, false},
        {"as somebody outside",
         [](Packet p, const Place&, const Place& to) { return p.ip("192.0.2.1", to.ip4.text()).udp(1, 9); }, false},
        {"as itself over IPv6",
         [](Packet p, const Place& from, const Place& to) { return p.ip(from.ip6.text(), to.ip6.text()).udp(1, 9); },
         true},
        {"as its neighbour over IPv6",
         [](Packet p, const Place&, const Place& to) { return p.ip("fd00:10:0:1::20", to.ip6.text()).udp(1, 9); },
         false},
        {"as an address of its link to a pod",
         [](Packet p, const Place&, const Place& to) { return p.ip("fe80::20", to.ip6.text()).udp(1, 9); }, false},
        // The kernel takes one such tag off before it asks anybody: what is below is judged.
        {"below a tag of VLAN 0",
         [](Packet p, const Place& from, const Place& to) {
             return p.vlan(0).ip(from.ip4.text(), to.ip4.text()).udp(1, 9);
         },
         true},
        {"below it as its neighbour",
         [](Packet p, const Place&, const Place& to) { return p.vlan(0).ip("10.0.1.20", to.ip4.text()).udp(1, 9); },
         false},
        {"below a tag of VLAN 1",
         [](Packet p, const Place& from, const Place& to) {
             return p.vlan(1).ip(from.ip4.text(), to.ip4.text()).udp(1, 9);
         },
         false},
        {"below two",
         [](Packet p, const Place& from, const Place& to) {
             return p.vlan(0, kServiceVlan).vlan(0).ip(from.ip4.text(), to.ip4.text()).udp(1, 9);
         },
         false},
        {"a ping",
         [](Packet p, const Place& from, const Place& to) {
             return p.ip(from.ip4.text(), to.ip4.text()).echo_request(1);
         },
         true},
        {"a redirect",
         [](Packet p, const Place& from, const Place& to) { return p.ip(from.ip4.text(), to.ip4.text()).icmp(5, 1); },
         false},
        {"a redirect over IPv6",
         [](Packet p, const Place& from, const Place& to) { return p.ip(from.ip6.text(), to.ip6.text()).icmp(137, 0); },
         false},
        {"a router's advertisement",
         [](Packet p, const Place& from, const Place& to) { return p.ip(from.ip6.text(), to.ip6.text()).icmp(134, 0); },
         false},
        {"an error about what it was sent",
         [](Packet p, const Place& from, const Place& to) {
             return p.ip(from.ip4.text(), to.ip4.text())
                 .port_unreachable()
                 .quoting(packet().eth().ip(to.ip4.text(), from.ip4.text()).udp(1, 9));
         },
         true},
        {"an error about what somebody else was sent",
         [](Packet p, const Place& from, const Place& to) {
             return p.ip(from.ip4.text(), to.ip4.text())
                 .port_unreachable()
                 .quoting(packet().eth().ip(to.ip4.text(), "10.0.1.20").tcp(1, 9, kAck));
         },
         false},
    };
}

/// Sends all of them, and afterwards one that arrives, after which those before it have arrived or never will.
class Volley {
public:
    Volley(const Place& from, const Place& to) : sender_(from), tap_(to.netns), from_(from), to_(to) {}

    void fire(const std::vector<Odd>& packets) {
        const OneCpu in_order;
        for (size_t i = 0; i < packets.size(); ++i)
            sender_.send(frame(packets[i].family, packets[i].rest, marker(i)));
        finish();
    }
    void fire(const std::vector<Forbidden>& packets) {
        const OneCpu in_order;
        for (size_t i = 0; i < packets.size(); ++i)
            sender_.send(packets[i].build(sender_.frame(), from_, to_).payload(bytes_of(marker(i))).bytes());
        finish();
    }
    bool arrived(size_t index) { return tap_.count(marker(index)) > 0; }

private:
    static std::string marker(size_t index) { return "odd-packet-" + std::to_string(index) + "!"; }
    static Bytes bytes_of(const std::string& marker) { return {marker.begin(), marker.end()}; }

    void finish() {
        sender_.send(frame(
            BH_IPV4, [](Packet p) { return p.udp(1, kOpened); }, "the-last-one!"));
        CHECK(tap_.sees("the-last-one!", 1, after(10s)));
    }

    Bytes frame(uint8_t family, const Rest& rest, const std::string& marker) const {
        auto packet = sender_.frame().ip(from_.address(family).text(), to_.address(family).text());
        return rest(packet).payload(bytes_of(marker)).bytes();
    }

    FrameSender sender_;
    Tap tap_;
    const Place& from_;
    const Place& to_;
};

TEST_CASE("whatever a packet looks like, a protected pod gets only what is exposed, and an open one gets all") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Fortress fortress;
    const auto agent = AgentProcess::start(fortress.net, fortress.net.node(kNodeA), {.attach = attach});
    const auto packets = odd_packets();
    for (const Place* stranger : {&fortress.near, &fortress.far}) {
        Volley at_safe(*stranger, fortress.safe);
        Volley at_open(*stranger, fortress.open);
        at_safe.fire(packets);
        at_open.fire(packets);
        for (size_t i = 0; i < packets.size(); ++i) {
            INFO(packets[i].what << " over IPv" << int{packets[i].family} << " from " << stranger->name);
            CHECK(at_safe.arrived(i) == packets[i].opened);
            CHECK(at_open.arrived(i));
        }
    }
}

TEST_CASE("what a pod must not send reaches nobody, open as they may be") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Fortress fortress;
    const auto agent = AgentProcess::start(fortress.net, fortress.net.node(kNodeA), {.attach = attach});
    const auto packets = sent_packets();
    for (const Place* receiver : {&fortress.open, &fortress.far}) {
        Volley volley(fortress.near, *receiver);
        volley.fire(packets);
        for (size_t i = 0; i < packets.size(); ++i) {
            INFO(packets[i].what << " to " << receiver->name);
            CHECK(volley.arrived(i) == packets[i].passes);
        }
    }
}

} // namespace
} // namespace bulkhead::test
