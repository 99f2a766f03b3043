// SPDX-License-Identifier: Apache-2.0
//
// Packets for BPF_PROG_TEST_RUN and raw sockets, layer by layer from the outside in:
//
//     packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 443, kSyn).payload(10).bytes()
//
// Lengths, next-header fields and checksums are right by themselves; options(), claim_*() and poke()
// concern the layer that was added last and are covered by its checksum, so a lie is the only thing wrong
// with a packet. All numbers are in host order; addresses that don't parse throw.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"

namespace bulkhead::test {

using Bytes = std::vector<uint8_t>;
using Mac = std::array<uint8_t, 6>;

inline constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10;
inline constexpr uint8_t kSctpData = 0, kSctpInit = 1, kSctpInitAck = 2, kSctpAbort = 6;
inline constexpr uint16_t kVlan = 0x8100, kServiceVlan = 0x88a8;
inline constexpr bool kMoreFragments = true, kLastFragment = false;

class Packet {
public:
    // Link layer. The ethertype is the next layer's; `ethertype()` overrides it.
    Packet& eth(Mac dst = {2, 0, 0, 0, 0, 2}, Mac src = {2, 0, 0, 0, 0, 1});
    Packet& vlan(uint16_t id, uint16_t tpid = kVlan);
    Packet& ethertype(uint16_t value);
    /// Who-has `target`? or its answer, for IPv4 over Ethernet.
    Packet& arp_request(std::string_view sender, std::string_view target);
    Packet& arp_reply(std::string_view sender, std::string_view target);

    // IPv4: TTL 64, id 0, DF; IPv6: hop limit 64. A header that nothing follows says what protocol()
    // says, else "no next header".
    Packet& ipv4(std::string_view src, std::string_view dst);
    Packet& ipv6(std::string_view src, std::string_view dst);
    /// ipv4() or ipv6(), by the family of `src`.
    Packet& ip(std::string_view src, std::string_view dst);
    Packet& protocol(uint8_t next);
    /// IPv4: in the header that was added last; IPv6: a fragment header. `offset` in bytes, a multiple of 8.
    Packet& fragment(uint16_t offset, bool more, uint32_t id = 1);
    Packet& hop_by_hop(size_t size = 8); // bytes, a multiple of 8, padded by PadN
    Packet& destination_options(size_t size = 8);
    Packet& routing(uint8_t type = 0, uint8_t segments_left = 0);
    Packet& authentication(size_t size = 24); // bytes, a multiple of 4, 12 at least

    // Transport.
    Packet& tcp(uint16_t src, uint16_t dst, uint8_t flags, uint32_t sequence = 1, uint32_t acknowledged = 0);
    Packet& udp(uint16_t src, uint16_t dst);
    Packet& sctp(uint16_t src, uint16_t dst, uint8_t chunk = kSctpInit, uint32_t tag = 0);
    /// ICMP or ICMPv6, whichever the IP header before it calls for; types differ between the two.
    Packet& icmp(uint8_t type, uint8_t code, uint32_t rest = 0);
    Packet& echo_request(uint16_t id, uint16_t sequence = 1);
    Packet& echo_reply(uint16_t id, uint16_t sequence = 1);
    Packet& port_unreachable();
    /// What an ICMP error quotes: the first `size` bytes of `inner` from its IP header on.
    Packet& quoting(const Packet& inner, size_t size = 576);

    Packet& payload(size_t size);
    Packet& payload(Bytes bytes);

    /// IPv4, TCP: NOPs, padded to a multiple of four bytes.
    Packet& options(size_t size);
    Packet& claim_length(uint16_t value);       // IPv4 total, IPv6 payload, UDP length
    Packet& claim_header_words(uint8_t words);  // IPv4 IHL, TCP data offset
    Packet& claim_version(uint8_t version);     // IPv4, IPv6
    Packet& poke(size_t offset, uint8_t value); // any byte of the last layer
    Packet& wrong_checksum();                   // of the last layer
    /// Only the first `size` bytes exist; nothing else changes.
    Packet& truncate(size_t size);

    Bytes bytes() const;
    Bytes bytes_from_ip() const; // without the link layers

private:
    enum class Kind : uint8_t { kEthernet, kVlan, kArp, kIpv4, kIpv6, kExtension, kTcp, kUdp, kSctp, kIcmp, kPayload };
    struct Layer {
        Kind kind = Kind::kPayload;
        uint16_t number = 0; // what the layer before calls this one: ethertype or protocol
        Bytes bytes;
        std::optional<uint16_t> next; // what this one calls its next, if it isn't the next one's number
        std::vector<std::pair<size_t, uint8_t>> pokes;
        bool wrong_checksum = false;
    };

    Packet& add(Kind kind, uint16_t number, Bytes bytes);
    Packet& arp(uint16_t operation, std::string_view sender, std::string_view target);
    Packet& padded_extension(uint8_t number, size_t size);
    Layer& last() { return layers_.back(); }
    uint8_t family() const; // of the innermost IP header so far

    Bytes assemble(size_t first_layer) const;
    Bytes finished(size_t index, const Bytes& tail) const;
    void write_next(size_t index, Bytes& header) const;
    void write_length(const Layer& layer, Bytes& header, const Bytes& tail) const;
    void write_checksum(size_t index, Bytes& header, const Bytes& tail) const;
    Bytes pseudo_header(size_t index, size_t length) const;

    static bool is_link(Kind kind) { return kind == Kind::kEthernet || kind == Kind::kVlan; }

    std::vector<Layer> layers_;
    std::optional<size_t> truncated_;
};

inline Packet packet() {
    return {};
}

} // namespace bulkhead::test
