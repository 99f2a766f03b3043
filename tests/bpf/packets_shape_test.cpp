// SPDX-License-Identifier: Apache-2.0
//
// Headers in every shape: what can be told is judged, what can't be told is refused by Protected pods with
// a reason of its own, and never by open ones.
#include <catch2/generators/catch_generators.hpp>

#include "bpf/packets_table.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

/// To ledger's exposed port, from afar.
Packet chain(int extensions, uint16_t port = 8443) {
    auto out = ip("fd00:2::1", "fd00:1::2");
    for (int i = 0; i < extensions; ++i)
        out.destination_options();
    return out.tcp(40000, port, kSyn);
}

} // namespace

TEST_CASE("IPv6 extension headers are walked to the port behind them, as far as they may go") {
    const Wire wire(shared_machine());
    const auto v6 = [](const char* dst = "fd00:1::2") { return ip("fd00:2::1", dst); };
    check_rows(
        wire,
        {
            {"hop-by-hop", to(kLedger), v6().hop_by_hop().tcp(1, 8443, kSyn), BH_REASON_EXPOSED},
            {"hop-by-hop, other port", to(kLedger), v6().hop_by_hop().tcp(1, 8444, kSyn), BH_REASON_NOT_GRANTED},
            {"routing", to(kLedger), v6().routing().tcp(2, 8443, kSyn), BH_REASON_EXPOSED},
            {"destination options of 256 bytes", to(kLedger), v6().destination_options(256).tcp(3, 8443, kSyn),
             BH_REASON_EXPOSED},
            {"authentication", to(kLedger), v6().authentication().tcp(4, 8443, kSyn), BH_REASON_EXPOSED},
            {"authentication, other port", to(kLedger), v6().authentication().tcp(4, 22, kSyn), BH_REASON_NOT_GRANTED},
            {"authentication of 4-byte units", to(kLedger), v6().authentication(32).udp(4, 5300), BH_REASON_EXPOSED},
            {"a fragment that is the whole", to(kLedger), v6().fragment(0, kLastFragment).udp(5, 5300),
             BH_REASON_EXPOSED},
            {"eight", to(kLedger), chain(8), BH_REASON_EXPOSED},
            {"eight, other port", to(kLedger), chain(8, 22), BH_REASON_NOT_GRANTED},
            {"nine", to(kLedger), chain(9), BH_REASON_EXTENSIONS},
            {"more bytes than are read", to(kLedger), v6().destination_options(1024).tcp(6, 8443, kSyn),
             BH_REASON_MALFORMED},
            {"a header that claims more than there is", to(kLedger),
             v6().destination_options().poke(1, 40).tcp(7, 8443, kSyn), BH_REASON_MALFORMED},
            {"nine, to an open pod", to(kWeb),
             ip("fd00:2::1", "fd00:1::1")
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .destination_options()
                 .tcp(1, 80, kSyn),
             BH_REASON_OPEN},
            {"no next header", to(kLedger), v6().protocol(59), BH_REASON_NOT_GRANTED},
        });
}

TEST_CASE("packets that lie are refused by Protected pods, and pass to open ones") {
    const Wire wire(shared_machine());
    const auto v4 = [](const char* dst) { return packet().eth().ipv4("10.0.2.1", dst); };
    struct Lie {
        const char* description;
        Packet (*tell)(Packet);
        bh_reason of_ledger;
    };
    const Lie lies[] = {
        {"TCP cut at 19 bytes", [](Packet p) { return p.tcp(1, 8443, kSyn).truncate(14 + 20 + 19); },
         BH_REASON_MALFORMED},
        {"TCP whole", [](Packet p) { return p.tcp(1, 8443, kSyn); }, BH_REASON_EXPOSED},
        {"TCP header of four words", [](Packet p) { return p.tcp(2, 8443, kSyn).claim_header_words(4); },
         BH_REASON_MALFORMED},
        {"TCP header of five words and options", [](Packet p) { return p.tcp(3, 8443, kSyn).options(8); },
         BH_REASON_EXPOSED},
        {"UDP cut at 7 bytes", [](Packet p) { return p.udp(1, 5300).truncate(14 + 20 + 7); }, BH_REASON_MALFORMED},
        {"UDP whole", [](Packet p) { return p.udp(1, 5300); }, BH_REASON_EXPOSED},
        {"ICMP cut at 7 bytes", [](Packet p) { return p.echo_request(1).truncate(14 + 20 + 7); }, BH_REASON_MALFORMED},
        {"SCTP cut behind its ports", [](Packet p) { return p.sctp(1, 8443).truncate(14 + 20 + 8); },
         BH_REASON_MALFORMED},
        {"SCTP cut in its first chunk's header", [](Packet p) { return p.sctp(1, 8443).truncate(14 + 20 + 15); },
         BH_REASON_MALFORMED},
        {"SCTP cut behind that", [](Packet p) { return p.sctp(1, 8443).truncate(14 + 20 + 16); },
         BH_REASON_NOT_GRANTED},
        {"IPv4 options", [](Packet p) { return p.options(40).tcp(4, 8443, kSyn); }, BH_REASON_EXPOSED},
        {"IPv4 options, other port", [](Packet p) { return p.options(40).tcp(4, 8444, kSyn); }, BH_REASON_NOT_GRANTED},
        {"IPv4 header that ends in the options",
         [](Packet p) { return p.options(40).tcp(5, 8443, kSyn).truncate(14 + 40); }, BH_REASON_MALFORMED},
        {"nothing but IPv4", [](Packet p) { return p.protocol(BH_TCP); }, BH_REASON_MALFORMED},
    };
    for (const Lie& lie : lies) {
        check_row(wire, {lie.description, to(kLedger), lie.tell(v4("10.0.1.2")), lie.of_ledger});
        check_row(wire, {lie.description, to(kWeb), lie.tell(v4("10.0.1.1")), BH_REASON_OPEN});
    }
}

TEST_CASE("protocols without ports are judged by who sends them alone") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const uint8_t protocol = GENERATE(uint8_t{2}, uint8_t{4}, uint8_t{41}, uint8_t{47}, uint8_t{50}, uint8_t{253});
    INFO("protocol " << int{protocol});
    const Wire wire(shared_machine());
    const auto from = [&](const std::string& src) {
        return ip(src, family.at(wire.stage, kLedger)).protocol(protocol).payload(32);
    };
    const auto far = family.at(wire.stage, kFar), ledger = family.at(wire.stage, kLedger);
    check_rows(wire, {
                         {"from the tenant", to(kLedger), from(family.at(wire.stage, kRemote)), BH_REASON_SAME_TENANT},
                         {"from another", to(kLedger), from(far), BH_REASON_NOT_GRANTED},
                         {"from nobody", to(kLedger), from(family.stranger()), BH_REASON_NOT_GRANTED},
                         {"asked for", sent_by(kLedger), ip(ledger, far).protocol(protocol).payload(32), kLeft},
                         {"... comes back", to(kLedger), from(far), BH_REASON_REPLY},
                         {"... from that one", to(kLedger), from(family.stranger()), BH_REASON_NOT_GRANTED},
                         {"... in that protocol", to(kLedger), ip(far, ledger).protocol(254).payload(32),
                          BH_REASON_NOT_GRANTED},
                     });
}

TEST_CASE("an IPv4 address within IPv6 is nobody's") {
    const Wire wire(shared_machine());
    constexpr size_t kSource = 8, kDestination = 24;                                   // in an IPv6 header
    const auto with_mapped = [](Packet header, size_t at, std::array<uint8_t, 4> ip) { // ::ffff:a.b.c.d
        header.poke(at + 10, 0xff).poke(at + 11, 0xff);
        for (size_t i = 0; i < ip.size(); ++i)
            header.poke(at + 12 + i, ip[i]);
        return header;
    };
    const auto inner = ip("fd00:2::2", "fd00:1::2").udp(1, 9).bytes_from_ip();
    check_rows(
        wire,
        {
            {"the tenant's own", to(kLedger), ip("fd00:2::2", "fd00:1::2").udp(1, 9), BH_REASON_SAME_TENANT},
            {"... as a mapped address", to(kLedger),
             with_mapped(ip("::", "fd00:1::2"), kSource, {10, 0, 2, 2}).udp(1, 9), BH_REASON_NOT_GRANTED},
            {"... as a compatible one", to(kLedger), ip("::a00:202", "fd00:1::2").udp(1, 9), BH_REASON_NOT_GRANTED},
            {"a pod's own, mapped", sent_by(kWeb), with_mapped(ip("::", "fd00:2::1"), kSource, {10, 0, 1, 1}).udp(1, 2),
             BH_REASON_SPOOFED},
            {"a resource's, mapped", off_node(kWeb),
             with_mapped(ip("fd00:1::1", "::"), kDestination, {10, 0, 200, 10}).udp(1, 5432), BH_REASON_OPEN},
            {"within 6in4", to(kLedger), ip("10.0.2.1", "10.0.1.2").protocol(41).payload(inner), BH_REASON_NOT_GRANTED},
        });
}

TEST_CASE("exposing TCP exposes no other protocol with that port") {
    const Wire wire(shared_machine());
    const auto far = [] { return ip("10.0.2.1", "10.0.1.2"); };
    check_rows(wire, {
                         {"TCP", to(kLedger), far().tcp(1, 8443, kSyn), BH_REASON_EXPOSED},
                         {"UDP", to(kLedger), far().udp(1, 8443), BH_REASON_NOT_GRANTED},
                         {"SCTP", to(kLedger), far().sctp(1, 8443), BH_REASON_NOT_GRANTED},
                         {"DCCP", to(kLedger), far().protocol(33).payload(Bytes{0, 1, 0x20, 0xfb, 0, 0, 0, 0}),
                          BH_REASON_NOT_GRANTED},
                         {"UDP-Lite", to(kLedger), far().protocol(136).payload(Bytes{0, 1, 0x20, 0xfb, 0, 0, 0, 0}),
                          BH_REASON_NOT_GRANTED},
                         {"ICMPv6 over IPv4", to(kLedger), far().protocol(BH_ICMPV6).payload(8), BH_REASON_NOT_GRANTED},
                     });
}

TEST_CASE("IPv4 without a total length is more than 64 KiB at once (BIG TCP), and judged by its ports") {
    const Wire wire(shared_machine());
    const auto out = [](uint16_t length) {
        return packet().eth().ipv4("10.0.1.1", "10.0.1.2").claim_length(length).tcp(1, 8443, kAck).payload(1400);
    };
    const auto in = [](uint16_t length, uint16_t port) {
        return packet().eth().ipv4("10.0.2.1", "10.0.1.2").claim_length(length).tcp(1, port, kAck).payload(1400);
    };
    const auto off = [](const char* dst) {
        return packet().eth().ipv4("10.0.1.1", dst).claim_length(0).tcp(1, 5432, kAck).payload(1400);
    };
    check_rows(wire, {
                         {"sent", sent_by(kWeb), out(0), kLeft},
                         {"of 19 bytes", sent_by(kWeb), out(19), BH_REASON_MALFORMED},
                         {"to the exposed port", to(kLedger), in(0, 8443), BH_REASON_EXPOSED},
                         {"to the port beside", to(kLedger), in(0, 8444), BH_REASON_NOT_GRANTED},
                         {"of 19 bytes", to(kLedger), in(19, 8443), BH_REASON_MALFORMED},
                         {"to a Protected resource", off_node(kWeb), off("10.0.200.10"), BH_REASON_NOT_GRANTED},
                         {"beside it", off_node(kWeb), off("10.0.200.11"), BH_REASON_OPEN},
                     });
}
