// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <netinet/in.h>

#include <cstring>

#include "bulkhead/parse.h"

namespace bulkhead::bench {

namespace {

constexpr size_t kPayload = 64;

template <typename Header>
void append(std::vector<std::byte>& bytes, const Header& header) {
    const auto* begin = reinterpret_cast<const std::byte*>(&header);
    bytes.insert(bytes.end(), begin, begin + sizeof(header));
}

struct Ethernet {
    uint8_t addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    uint16_t ethertype = 0;
};

struct Udp {
    bh_transport_ports ports;
    uint16_t length;
    uint16_t checksum;
};

struct Tcp {
    bh_transport_ports ports;
    uint32_t sequence;
    uint32_t acknowledged;
    uint8_t offset;
    uint8_t flags;
    uint16_t window;
    uint16_t checksum;
    uint16_t urgent;
};

void append_ip(std::vector<std::byte>& bytes, const Wire& wire, size_t length) {
    if (wire.family == BH_IPV4) {
        bh_ipv4_header ip{};
        ip.version_ihl = 0x45;
        ip.total_length = htons(static_cast<uint16_t>(sizeof(ip) + length));
        ip.ttl = 64;
        ip.protocol = wire.protocol;
        append(bytes, ip);
        return;
    }
    bh_ipv6_header ip{};
    ip.version_class_flow = htonl(6u << 28);
    ip.payload_length = htons(static_cast<uint16_t>(length));
    ip.next_header = wire.protocol;
    ip.hop_limit = 64;
    append(bytes, ip);
}

} // namespace

std::vector<std::byte> Wire::bytes() const {
    const size_t transport = protocol == BH_TCP ? sizeof(Tcp) : sizeof(Udp);
    std::vector<std::byte> bytes;
    Ethernet ethernet;
    ethernet.ethertype = family == BH_IPV4 ? BH_ETHERTYPE_IPV4 : BH_ETHERTYPE_IPV6;
    append(bytes, ethernet);
    append_ip(bytes, *this, transport + kPayload);
    if (protocol == BH_TCP) {
        append(bytes, Tcp{.ports = {},
                          .sequence = 0,
                          .acknowledged = 0,
                          .offset = 5 << 4,
                          .flags = tcp_flags,
                          .window = 0xffff,
                          .checksum = 0,
                          .urgent = 0});
    } else {
        append(bytes, Udp{.ports = {}, .length = htons(static_cast<uint16_t>(transport + kPayload)), .checksum = 0});
    }
    bytes.resize(bytes.size() + kPayload);
    return bytes;
}

} // namespace bulkhead::bench
