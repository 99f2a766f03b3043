// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "support/checksum.h"
#include "support/packet_builder.h"
#include "support/wire.h"

using namespace bulkhead::test;

namespace {

Bytes ascii(std::string_view text) {
    return {text.begin(), text.end()};
}

std::string hex(const Bytes& bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0xf];
    }
    return text;
}

constexpr size_t kEth = 14;

} // namespace

TEST_CASE("the checksums agree with published examples") {
    // RFC 1071 section 3, and RFC 3720 B.4 for CRC32c
    CHECK(internet_checksum({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}) == 0x220d);
    CHECK(crc32c(ascii("123456789")) == 0xe3069283);
    CHECK(crc32c(Bytes(32, 0)) == 0x8a9136aa);
}

TEST_CASE("an IPv4 header carries the length, protocol and checksum of what follows") {
    const Bytes bytes = packet().ipv4("192.168.0.1", "192.168.0.199").udp(1, 2).payload(87).bytes();
    const Bytes known{0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                      0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    CHECK(Bytes(bytes.begin(), bytes.begin() + 20) == known);
    CHECK(bytes.size() == 0x73);
}

TEST_CASE("whole packets are as an independent tool builds them") {
    CHECK(hex(packet().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 443, kSyn).bytes()) ==
          "4500002800004000400626ce0a0000010a0000029c4001bb00000001000000005002faf002f30000");
    CHECK(hex(packet().ipv6("fd00::1", "fd00::2").tcp(40000, 443, kSyn).payload(3).bytes()) ==
          "6000000000170640fd000000000000000000000000000001fd0000000000000000000000000000029c4001bb00000001000000005002"
          "faf02c750000787878");
    CHECK(hex(packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(5).bytes()) ==
          "4500002100004000401126ca0a0000010a00000203e80035000d7ec37878787878");
    CHECK(hex(packet().ipv6("fd00::1", "fd00::2").udp(1000, 53).payload(5).bytes()) ==
          "60000000000d1140fd000000000000000000000000000001fd00000000000000000000000000000203e80035000d98c17878787878");
    CHECK(hex(packet().ipv4("10.0.0.1", "10.0.0.2").echo_request(7).bytes()) ==
          "4500001c00004000400126df0a0000010a0000020800f7f700070001");
    CHECK(hex(packet().ipv6("fd00::1", "fd00::2").echo_request(7).bytes()) ==
          "6000000000083a40fd000000000000000000000000000001fd000000000000000000000000000002800085b000070001");
    CHECK(hex(packet().ipv4("10.0.0.1", "10.0.0.2").sctp(5000, 6000, kSctpAbort).bytes()) ==
          "4500002400004000408426540a0000010a0000021388177000000000ccf984ae06000004");
}

TEST_CASE("a TCP segment has its ports, flags and payload where the RFC puts them") {
    const Bytes bytes =
        packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 443, kSyn | kAck, 7, 9).payload(10).bytes();
    REQUIRE(bytes.size() == kEth + 20 + 20 + 10);
    CHECK(get16(bytes, 12) == 0x0800);
    CHECK(bytes[kEth + 9] == 6);
    CHECK(get16(bytes, kEth + 20) == 40000);
    CHECK(get16(bytes, kEth + 22) == 443);
    CHECK(get32(bytes, kEth + 24) == 7);
    CHECK(get32(bytes, kEth + 28) == 9);
    CHECK(bytes[kEth + 20 + 13] == 0x12);
}

TEST_CASE("IPv4 options lengthen the header in steps of four bytes") {
    const Bytes bytes = packet().ipv4("10.0.0.1", "10.0.0.2").options(5).udp(1, 2).bytes();
    CHECK(bytes[0] == 0x47);
    CHECK(get16(bytes, 2) == 28 + 8);
    CHECK(get16(bytes, 28) == 1);
}

TEST_CASE("IPv4 fragments say their offset in units of eight bytes") {
    const Bytes first =
        packet().ipv4("10.0.0.1", "10.0.0.2").fragment(0, kMoreFragments, 9).udp(1, 2).payload(8).bytes();
    CHECK(get16(first, 4) == 9);
    CHECK(get16(first, 6) == 0x2000);
    const Bytes last =
        packet().ipv4("10.0.0.1", "10.0.0.2").fragment(16, kLastFragment, 9).protocol(17).payload(8).bytes();
    CHECK(get16(last, 6) == 2);
    CHECK(last[9] == 17);
}

TEST_CASE("IPv6 extension headers chain from one to the next") {
    const Bytes bytes = packet()
                            .ipv6("fd00::1", "fd00::2")
                            .hop_by_hop()
                            .routing(0, 1)
                            .fragment(0, kMoreFragments, 5)
                            .authentication(24)
                            .destination_options(16)
                            .tcp(1, 2, kSyn)
                            .bytes();
    CHECK(bytes[6] == 0);   // hop-by-hop
    CHECK(bytes[40] == 43); // routing
    CHECK(bytes[48] == 44); // fragment
    CHECK(bytes[56] == 51); // authentication
    CHECK(bytes[64] == 60); // destination options
    CHECK(bytes[65] == 24 / 4 - 2);
    CHECK(bytes[64 + 24] == 6); // TCP
    CHECK(bytes[64 + 24 + 1] == 1);
    CHECK(get16(bytes, 4) == bytes.size() - 40);
    CHECK(get16(bytes, 56 + 2) == 1);
    CHECK(get16(bytes, 64 + 24 + 16 + 2) == 2);
}

TEST_CASE("an ICMP error quotes the offender from its IP header on") {
    const Packet offender = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(100);
    const Bytes bytes = packet().eth().ipv4("10.0.0.2", "10.0.0.1").port_unreachable().quoting(offender, 28).bytes();
    REQUIRE(bytes.size() == kEth + 20 + 8 + 28);
    CHECK(bytes[kEth + 20] == 3);
    CHECK(bytes[kEth + 21] == 3);
    CHECK(bytes[kEth + 28] == 0x45);
    CHECK(get16(bytes, kEth + 28 + 2) == 128); // the whole offender's length, though cut
    CHECK(get16(bytes, kEth + 48) == 1000);
}

TEST_CASE("ICMP speaks the language of the IP header around it") {
    const Bytes four = packet().ipv4("10.0.0.1", "10.0.0.2").echo_request(7).bytes();
    CHECK(four[9] == 1);
    CHECK(four[20] == 8);
    const Bytes six = packet().ipv6("fd00::1", "fd00::2").echo_reply(7, 3).bytes();
    CHECK(six[6] == 58);
    CHECK(six[40] == 129);
    CHECK(get16(six, 44) == 7);
    CHECK(get16(six, 46) == 3);
}

TEST_CASE("a lie is the only thing wrong with a packet") {
    const auto honest = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(4).bytes();
    const auto longer = packet().ipv4("10.0.0.1", "10.0.0.2").claim_length(1000).udp(1, 2).payload(4).bytes();
    CHECK(longer.size() == honest.size());
    CHECK(get16(longer, 2) == 1000);
    CHECK(get16(longer, 10) != get16(honest, 10)); // the checksum covers the lie
    CHECK(Bytes(longer.begin() + 12, longer.end()) == Bytes(honest.begin() + 12, honest.end()));

    CHECK(packet().ipv4("10.0.0.1", "10.0.0.2").claim_header_words(15).bytes()[0] == 0x4f);
    CHECK(packet().ipv4("10.0.0.1", "10.0.0.2").claim_version(6).bytes()[0] == 0x65);
    CHECK(packet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, 0).claim_header_words(4).bytes()[32] == 0x40);
    CHECK(get16(packet().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).claim_length(3).bytes(), 24) == 3);
    CHECK(get16(packet().ipv6("::1", "::1").claim_length(0).payload(9).bytes(), 4) == 0);
}

TEST_CASE("a wrong checksum differs from the right one and nothing else does") {
    const auto right = packet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, kSyn).bytes();
    auto wrong = packet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, kSyn).wrong_checksum().bytes();
    CHECK(wrong[36] != right[36]);
    wrong[36] = right[36];
    CHECK(wrong == right);
}

TEST_CASE("a truncated packet is the beginning of the whole one") {
    const auto whole = packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, kSyn).bytes();
    const auto part = packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, kSyn).truncate(30).bytes();
    CHECK(part == Bytes(whole.begin(), whole.begin() + 30));
    CHECK(packet().eth().truncate(1000).bytes().size() == kEth);
}

TEST_CASE("VLAN tags stack in front of the ethertype") {
    const auto bytes = packet().eth().vlan(0, kServiceVlan).vlan(42).ipv6("fd00::1", "fd00::2").udp(1, 2).bytes();
    CHECK(get16(bytes, 12) == 0x88a8);
    CHECK(get16(bytes, 14) == 0);
    CHECK(get16(bytes, 16) == 0x8100);
    CHECK(get16(bytes, 18) == 42);
    CHECK(get16(bytes, 20) == 0x86dd);
    CHECK(get16(packet().eth().ethertype(0x8847).payload(20).bytes(), 12) == 0x8847);
}

TEST_CASE("an ARP request asks for its target") {
    const auto bytes = packet().eth().arp_request("10.0.0.1", "169.254.1.1").bytes();
    CHECK(get16(bytes, 12) == 0x0806);
    REQUIRE(bytes.size() == kEth + 28);
    CHECK(get16(bytes, kEth + 6) == 1);
    CHECK(get32(bytes, kEth + 14) == 0x0a000001);
    CHECK(get32(bytes, kEth + 24) == 0xa9fe0101);
}
