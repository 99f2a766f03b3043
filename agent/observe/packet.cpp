// SPDX-License-Identifier: Apache-2.0
#include "observe/packet.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <cstring>

namespace bulkhead::observe {

namespace {

using Bytes = std::vector<std::byte>;

// A port of the dynamic range that few use first: a live UDP conversation on it would be a coincidence.
constexpr uint16_t kClientPort = 64999;
constexpr uint8_t kHopLimit = 64;

template <typename Header>
void append(Bytes& bytes, const Header& header) {
    const auto* raw = reinterpret_cast<const std::byte*>(&header);
    bytes.insert(bytes.end(), raw, raw + sizeof header);
}

struct SctpInit { // RFC 9260, sections 3.1 and 3.3.2
    uint16_t source;
    uint16_t destination;
    uint32_t verification_tag = 0;
    uint32_t checksum = 0;
    uint8_t type = 1;
    uint8_t flags = 0;
    uint16_t length = htons(20);
    uint32_t initiate_tag = htonl(1);
    uint32_t window = htonl(65535);
    uint16_t outbound_streams = htons(1);
    uint16_t inbound_streams = htons(1);
    uint32_t sequence = htonl(1);
};

Bytes transport(const FirstPacket& packet) {
    Bytes bytes;
    if (packet.protocol == BH_TCP) {
        tcphdr tcp{};
        tcp.source = htons(kClientPort);
        tcp.dest = htons(packet.port);
        tcp.doff = sizeof tcp / 4;
        tcp.syn = 1;
        tcp.window = htons(65535);
        append(bytes, tcp);
    } else if (packet.protocol == BH_UDP) {
        append(
            bytes,
            udphdr{.source = htons(kClientPort), .dest = htons(packet.port), .len = htons(sizeof(udphdr)), .check = 0});
    } else if (packet.protocol == BH_SCTP) {
        append(bytes, SctpInit{.source = htons(kClientPort), .destination = htons(packet.port)});
    } else {
        icmphdr echo{};
        echo.type = packet.src.family == BH_IPV4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
        echo.un.echo.id = htons(kClientPort);
        append(bytes, echo);
    }
    return bytes;
}

uint16_t checksum(const iphdr& header) {
    uint16_t words[sizeof header / 2];
    std::memcpy(words, &header, sizeof header);
    uint32_t sum = 0;
    for (const uint16_t word : words)
        sum += word;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

iphdr header4(const FirstPacket& packet, size_t payload) {
    iphdr ip{};
    ip.version = 4;
    ip.ihl = sizeof ip / 4;
    ip.tot_len = htons(static_cast<uint16_t>(sizeof ip + payload));
    ip.ttl = kHopLimit;
    ip.protocol = packet.protocol;
    ip.saddr = packet.src.raw4();
    ip.daddr = packet.dst.raw4();
    ip.check = checksum(ip);
    return ip;
}

ipv6hdr header6(const FirstPacket& packet, size_t payload) {
    ipv6hdr ip{};
    ip.version = 6;
    ip.payload_len = htons(static_cast<uint16_t>(payload));
    ip.hop_limit = kHopLimit;
    ip.nexthdr = packet.protocol == BH_ICMP ? static_cast<uint8_t>(BH_ICMPV6) : packet.protocol;
    std::memcpy(&ip.saddr, packet.src.bytes.data(), sizeof ip.saddr);
    std::memcpy(&ip.daddr, packet.dst.bytes.data(), sizeof ip.daddr);
    return ip;
}

} // namespace

Bytes build(const FirstPacket& packet) {
    const bool v4 = packet.src.family == BH_IPV4;
    const auto payload = transport(packet);
    Bytes bytes;
    ethhdr ethernet{};
    ethernet.h_proto = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
    append(bytes, ethernet);
    if (v4)
        append(bytes, header4(packet, payload.size()));
    else
        append(bytes, header6(packet, payload.size()));
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

} // namespace bulkhead::observe
