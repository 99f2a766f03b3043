// SPDX-License-Identifier: Apache-2.0
//
// What a packet says, read a second time: by the RFCs, in another way than include/bulkhead/parse.h does, and
// sharing nothing with it. The fuzzers hold the two, and the loaded programs, against each other.
//
// Bounds that are a choice of ours and not the RFCs' are named here once more: eight extension headers, and
// headers that begin within 512 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace bulkhead::test {

struct Reading {
    enum class Kind : uint8_t { kWhole, kShort, kMalformed, kTooManyExtensions, kArp, kOther };
    enum class Icmp : uint8_t { kNone, kOther, kEchoRequest, kEchoReply, kError, kNeighbor, kRouter };
    enum class Piece : uint8_t { kAll, kFirst, kLater };
    using Ip = std::array<uint8_t, 16>; // IPv4 in the first four

    Kind kind = Kind::kWhole;
    int version = 0; // 4 or 6; 0 = there is no IP header that can be read
    Ip src{};
    Ip dst{};
    uint8_t protocol = 0;                               // of the last header that was reached
    std::optional<std::pair<uint16_t, uint16_t>> ports; // source, destination, host order
    uint8_t tcp_flags = 0;
    bool begins_association = false;    // SCTP
    std::optional<size_t> transport_at; // where what the last IP header carries begins
    Icmp icmp = Icmp::kNone;
    uint8_t icmp_type = 0;
    uint8_t icmp_code = 0;
    uint16_t echo_id = 0;            // host order
    std::optional<size_t> quoted_at; // where an ICMP message's body begins
    Piece piece = Piece::kAll;
    uint32_t fragment_id = 0; // host order
};

/// The IP packet at `at` in `frame`, whose ethertype (host order) says IPv4 or IPv6. `quoted`: it is what an ICMP
/// error quotes, of which eight bytes of transport header are enough.
Reading read_packet(std::span<const uint8_t> frame, size_t at, uint16_t ethertype, bool quoted = false);

} // namespace bulkhead::test
