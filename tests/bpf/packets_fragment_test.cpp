// SPDX-License-Identifier: Apache-2.0
//
// Fragments: only the first carries ports, and it speaks for the rest of its packet.
#include <catch2/generators/catch_generators.hpp>

#include "bpf/packets_table.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

/// IP and fragment headers; the same call for both families.
Packet piece(const std::string& src, const std::string& dst, uint16_t offset, bool more, uint32_t id) {
    return ip(src, dst).fragment(offset, more, id);
}

} // namespace

TEST_CASE("later fragments go the way of their first") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto far = family.at(wire.stage, kFar), ledger = family.at(wire.stage, kLedger);
    const auto rest = [&](const std::string& src, uint32_t id, uint8_t protocol = BH_UDP) {
        return piece(src, ledger, 1024, kLastFragment, id).protocol(protocol).payload(100);
    };
    const auto first = [&](uint16_t port, uint32_t id) {
        return piece(far, ledger, 0, kMoreFragments, id).udp(9, port).payload(1016);
    };
    check_rows(wire, {
                         {"a rest without a first", to(kLedger), rest(far, 7), BH_REASON_NOT_GRANTED},
                         {"a first to the exposed port", to(kLedger), first(5300, 7), BH_REASON_EXPOSED},
                         {"its rest", to(kLedger), rest(far, 7), BH_REASON_EXPOSED},
                         {"another packet's rest", to(kLedger), rest(far, 8), BH_REASON_NOT_GRANTED},
                         {"another sender's rest", to(kLedger), rest(family.stranger(), 7), BH_REASON_NOT_GRANTED},
                         {"a first to another port", to(kLedger), first(5301, 9), BH_REASON_NOT_GRANTED},
                         {"its rest", to(kLedger), rest(far, 9), BH_REASON_NOT_GRANTED},
                         {"a rest without a first, to an open pod", to(kWeb),
                          piece(far, family.at(wire.stage, kWeb), 1024, kLastFragment, 7).protocol(BH_UDP).payload(100),
                          BH_REASON_OPEN},
                     });
}

TEST_CASE("an answer in fragments comes back whole, whatever its protocol") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto far = family.at(wire.stage, kFar), ledger = family.at(wire.stage, kLedger);
    const uint8_t icmp = family.family == BH_IPV4 ? BH_ICMP : BH_ICMPV6;
    const auto rest = [&](uint8_t protocol, uint32_t id) {
        return piece(far, ledger, 1024, kLastFragment, id).protocol(protocol).payload(100);
    };
    const auto first = [&](uint32_t id) { return piece(far, ledger, 0, kMoreFragments, id); };
    check_rows(wire, {
                         {"UDP asked", sent_by(kLedger), ip(ledger, far).udp(41000, 53), kLeft},
                         {"UDP first", to(kLedger), first(1).udp(53, 41000).payload(1016), BH_REASON_REPLY},
                         {"UDP rest", to(kLedger), rest(BH_UDP, 1), BH_REASON_REPLY},
                         {"ping asked", sent_by(kLedger), ip(ledger, far).echo_request(77).payload(2000), kLeft},
                         {"ping first", to(kLedger), first(2).echo_reply(77).payload(1016), BH_REASON_REPLY},
                         {"ping rest", to(kLedger), rest(icmp, 2), BH_REASON_REPLY},
                         {"another's ping, first", to(kLedger), first(3).echo_request(77).payload(1016),
                          BH_REASON_NOT_GRANTED},
                         {"another's ping, rest", to(kLedger), rest(icmp, 3), BH_REASON_NOT_GRANTED},
                         {"tunnel asked", sent_by(kLedger), ip(ledger, far).protocol(47).payload(64), kLeft},
                         {"tunnel first", to(kLedger), first(4).protocol(47).payload(1024), BH_REASON_REPLY},
                         {"tunnel rest", to(kLedger), rest(47, 4), BH_REASON_REPLY},
                         {"tunnel rest without a first", to(kLedger), rest(47, 5), BH_REASON_NOT_GRANTED},
                     });
}

TEST_CASE("fragments that hide a header are refused") {
    const Wire wire(shared_machine());
    const auto v4 = [](uint16_t offset, bool more) { return piece("10.0.2.1", "10.0.1.2", offset, more, 11); };
    const auto v6 = [](uint16_t offset, bool more) { return piece("fd00:2::1", "fd00:1::2", offset, more, 11); };
    const auto start = [] { return Bytes{0x9c, 0x40, 0x20, 0xfb, 0, 0, 0, 1}; }; // the first 8 of TCP, to 8443
    check_rows(
        wire, {
                  {"TCP in eight bytes", to(kLedger), v4(0, kMoreFragments).protocol(BH_TCP).payload(start()),
                   BH_REASON_MALFORMED},
                  {"... v6", to(kLedger), v6(0, kMoreFragments).protocol(BH_TCP).payload(start()), BH_REASON_MALFORMED},
                  {"TCP whole", to(kLedger), v4(0, kMoreFragments).tcp(1, 8443, kSyn).payload(8), BH_REASON_EXPOSED},
                  {"... v6", to(kLedger), v6(0, kMoreFragments).tcp(1, 8443, kSyn).payload(8), BH_REASON_EXPOSED},
                  {"a rest that begins inside it (RFC 3128)", to(kLedger),
                   v4(8, kLastFragment).protocol(BH_TCP).payload(32), BH_REASON_MALFORMED},
                  {"... v6", to(kLedger), v6(8, kLastFragment).protocol(BH_TCP).payload(32), BH_REASON_MALFORMED},
                  {"a rest that begins behind it", to(kLedger), v4(24, kLastFragment).protocol(BH_TCP).payload(32),
                   BH_REASON_EXPOSED},
                  {"a first that ends in its extension headers", to(kLedger),
                   v6(0, kMoreFragments).destination_options(8).poke(1, 3).protocol(BH_UDP), BH_REASON_MALFORMED},
                  {"a rest that looks like extension headers", to(kLedger),
                   piece("fd00:2::1", "fd00:1::2", 1024, kLastFragment, 13).destination_options().tcp(1, 8443, kSyn),
                   BH_REASON_NOT_GRANTED},
              });
}

TEST_CASE("IPv6 fragments belong together whatever headers the first has behind the fragment header") {
    const Wire wire(shared_machine());
    const auto v6 = [](uint16_t offset, bool more) { return piece("fd00:2::1", "fd00:1::2", offset, more, 12); };
    check_rows(wire, {
                         {"first", to(kLedger), v6(0, kMoreFragments).destination_options().udp(1, 5300).payload(1000),
                          BH_REASON_EXPOSED},
                         {"rest", to(kLedger), v6(1016, kLastFragment).protocol(60).payload(64), BH_REASON_EXPOSED},
                     });
}

TEST_CASE("a refused first takes no note from one that passed with the same number and addresses") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto node = family.node(), ledger = family.at(wire.stage, kLedger);
    // The node masks both; their devices tell them apart.
    const auto first = [&](uint16_t port, uint32_t id) {
        return piece(node, ledger, 0, kMoreFragments, id).udp(9, port).payload(1016);
    };
    const auto rest = [&](uint32_t id) {
        return piece(node, ledger, 1024, kLastFragment, id).protocol(BH_UDP).payload(100);
    };
    check_rows(wire, {
                         {"one's first", to(kLedger, kGate), first(5300, 7), BH_REASON_EXPOSED},
                         {"another's, refused", to(kLedger, kWeb), first(5301, 7), BH_REASON_NOT_GRANTED},
                         {"the one's rest", to(kLedger, kGate), rest(7), BH_REASON_EXPOSED},
                         {"a refused one's rest", to(kLedger, kWeb), rest(8), BH_REASON_NOT_GRANTED},
                     });
}
