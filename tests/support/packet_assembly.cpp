// SPDX-License-Identifier: Apache-2.0
//
// The half of Packet that turns layers into bytes: from the innermost outwards, since lengths and
// checksums cover what follows.
#include <algorithm>

#include "support/checksum.h"
#include "support/packet_builder.h"
#include "support/wire.h"

namespace bulkhead::test {

namespace {

constexpr uint8_t kNoNextHeader = 59;

Bytes joined(const Bytes& first, const Bytes& second) {
    Bytes both = first;
    both.insert(both.end(), second.begin(), second.end());
    return both;
}

/// RFC 768: a UDP checksum of zero means none, so zero is sent as all ones.
uint16_t udp_form(uint16_t sum) {
    return sum == 0 ? 0xffff : sum;
}

} // namespace

Bytes Packet::bytes() const {
    Bytes all = assemble(0);
    if (truncated_) all.resize(std::min(*truncated_, all.size()));
    return all;
}

Bytes Packet::bytes_from_ip() const {
    size_t first = 0;
    while (first < layers_.size() && is_link(layers_[first].kind))
        ++first;
    return assemble(first);
}

Bytes Packet::assemble(size_t first_layer) const {
    Bytes tail;
    for (size_t index = layers_.size(); index-- > first_layer;)
        tail = joined(finished(index, tail), tail);
    return tail;
}

Bytes Packet::finished(size_t index, const Bytes& tail) const {
    const Layer& layer = layers_[index];
    Bytes header = layer.bytes;
    write_next(index, header);
    write_length(layer, header, tail);
    for (const auto& [offset, value] : layer.pokes)
        header[offset] = value;
    write_checksum(index, header, tail);
    return header;
}

void Packet::write_next(size_t index, Bytes& header) const {
    const Layer& layer = layers_[index];
    uint16_t next = is_link(layer.kind) ? uint16_t{0} : uint16_t{kNoNextHeader};
    if (index + 1 < layers_.size()) next = layers_[index + 1].number;
    next = layer.next.value_or(next);
    switch (layer.kind) {
    case Kind::kEthernet:
        put16(header, 12, next);
        break;
    case Kind::kVlan:
        put16(header, 2, next);
        break;
    case Kind::kIpv4:
        header[9] = static_cast<uint8_t>(next);
        break;
    case Kind::kIpv6:
        header[6] = static_cast<uint8_t>(next);
        break;
    case Kind::kExtension:
        header[0] = static_cast<uint8_t>(next);
        break;
    default:
        break;
    }
}

void Packet::write_length(const Layer& layer, Bytes& header, const Bytes& tail) const {
    const auto all = static_cast<uint16_t>(header.size() + tail.size());
    if (layer.kind == Kind::kIpv4) put16(header, 2, all);
    if (layer.kind == Kind::kIpv6) put16(header, 4, static_cast<uint16_t>(tail.size()));
    if (layer.kind == Kind::kUdp) put16(header, 4, all);
}

/// Of the IP header around the layer; nothing for ICMP over IPv4.
Bytes Packet::pseudo_header(size_t index, size_t length) const {
    const Layer& layer = layers_[index];
    for (size_t outer = index; outer-- > 0;) {
        const Bytes& ip = layers_[outer].bytes;
        if (layers_[outer].kind == Kind::kIpv4) {
            if (layer.kind == Kind::kIcmp) return {};
            Bytes pseudo(ip.begin() + 12, ip.begin() + 20);
            pseudo.resize(12);
            put16(pseudo, 8, layer.number);
            put16(pseudo, 10, static_cast<uint16_t>(length));
            return pseudo;
        }
        if (layers_[outer].kind == Kind::kIpv6) {
            Bytes pseudo(ip.begin() + 8, ip.begin() + 40);
            pseudo.resize(40);
            put32(pseudo, 32, static_cast<uint32_t>(length));
            put32(pseudo, 36, layer.number);
            return pseudo;
        }
    }
    return {};
}

void Packet::write_checksum(size_t index, Bytes& header, const Bytes& tail) const {
    const Layer& layer = layers_[index];
    const uint8_t spoil = layer.wrong_checksum ? 0x55 : 0;
    const auto write = [&](size_t offset, uint16_t sum) {
        put16(header, offset, sum);
        header[offset] ^= spoil;
    };
    const auto transport_sum = [&] {
        const Bytes segment = joined(header, tail);
        return internet_checksum(joined(pseudo_header(index, segment.size()), segment));
    };
    switch (layer.kind) {
    case Kind::kIpv4:
        write(10, internet_checksum(header));
        break;
    case Kind::kTcp:
        write(16, transport_sum());
        break;
    case Kind::kUdp:
        write(6, udp_form(transport_sum()));
        break;
    case Kind::kIcmp:
        write(2, transport_sum());
        break;
    case Kind::kSctp: {
        const uint32_t crc = crc32c(joined(header, tail));
        put32(header, 8, __builtin_bswap32(crc)); // least significant byte first
        header[8] ^= spoil;
        break;
    }
    default:
        break;
    }
}

} // namespace bulkhead::test
