// SPDX-License-Identifier: Apache-2.0
//
// The packets that explain shows to the kernel, byte by byte as RFC 791, 8200, 9293, 768, 9260 and 792/4443
// have them, and as the programs' own parser reads them.
#include <catch2/catch_test_macros.hpp>

#include "observe/packet.h"

using namespace bulkhead;
using namespace bulkhead::observe;

namespace {

std::vector<uint8_t> bytes_of(const char* src, const char* dst, uint8_t protocol, uint16_t port) {
    std::vector<uint8_t> bytes;
    for (const auto byte : build({.src = Address::parse(src).value(),
                           .dst = Address::parse(dst).value(),
                           .protocol = protocol,
                           .port = port}))
        bytes.push_back(static_cast<uint8_t>(byte));
    return bytes;
}

uint16_t word(const std::vector<uint8_t>& bytes, size_t at) {
    return static_cast<uint16_t>(bytes.at(at) << 8 | bytes.at(at + 1));
}

constexpr size_t kIp = 14;

} // namespace

TEST_CASE("a TCP packet is a lone SYN to the port, in an IPv4 header whose sum is right") {
    const auto bytes = bytes_of("10.0.1.5", "10.0.1.9", BH_TCP, 8443);
    CHECK(word(bytes, 12) == 0x0800);
    CHECK(bytes[kIp] == 0x45);
    CHECK(word(bytes, kIp + 2) == bytes.size() - kIp);
    CHECK(bytes[kIp + 9] == 6);
    CHECK(std::vector<uint8_t>(bytes.begin() + kIp + 12, bytes.begin() + kIp + 20) ==
          std::vector<uint8_t>{10, 0, 1, 5, 10, 0, 1, 9});
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2)
        sum += word(bytes, kIp + i);
    CHECK((sum & 0xffff) + (sum >> 16) == 0xffff);
    const size_t tcp = kIp + 20;
    CHECK(word(bytes, tcp + 2) == 8443);
    CHECK(bytes[tcp + 12] == 0x50);
    CHECK(bytes[tcp + 13] == 0x02);
    CHECK(bytes.size() == tcp + 20);
}

TEST_CASE("an IPv6 packet carries its payload's length and next header") {
    const auto bytes = bytes_of("fd00::5", "fd00::9", BH_UDP, 53);
    CHECK(word(bytes, 12) == 0x86dd);
    CHECK(bytes[kIp] >> 4 == 6);
    CHECK(word(bytes, kIp + 4) == 8);
    CHECK(bytes[kIp + 6] == 17);
    CHECK(bytes[kIp + 23] == 5);
    CHECK(bytes[kIp + 39] == 9);
    CHECK(word(bytes, kIp + 40 + 2) == 53);
    CHECK(word(bytes, kIp + 40 + 4) == 8);
}

TEST_CASE("a ping is an echo request of its family") {
    const auto four = bytes_of("10.0.1.5", "10.0.1.9", BH_ICMP, 0);
    CHECK(four[kIp + 9] == 1);
    CHECK(four[kIp + 20] == 8);
    const auto six = bytes_of("fd00::5", "fd00::9", BH_ICMP, 0);
    CHECK(six[kIp + 6] == 58);
    CHECK(six[kIp + 40] == 128);
}

TEST_CASE("an SCTP packet begins an association") {
    const auto bytes = bytes_of("10.0.1.5", "10.0.1.9", BH_SCTP, 3868);
    CHECK(bytes[kIp + 9] == 132);
    CHECK(word(bytes, kIp + 20 + 2) == 3868);
    CHECK(bytes[kIp + 20 + 12] == 1);
    CHECK(bytes.size() == kIp + 20 + 12 + 20);
}
