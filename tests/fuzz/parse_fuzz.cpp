// SPDX-License-Identifier: Apache-2.0
//
// parse.h against the reference parser, under libFuzzer with ASan and UBSan. An input is one byte that chooses the
// ethertype and whether an ICMP error quotes it, then what follows the Ethernet header.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "bulkhead/parse.h"
#include "support/reference_parser.h"

namespace {

using bulkhead::test::Reading;

constexpr size_t kEthernet = 14;
constexpr size_t kAlign = 2; // NET_IP_ALIGN: the IP header then lies at a multiple of four

void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "parse.h and the reference disagree about %s\n", what);
    std::abort();
}

bh_parse_result expected_result(Reading::Kind kind) {
    switch (kind) {
    case Reading::Kind::kWhole:
        return BH_PARSED;
    case Reading::Kind::kShort:
        return BH_PARSE_SHORT;
    case Reading::Kind::kMalformed:
        return BH_PARSE_MALFORMED;
    case Reading::Kind::kTooManyExtensions:
        return BH_PARSE_EXTENSIONS;
    case Reading::Kind::kArp:
        return BH_PARSE_ARP;
    case Reading::Kind::kOther:
        break;
    }
    return BH_PARSE_OTHER;
}

unsigned expected_flags(const Reading& reading) {
    unsigned flags = reading.ports ? BH_HAS_PORTS : 0u;
    if (reading.piece == Reading::Piece::kFirst) flags |= BH_FIRST_FRAGMENT;
    if (reading.piece == Reading::Piece::kLater) flags |= BH_LATER_FRAGMENT;
    if (reading.icmp == Reading::Icmp::kEchoRequest) flags |= BH_ECHO_REQUEST;
    if (reading.icmp == Reading::Icmp::kEchoReply) flags |= BH_ECHO_REPLY;
    if (reading.icmp == Reading::Icmp::kError) flags |= BH_ICMP_ERROR;
    if (reading.icmp == Reading::Icmp::kNeighbor) flags |= BH_NEIGHBOR;
    if (reading.icmp == Reading::Icmp::kRouter) flags |= BH_ROUTER_ICMP;
    if (reading.begins_association) flags |= BH_SCTP_INIT;
    return flags;
}

/// A packet may be a piece of a piece; that it is not the beginning is what counts then.
unsigned flags_of(const bh_packet& found) {
    return found.flags & BH_LATER_FRAGMENT ? found.flags & ~unsigned{BH_FIRST_FRAGMENT} : found.flags;
}

bool same_address(const bh_addr& found, const Reading::Ip& expected) {
    return std::memcmp(&found, expected.data(), expected.size()) == 0;
}

void check_addresses(const bh_packet& found, const Reading& expected) {
    const int family = expected.version == 4 ? BH_IPV4 : expected.version == 6 ? BH_IPV6 : 0;
    check(found.family == family, "the family");
    check(same_address(found.src, expected.src), "the source");
    check(same_address(found.dst, expected.dst), "the destination");
}

void check_transport(const bh_packet& found, const Reading& expected, bool quoted) {
    const auto ports = expected.ports.value_or(std::pair(expected.echo_id, expected.echo_id));
    check(found.protocol == expected.protocol, "the protocol");
    check(BH_NET16(found.src_port) == ports.first && BH_NET16(found.dst_port) == ports.second, "the ports");
    check(found.tcp_flags == expected.tcp_flags, "TCP flags");
    check(found.icmp_type == expected.icmp_type && found.icmp_code == expected.icmp_code, "ICMP type or code");
    check(found.transport == expected.transport_at.value_or(0), "where the transport header begins");
    check(found.payload == expected.quoted_at.value_or(0), "where the quoted packet begins");
    check(flags_of(found) == (expected_flags(expected) | (quoted ? BH_QUOTED : 0u)), "flags");
}

void check_fragment(const bh_packet& found, const Reading& expected) {
    const uint32_t id = expected.version == 4 ? BH_NET16(static_cast<uint16_t>(found.fragment_id))
                                              : __builtin_bswap32(found.fragment_id);
    check(id == expected.fragment_id, "the fragment's id");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    static constexpr uint16_t kEthertypes[] = {0x0800, 0x86dd, 0x0806, 0x8100};
    const uint16_t ethertype = kEthertypes[data[0] % 4];
    const bool quoted = (data[0] & 4) != 0;
    // On the heap and no byte longer, so that a read past the end is seen.
    std::vector<uint8_t> memory(kAlign + kEthernet + size - 1);
    std::copy(data + 1, data + size, memory.begin() + kAlign + kEthernet);
    const auto frame = std::span(memory).subspan(kAlign);

    bh_cursor cursor{.begin = frame.data(), .end = frame.data() + frame.size(), .at = kEthernet};
    bh_packet found{};
    found.flags = quoted ? BH_QUOTED : 0;
    const auto result = bh_parse_ip(&cursor, BH_NET16(ethertype), &found);
    const auto expected = bulkhead::test::read_packet(frame, kEthernet, ethertype, quoted);

    check(result == expected_result(expected.kind), "how far it can be read");
    check_addresses(found, expected);
    if (result != BH_PARSED) return 0;
    check_transport(found, expected, quoted);
    check_fragment(found, expected);
    return 0;
}
