// SPDX-License-Identifier: Apache-2.0
#include "support/reference_parser.h"

#include <algorithm>

namespace bulkhead::test {

namespace {

using Kind = Reading::Kind;
using Icmp = Reading::Icmp;
using Piece = Reading::Piece;

constexpr size_t kLastHeaderBegins = 512;
constexpr int kMostExtensions = 8;

/// One packet on its way through the layers. A step that can't be taken throws its kind.
class Reader {
public:
    Reader(std::span<const uint8_t> frame, size_t at, bool quoted) : frame_(frame), at_(at), quoted_(quoted) {}

    Reading read(uint16_t ethertype) {
        try {
            said_.kind = ethertype == 0x0800   ? ipv4()
                         : ethertype == 0x86dd ? ipv6()
                         : ethertype == 0x0806 ? Kind::kArp
                                               : Kind::kOther;
        } catch (Kind why) {
            said_.kind = why;
        }
        return said_;
    }

private:
    void need(size_t size) const {
        if (at_ > kLastHeaderBegins || at_ + size > frame_.size()) throw Kind::kShort;
    }
    uint8_t byte(size_t offset) const { return frame_[at_ + offset]; }
    uint16_t word(size_t offset) const { return static_cast<uint16_t>(byte(offset) * 256 + byte(offset + 1)); }
    Reading::Ip address(size_t offset, size_t size) const {
        Reading::Ip ip{};
        std::copy_n(frame_.begin() + static_cast<std::ptrdiff_t>(at_ + offset), size, ip.begin());
        return ip;
    }

    Kind ipv4() { // RFC 791
        need(20);
        const size_t header = size_t{4} * (byte(0) % 16);
        if (byte(0) / 16 != 4 || header < 20) throw Kind::kMalformed;
        if (word(2) != 0 && word(2) < header) throw Kind::kMalformed; // 0: BIG TCP, net/ipv4/ip_input.c
        said_.version = 4;
        said_.src = address(12, 4);
        said_.dst = address(16, 4);
        said_.protocol = byte(9);
        const bool more = (byte(6) & 0x20) != 0;
        const size_t offset = word(6) % 0x2000u;
        if (more || offset != 0) said_.fragment_id = word(4);
        note_piece(offset, more);
        at_ += header;
        return transport();
    }

    Kind ipv6() { // RFC 8200
        need(40);
        if (byte(0) / 16 != 6) throw Kind::kMalformed;
        said_.version = 6;
        said_.src = address(8, 16);
        said_.dst = address(24, 16);
        said_.protocol = byte(6);
        at_ += 40;
        for (int passed = 0; is_extension(said_.protocol); ++passed) {
            step_over_extension();
            if (said_.piece == Piece::kLater) return transport(); // all that follows is somebody's data
            if (passed == kMostExtensions) throw Kind::kTooManyExtensions;
        }
        return transport();
    }

    static bool is_extension(uint8_t next) {
        // Hop-by-hop, routing, fragment, authentication, destination options.
        constexpr std::array<uint8_t, 5> kExtensions{0, 43, 44, 51, 60};
        return std::find(kExtensions.begin(), kExtensions.end(), next) != kExtensions.end();
    }

    void step_over_extension() {
        need(8);
        const uint8_t kind = said_.protocol;
        size_t size = 8 + size_t{8} * byte(1);
        said_.protocol = byte(0);
        if (kind == 51) size = 8 + size_t{4} * byte(1); // RFC 4302
        if (kind == 44) {
            size = 8;
            said_.fragment_id = uint32_t{word(4)} << 16 | word(6);
            note_piece(word(2) / 8u, word(2) % 2 == 1);
        }
        at_ += size;
    }

    /// `offset` in units of eight bytes.
    void note_piece(size_t offset, bool more) {
        if (offset != 0) {
            said_.piece = Piece::kLater;
        } else if (more) {
            said_.piece = Piece::kFirst;
        }
        if (offset == 1 && said_.protocol == 6) throw Kind::kMalformed; // RFC 3128
    }

    Kind transport() {
        said_.transport_at = at_;
        if (said_.piece == Piece::kLater) return Kind::kWhole;
        switch (said_.protocol) {
        case 6:
            return tcp();
        case 132:
            return sctp();
        case 17:
        case 33:
        case 136:
            return ports(8);
        case 1:
            return said_.version == 4 ? icmp() : Kind::kWhole;
        case 58:
            return said_.version == 6 ? icmp() : Kind::kWhole;
        default:
            return Kind::kWhole;
        }
    }

    Kind ports(size_t least) {
        need(least);
        said_.ports = {word(0), word(2)};
        return Kind::kWhole;
    }

    Kind tcp() { // RFC 9293
        if (quoted_) return ports(8);
        need(20);
        if (byte(12) / 16 < 5) throw Kind::kMalformed;
        said_.tcp_flags = byte(13);
        return ports(20);
    }

    Kind sctp() { // RFC 9260
        if (quoted_) return ports(8);
        need(16);
        said_.begins_association = byte(12) == 1;
        return ports(16);
    }

    Kind icmp() { // RFC 792, RFC 4443
        need(8);
        said_.icmp_type = byte(0);
        said_.icmp_code = byte(1);
        said_.icmp = said_.version == 4 ? kind4(byte(0)) : kind6(byte(0));
        if (said_.icmp == Icmp::kEchoRequest || said_.icmp == Icmp::kEchoReply) said_.echo_id = word(4);
        said_.quoted_at = at_ + 8;
        return Kind::kWhole;
    }

    static Icmp kind4(int type) {
        if (type == 8) return Icmp::kEchoRequest;
        if (type == 0) return Icmp::kEchoReply;
        if (type == 3 || type == 4 || type == 11 || type == 12) return Icmp::kError;
        return type == 5 || type == 9 ? Icmp::kRouter : Icmp::kOther;
    }

    static Icmp kind6(int type) {
        if (type < 128) return Icmp::kError;
        if (type == 128) return Icmp::kEchoRequest;
        if (type == 129) return Icmp::kEchoReply;
        if (type == 134 || type == 137) return Icmp::kRouter;
        const bool mld = (type >= 130 && type <= 132) || type == 143;
        return mld || type == 133 || type == 135 || type == 136 ? Icmp::kNeighbor : Icmp::kOther;
    }

    std::span<const uint8_t> frame_;
    size_t at_;
    bool quoted_;
    Reading said_;
};

} // namespace

Reading read_packet(std::span<const uint8_t> frame, size_t at, uint16_t ethertype, bool quoted) {
    return Reader(frame, at, quoted).read(ethertype);
}

} // namespace bulkhead::test
