// SPDX-License-Identifier: Apache-2.0
//
// The answers_*() half of sockets.h: one client's whole attempt per protocol.
#include <netinet/in.h>

#include <atomic>
#include <functional>
#include <string_view>

#include "support/packet_builder.h"
#include "support/sockets.h"
#include "support/wire.h"

namespace bulkhead::test {

namespace {

constexpr auto kRetry = 200ms;
const std::vector<uint8_t> kHello{'h', 'e', 'l', 'l', 'o'};

/// Another number each time, also between processes that run side by side.
uint16_t fresh_number() {
    static std::atomic<uint32_t> last{static_cast<uint32_t>(getpid()) * 131};
    return static_cast<uint16_t>(1024 + ++last % 60000);
}

/// IPv4 raw sockets hand over the IP header, IPv6 ones don't.
Bytes without_ip_header(Bytes bytes, uint8_t family) {
    if (family == BH_IPV6 || bytes.empty()) return bytes;
    const auto size = std::min<size_t>(static_cast<size_t>(bytes[0] & 0xf) * 4, bytes.size());
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    return bytes;
}

/// Sends `request` now and then until something that `is_answer` comes from `to`.
bool exchange(const Fd& fd, const Address& to, const Bytes& request, const std::function<bool(const Bytes&)>& is_answer,
              Deadline deadline) {
    const auto address = SocketAddress::of(to, 0);
    while (Clock::now() < deadline) {
        const Deadline again = std::min(after(kRetry), deadline);
        if (sendto(fd.get(), request.data(), request.size(), 0, address.raw(), address.size) < 0) return false;
        while (readable(fd, again)) {
            Bytes bytes(2048);
            SocketAddress from;
            const ssize_t got = recvfrom(fd.get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size);
            if (got <= 0) break;
            bytes.resize(static_cast<size_t>(got));
            if (from.address() == to && is_answer(without_ip_header(std::move(bytes), to.family))) return true;
        }
    }
    return false;
}

/// The transport part of a packet: what a raw socket sends.
Bytes transport_of(const Packet& packet, uint8_t family) {
    const Bytes bytes = packet.bytes_from_ip();
    return {bytes.begin() + (family == BH_IPV4 ? 20 : 40), bytes.end()};
}

Packet towards(const Address& to) { // the source is the kernel's business: ICMPv6 checksums are, too
    return packet().ip(to.family == BH_IPV4 ? "0.0.0.0" : "::", to.text());
}

} // namespace

bool answers_tcp(const Netns& from, const Endpoint& to, Deadline deadline) {
    const auto fd = tcp_connect(from, to, deadline);
    if (!fd || !send_all(*fd, kHello, deadline)) return false;
    const auto answer = receive_exactly(*fd, kHello.size(), deadline);
    return answer && *answer == kHello;
}

bool answers_udp(const Netns& from, const Endpoint& to, Deadline deadline) {
    const auto fd = udp_connect(from, to);
    while (fd && Clock::now() < deadline) {
        if (!send_all(*fd, kHello, deadline)) return false;
        const auto answer = receive_datagram(*fd, std::min(after(kRetry), deadline));
        if (answer && *answer == kHello) return true;
        if (!answer && answer.error().code != ETIMEDOUT) return false; // refused
    }
    return false;
}

bool answers_ping(const Netns& from, const Address& to, Deadline deadline) {
    const bool v4 = to.family == BH_IPV4;
    const auto fd = open_socket(from, to.family, SOCK_RAW, v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
    if (!fd) return false;
    const uint16_t id = fresh_number();
    const uint8_t reply = v4 ? 0 : 129;
    const auto is_answer = [&](const Bytes& icmp) {
        return icmp.size() >= 8 && icmp[0] == reply && get16(icmp, 4) == id;
    };
    return exchange(*fd, to, transport_of(towards(to).echo_request(id), to.family), is_answer, deadline);
}

bool answers_sctp(const Netns& from, const Endpoint& to, Deadline deadline) {
    const auto fd = open_socket(from, to.address.family, SOCK_RAW, IPPROTO_SCTP);
    if (!fd) return false;
    const uint16_t port = fresh_number();
    const auto is_answer = [&](const Bytes& sctp) {
        return sctp.size() >= 16 && get16(sctp, 0) == to.port && get16(sctp, 2) == port && sctp[12] != kSctpInit;
    };
    const Bytes init = transport_of(towards(to.address).sctp(port, to.port), to.address.family);
    return exchange(*fd, to.address, init, is_answer, deadline);
}

} // namespace bulkhead::test
