// SPDX-License-Identifier: Apache-2.0
//
// What a pod may send at all: as itself, IP or ARP, no router's messages, errors only about what it got.
#include <catch2/generators/catch_generators.hpp>

#include "bpf/packets_table.h"

using namespace bulkhead;
using namespace bulkhead::test;

TEST_CASE("a pod sends from its own addresses only") {
    const Wire wire(shared_machine());
    check_rows(
        wire,
        {
            {"its own v4", sent_by(kWeb), ip("10.0.1.1", "10.0.2.1").udp(1, 2), kLeft},
            {"one bit of v4 off", sent_by(kWeb), ip("10.0.1.0", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"a neighbour's v4", sent_by(kWeb), ip("10.0.1.2", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"the node's v4", sent_by(kWeb), ip("10.0.0.1", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"unspecified v4 (DHCP)", sent_by(kWeb), ip("0.0.0.0", "255.255.255.255").udp(68, 67), BH_REASON_SPOOFED},
            {"link-local v4", sent_by(kWeb), ip("169.254.7.127", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"loopback v4", sent_by(kWeb), ip("127.0.0.1", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"multicast v4", sent_by(kWeb), ip("224.0.0.1", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"its own v6", sent_by(kWeb), ip("fd00:1::1", "fd00:2::1").udp(1, 2), kLeft},
            {"one bit of v6 off", sent_by(kWeb), ip("fd00:1::", "fd00:2::1").udp(1, 2), BH_REASON_SPOOFED},
            {"a neighbour's v6", sent_by(kWeb), ip("fd00:1::2", "fd00:2::1").udp(1, 2), BH_REASON_SPOOFED},
            {"link-local v6 to its gateway", sent_by(kWeb), ip("fe80::1:1", "fe80::1").echo_request(1), kLeft},
            {"link-local v6 to all routers", sent_by(kWeb), ip("fe80::1:1", "ff02::2").icmp(133, 0), kLeft},
            {"link-local v6 to a pod", sent_by(kWeb), ip("fe80::1:1", "fd00:1::2").udp(1, 2), BH_REASON_SPOOFED},
            {"unspecified v6 for address detection", sent_by(kWeb), ip("::", "ff02::1:ff00:1").icmp(135, 0), kLeft},
            {"unspecified v6 to a pod", sent_by(kWeb), ip("::", "fd00:1::2").udp(1, 2), BH_REASON_SPOOFED},
            {"multicast v6", sent_by(kWeb), ip("ff02::1", "fd00:2::1").udp(1, 2), BH_REASON_SPOOFED},
        });
}

TEST_CASE("a pod that routes for others sends from any address, and nothing else is forgiven it") {
    Wire wire(shared_machine());
    auto router = batch_tenant(false);
    router.source_check = false;
    wire.stage.put(router);
    wire.show();
    check_rows(
        wire,
        {
            {"a client's v4", sent_by(kJob), ip("192.0.2.7", "10.0.2.1").udp(1, 2), kLeft},
            {"a client's v6", sent_by(kJob), ip("2001:db8::7", "fd00:2::1").udp(1, 2), kLeft},
            {"another tenant's pod", sent_by(kWeb), ip("192.0.2.7", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
            {"who it is the device says", to(kLedger, kJob), ip("10.0.2.2", "10.0.1.2").udp(1, 2), BH_REASON_CONFINED},
            {"a redirect", sent_by(kJob), ip("192.0.2.7", "10.0.2.1").icmp(5, 1), BH_REASON_ROUTER_ICMP},
            {"MPLS", sent_by(kJob), packet().eth().ethertype(0x8847).payload(40), BH_REASON_ETHERTYPE},
        });
}

TEST_CASE("a pod speaks IPv4, IPv6 and ARP, and nothing else") {
    const Wire wire(shared_machine());
    const auto whole = [] { return ip("10.0.1.1", "10.0.2.1").udp(1, 2); };
    check_rows(
        wire, {
                  {"ARP request", sent_by(kWeb), packet().eth().arp_request("10.0.1.1", "169.254.1.1"), kLeft},
                  {"ARP reply", sent_by(kWeb), packet().eth().arp_reply("10.0.1.1", "10.0.0.1"), kLeft},
                  {"VLAN 0 below another tag", sent_by(kWeb),
                   packet().eth().vlan(0).ip("10.0.1.1", "10.0.2.1").udp(1, 2), BH_REASON_ETHERTYPE},
                  {"a provider's tag", sent_by(kWeb),
                   packet().eth().vlan(0, kServiceVlan).ip("10.0.1.1", "10.0.2.1").udp(1, 2), BH_REASON_ETHERTYPE},
                  {"MPLS", sent_by(kWeb), packet().eth().ethertype(0x8847).payload(40), BH_REASON_ETHERTYPE},
                  {"802.3 with a length", sent_by(kWeb), packet().eth().ethertype(40).payload(40), BH_REASON_ETHERTYPE},
                  {"PPPoE", sent_by(kWeb), packet().eth().ethertype(0x8864).payload(40), BH_REASON_ETHERTYPE},
                  {"LLDP", sent_by(kWeb), packet().eth().ethertype(0x88cc).payload(40), BH_REASON_ETHERTYPE},
                  {"IPv4 that says 6", sent_by(kWeb),
                   packet().eth().ipv4("10.0.1.1", "10.0.2.1").claim_version(6).udp(1, 2), BH_REASON_MALFORMED},
                  {"IPv6 under IPv4's ethertype", sent_by(kWeb),
                   packet().eth().ethertype(0x0800).ipv6("fd00:1::1", "fd00:2::1").udp(1, 2), BH_REASON_MALFORMED},
                  {"IPv4 cut after it", sent_by(kWeb), whole().truncate(14 + 20), kLeft},
                  {"IPv4 with half a header", sent_by(kWeb),
                   packet().eth().ipv4("10.0.1.1", "10.0.2.1").claim_header_words(4).udp(1, 2), BH_REASON_MALFORMED},
                  {"IPv4 shorter than its header", sent_by(kWeb),
                   packet().eth().ipv4("10.0.1.1", "10.0.2.1").claim_length(19).udp(1, 2), BH_REASON_MALFORMED},
              });
}

TEST_CASE("a pod is no router") {
    const Wire wire(shared_machine());
    check_rows(
        wire,
        {
            {"ICMP redirect", sent_by(kWeb), ip("10.0.1.1", "10.0.1.2").icmp(5, 1), BH_REASON_ROUTER_ICMP},
            {"ICMP router advertisement", sent_by(kWeb), ip("10.0.1.1", "10.0.1.2").icmp(9, 0), BH_REASON_ROUTER_ICMP},
            {"ICMP router solicitation", sent_by(kWeb), ip("10.0.1.1", "10.0.1.2").icmp(10, 0), kLeft},
            {"ICMPv6 router advertisement", sent_by(kWeb), ip("fe80::1:1", "ff02::1").icmp(134, 0),
             BH_REASON_ROUTER_ICMP},
            {"ICMPv6 redirect", sent_by(kWeb), ip("fe80::1:1", "fe80::1").icmp(137, 0), BH_REASON_ROUTER_ICMP},
            {"... behind destination options", sent_by(kWeb),
             ip("fe80::1:1", "fe80::1").destination_options().icmp(134, 0), BH_REASON_ROUTER_ICMP},
            {"ICMPv6 neighbour advertisement", sent_by(kWeb), ip("fe80::1:1", "ff02::1").icmp(136, 0), kLeft},
            {"ICMPv6's type 5 is an error", sent_by(kWeb), ip("fd00:1::1", "fd00:2::1").icmp(5, 0),
             BH_REASON_UNRELATED},
        });
}

TEST_CASE("a pod complains only about packets that were sent to it") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto web = family.at(wire.stage, kWeb), ledger = family.at(wire.stage, kLedger);
    const auto far = family.at(wire.stage, kFar), vault = family.vault();
    const auto complaint = [&](const Packet& about, size_t quoted = 576) {
        return ip(web, ledger).port_unreachable().quoting(about, quoted);
    };
    const size_t header = family.family == BH_IPV4 ? 20 : 40;
    check_rows(wire,
               {
                   {"what it got", sent_by(kWeb), complaint(ip(ledger, web).udp(53, 9)), kLeft},
                   {"... quoted to the eighth byte of transport", sent_by(kWeb),
                    complaint(ip(ledger, web).tcp(53, 9, kSyn), header + 8), kLeft},
                   {"... to the seventh", sent_by(kWeb), complaint(ip(ledger, web).tcp(53, 9, kSyn), header + 7),
                    BH_REASON_UNRELATED},
                   {"what another got", sent_by(kWeb), complaint(ip(ledger, far).udp(53, 9)), BH_REASON_UNRELATED},
                   {"what the accused talks to a resource about", sent_by(kWeb),
                    complaint(ip(ledger, vault).tcp(1, 5432, kAck)), BH_REASON_UNRELATED},
                   {"what itself sent", sent_by(kWeb), complaint(ip(web, ledger).udp(53, 9)), BH_REASON_UNRELATED},
                   {"nothing", sent_by(kWeb), ip(web, ledger).port_unreachable(), BH_REASON_UNRELATED},
                   {"junk", sent_by(kWeb), ip(web, ledger).port_unreachable().payload(64), BH_REASON_UNRELATED},
                   {"a complaint that isn't from its own address", sent_by(kWeb),
                    ip(far, ledger).port_unreachable().quoting(ip(ledger, far).udp(53, 9)), BH_REASON_SPOOFED},
               });
}

TEST_CASE("a pod asks and answers by ARP in its own name only") {
    Wire wire(shared_machine());
    auto router = batch_tenant(false);
    router.source_check = false;
    wire.stage.put(router);
    wire.show();
    const auto ask = [](const char* as, const char* whom) { return packet().eth().arp_request(as, whom); };
    const auto answer = [](const char* as, const char* whom) { return packet().eth().arp_reply(as, whom); };
    check_rows(
        wire, {
                  {"its own", sent_by(kWeb), ask("10.0.1.1", "10.0.0.1"), kLeft},
                  {"one bit off", sent_by(kWeb), ask("10.0.1.0", "10.0.0.1"), BH_REASON_SPOOFED},
                  {"nobody yet (RFC 5227)", sent_by(kWeb), ask("0.0.0.0", "10.0.1.1"), kLeft},
                  {"a neighbour", sent_by(kWeb), ask("10.0.1.2", "10.0.0.1"), BH_REASON_SPOOFED},
                  {"its node", sent_by(kWeb), ask("10.0.0.1", "10.0.1.2"), BH_REASON_SPOOFED},
                  {"an invented name", sent_by(kWeb), ask("10.77.0.1", "10.0.0.1"), BH_REASON_SPOOFED},
                  {"its own answer", sent_by(kWeb), answer("10.0.1.1", "10.0.0.1"), kLeft},
                  {"an answer in a neighbour's name", sent_by(kWeb), answer("10.0.1.2", "10.0.0.1"), BH_REASON_SPOOFED},
                  {"its announcement", sent_by(kWeb), ask("10.0.1.1", "10.0.1.1"), kLeft},
                  {"a neighbour's announcement", sent_by(kWeb), ask("10.0.1.2", "10.0.1.2"), BH_REASON_SPOOFED},
                  {"who routes for others, as one of them", sent_by(kJob), ask("192.0.2.7", "10.0.0.1"), kLeft},
                  {"a pod that nobody knows yet", sent_by(kUnknownVeth), ask("10.0.1.77", "10.0.0.1"), kLeft},
              });
}

TEST_CASE("a pod that routes for others tells senders of errors in what it routed, and no other pod does") {
    Wire wire(shared_machine());
    auto router = batch_tenant(false);
    router.confined = false;
    router.source_check = false;
    wire.stage.put(router);
    wire.show();
    const auto routed = ip("10.0.2.1", "192.0.2.7").udp(40000, 53).payload(1400);
    const auto routed6 = ip("fd00:2::1", "2001:db8::7").udp(40000, 53).payload(1400);
    const auto too_large = [&](const char* from) { return ip(from, "10.0.2.1").icmp(3, 4, 1380).quoting(routed); };
    const auto too_large6 = [&](const char* from) { return ip(from, "fd00:2::1").icmp(2, 0, 1380).quoting(routed6); };
    const auto expired = [&](const char* from) { return ip(from, "10.0.2.1").icmp(11, 0).quoting(routed); };
    check_rows(wire, {
                         {"too large", sent_by(kJob), too_large("10.0.1.3"), kLeft},
                         {"... says an ordinary pod", sent_by(kWeb), too_large("10.0.1.1"), BH_REASON_UNRELATED},
                         {"too large, IPv6", sent_by(kJob), too_large6("fd00:1::3"), kLeft},
                         {"... says an ordinary pod", sent_by(kWeb), too_large6("fd00:1::1"), BH_REASON_UNRELATED},
                         {"too many hops", sent_by(kJob), expired("10.0.1.3"), kLeft},
                         {"... says an ordinary pod", sent_by(kWeb), expired("10.0.1.1"), BH_REASON_UNRELATED},
                         {"a client of its own has no such port", sent_by(kJob),
                          ip("192.0.2.7", "10.0.2.1").port_unreachable().quoting(routed), kLeft},
                         {"... of an ordinary pod's", sent_by(kWeb),
                          ip("192.0.2.7", "10.0.2.1").port_unreachable().quoting(routed), BH_REASON_SPOOFED},
                         {"an error about nothing", sent_by(kJob), ip("10.0.1.3", "10.0.2.1").icmp(3, 4, 1380),
                          BH_REASON_UNRELATED},
                     });
}
