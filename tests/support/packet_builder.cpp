// SPDX-License-Identifier: Apache-2.0
#include "support/packet_builder.h"

#include <algorithm>
#include <cassert>

#include "support/wire.h"

namespace bulkhead::test {

namespace {

constexpr uint16_t kArpType = 0x0806, kIpv4Type = 0x0800, kIpv6Type = 0x86dd;
constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51, kDestination = 60;
constexpr uint16_t kDontFragment = 0x4000, kMore = 0x2000;

void append(Bytes& bytes, const auto& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void append(Bytes& bytes, const Address& address) {
    const auto size = static_cast<std::ptrdiff_t>(address.bits() / 8);
    bytes.insert(bytes.end(), address.bytes.begin(), address.bytes.begin() + size);
}

Address parsed(std::string_view text, uint8_t family) {
    const Address address = Address::parse(text).value();
    assert(address.family == family);
    (void)family;
    return address;
}

} // namespace

Packet& Packet::add(Kind kind, uint16_t number, Bytes bytes) {
    Layer layer;
    layer.kind = kind;
    layer.number = number;
    layer.bytes = std::move(bytes);
    layers_.push_back(std::move(layer));
    return *this;
}

uint8_t Packet::family() const {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
        if (layer->kind == Kind::kIpv4) return BH_IPV4;
        if (layer->kind == Kind::kIpv6) return BH_IPV6;
    }
    return BH_IPV4;
}

Packet& Packet::eth(Mac dst, Mac src) {
    Bytes header;
    append(header, dst);
    append(header, src);
    header.resize(14);
    return add(Kind::kEthernet, 0, std::move(header));
}

Packet& Packet::vlan(uint16_t id, uint16_t tpid) {
    Bytes header(4);
    put16(header, 0, id);
    return add(Kind::kVlan, tpid, std::move(header));
}

Packet& Packet::ethertype(uint16_t value) {
    last().next = value;
    return *this;
}

Packet& Packet::arp(uint16_t operation, std::string_view sender, std::string_view target) {
    Bytes body{0, 1, 8, 0, 6, 4, 0, 0}; // Ethernet, IPv4, and the sizes of their addresses
    put16(body, 6, operation);
    append(body, Mac{2, 0, 0, 0, 0, 1});
    append(body, parsed(sender, BH_IPV4));
    append(body, operation == 1 ? Mac{} : Mac{2, 0, 0, 0, 0, 2});
    append(body, parsed(target, BH_IPV4));
    return add(Kind::kArp, kArpType, std::move(body));
}

Packet& Packet::arp_request(std::string_view sender, std::string_view target) {
    return arp(1, sender, target);
}
Packet& Packet::arp_reply(std::string_view sender, std::string_view target) {
    return arp(2, sender, target);
}

Packet& Packet::ipv4(std::string_view src, std::string_view dst) {
    Bytes header(12);
    header[0] = 0x45;
    put16(header, 6, kDontFragment);
    header[8] = 64;
    append(header, parsed(src, BH_IPV4));
    append(header, parsed(dst, BH_IPV4));
    return add(Kind::kIpv4, kIpv4Type, std::move(header));
}

Packet& Packet::ipv6(std::string_view src, std::string_view dst) {
    Bytes header(8);
    header[0] = 0x60;
    header[7] = 64;
    append(header, parsed(src, BH_IPV6));
    append(header, parsed(dst, BH_IPV6));
    return add(Kind::kIpv6, kIpv6Type, std::move(header));
}

Packet& Packet::ip(std::string_view src, std::string_view dst) {
    return src.find(':') == std::string_view::npos ? ipv4(src, dst) : ipv6(src, dst);
}

Packet& Packet::protocol(uint8_t next) {
    last().next = next;
    return *this;
}

Packet& Packet::fragment(uint16_t offset, bool more, uint32_t id) {
    assert(offset % 8 == 0);
    if (last().kind == Kind::kIpv4) {
        put16(last().bytes, 4, static_cast<uint16_t>(id));
        put16(last().bytes, 6, static_cast<uint16_t>((more ? kMore : 0) | offset / 8));
        return *this;
    }
    Bytes header(8);
    put16(header, 2, static_cast<uint16_t>(offset | (more ? 1 : 0)));
    put32(header, 4, id);
    return add(Kind::kExtension, kFragment, std::move(header));
}

Packet& Packet::padded_extension(uint8_t number, size_t size) {
    assert(size >= 8 && size % 8 == 0 && size <= 2048);
    Bytes header(size);
    header[1] = static_cast<uint8_t>(size / 8 - 1);
    for (size_t at = 2; at < size;) { // PadN carries 255 bytes at most
        const size_t room = std::min<size_t>(size - at, 257);
        if (room == 1) break; // Pad1 is a zero
        header[at] = 1;
        header[at + 1] = static_cast<uint8_t>(room - 2);
        at += room;
    }
    return add(Kind::kExtension, number, std::move(header));
}

Packet& Packet::hop_by_hop(size_t size) {
    return padded_extension(kHopByHop, size);
}
Packet& Packet::destination_options(size_t size) {
    return padded_extension(kDestination, size);
}

Packet& Packet::routing(uint8_t type, uint8_t segments_left) {
    return add(Kind::kExtension, kRouting, {0, 0, type, segments_left, 0, 0, 0, 0});
}

Packet& Packet::authentication(size_t size) {
    assert(size >= 12 && size % 4 == 0);
    Bytes header(size);
    header[1] = static_cast<uint8_t>(size / 4 - 2); // RFC 4302: in 4-byte words, minus 2
    put32(header, 4, 0x1234);
    put32(header, 8, 1);
    return add(Kind::kExtension, kAuthentication, std::move(header));
}

Packet& Packet::tcp(uint16_t src, uint16_t dst, uint8_t flags, uint32_t sequence, uint32_t acknowledged) {
    Bytes header(20);
    put16(header, 0, src);
    put16(header, 2, dst);
    put32(header, 4, sequence);
    put32(header, 8, acknowledged);
    header[12] = 5 << 4;
    header[13] = flags;
    put16(header, 14, 64240);
    return add(Kind::kTcp, BH_TCP, std::move(header));
}

Packet& Packet::udp(uint16_t src, uint16_t dst) {
    Bytes header(8);
    put16(header, 0, src);
    put16(header, 2, dst);
    return add(Kind::kUdp, BH_UDP, std::move(header));
}

Packet& Packet::sctp(uint16_t src, uint16_t dst, uint8_t chunk, uint32_t tag) {
    const bool has_init_body = chunk == kSctpInit || chunk == kSctpInitAck;
    const uint16_t chunk_size = has_init_body ? 20 : chunk == kSctpData ? 20 : 4; // data: 4 bytes of it
    Bytes header(size_t{12} + chunk_size);
    put16(header, 0, src);
    put16(header, 2, dst);
    put32(header, 4, tag);
    header[12] = chunk;
    header[13] = chunk == kSctpData ? 3 : 0; // begins and ends a message
    put16(header, 14, chunk_size);
    if (has_init_body) {
        put32(header, 16, 0x1d1d1d1d); // initiate tag
        put32(header, 20, 65536);      // window
        put16(header, 24, 1);          // streams out and in
        put16(header, 26, 1);
    }
    return add(Kind::kSctp, BH_SCTP, std::move(header));
}

Packet& Packet::icmp(uint8_t type, uint8_t code, uint32_t rest) {
    Bytes header{type, code, 0, 0, 0, 0, 0, 0};
    put32(header, 4, rest);
    return add(Kind::kIcmp, family() == BH_IPV4 ? BH_ICMP : BH_ICMPV6, std::move(header));
}

Packet& Packet::echo_request(uint16_t id, uint16_t sequence) {
    return icmp(family() == BH_IPV4 ? 8 : 128, 0, uint32_t{id} << 16 | sequence);
}

Packet& Packet::echo_reply(uint16_t id, uint16_t sequence) {
    return icmp(family() == BH_IPV4 ? 0 : 129, 0, uint32_t{id} << 16 | sequence);
}

Packet& Packet::port_unreachable() {
    return family() == BH_IPV4 ? icmp(3, 3) : icmp(1, 4);
}

Packet& Packet::quoting(const Packet& inner, size_t size) {
    Bytes quoted = inner.bytes_from_ip();
    quoted.resize(std::min(size, quoted.size()));
    return payload(std::move(quoted));
}

Packet& Packet::payload(size_t size) {
    return payload(Bytes(size, 'x'));
}
Packet& Packet::payload(Bytes bytes) {
    return add(Kind::kPayload, 59, std::move(bytes));
}

Packet& Packet::options(size_t size) {
    Layer& layer = last();
    assert(layer.kind == Kind::kIpv4 || layer.kind == Kind::kTcp);
    layer.bytes.resize(layer.bytes.size() + (size + 3) / 4 * 4, 1); // NOP is 1 in both
    const auto words = static_cast<uint8_t>(layer.bytes.size() / 4);
    if (layer.kind == Kind::kIpv4) layer.bytes[0] = static_cast<uint8_t>(0x40 | words);
    if (layer.kind == Kind::kTcp) layer.bytes[12] = static_cast<uint8_t>(words << 4);
    return *this;
}

Packet& Packet::poke(size_t offset, uint8_t value) {
    assert(offset < last().bytes.size());
    last().pokes.emplace_back(offset, value);
    return *this;
}

Packet& Packet::claim_length(uint16_t value) {
    assert(last().kind == Kind::kIpv4 || last().kind == Kind::kIpv6 || last().kind == Kind::kUdp);
    const size_t at = last().kind == Kind::kIpv4 ? 2 : 4;
    return poke(at, static_cast<uint8_t>(value >> 8)).poke(at + 1, static_cast<uint8_t>(value));
}

Packet& Packet::claim_header_words(uint8_t words) {
    assert(last().kind == Kind::kIpv4 || last().kind == Kind::kTcp);
    if (last().kind == Kind::kTcp) return poke(12, static_cast<uint8_t>(words << 4));
    return poke(0, static_cast<uint8_t>(0x40 | (words & 0xf)));
}

Packet& Packet::claim_version(uint8_t version) {
    assert(last().kind == Kind::kIpv4 || last().kind == Kind::kIpv6);
    return poke(0, static_cast<uint8_t>(version << 4 | (last().bytes[0] & 0xf)));
}

Packet& Packet::wrong_checksum() {
    last().wrong_checksum = true;
    return *this;
}

Packet& Packet::truncate(size_t size) {
    truncated_ = size;
    return *this;
}

} // namespace bulkhead::test
