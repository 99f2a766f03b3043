// SPDX-License-Identifier: Apache-2.0
//
// Sockets of node tests: opened in a network namespace, non-blocking, every wait with a deadline. The
// answers_*() functions are a client's whole attempt at an EchoServer (echo_server.h) and tell whether an
// answer came back.
#pragma once

#include <sys/socket.h>

#include <span>

#include "base/address.h"
#include "base/fd.h"
#include "support/deadline.h"
#include "support/netns.h"

namespace bulkhead::test {

/// An address and port as the socket calls want them.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    static SocketAddress of(const Address& address, uint16_t port);
    static SocketAddress any(uint8_t family, uint16_t port);
    Address address() const;
    uint16_t port() const;
    sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Where a client's socket starts from: 0 = the kernel chooses the port.
struct Endpoint {
    Address address;
    uint16_t port = 0;
};

/// `family` is enum bh_family, `type` SOCK_*. Non-blocking.
Result<Fd> open_socket(const Netns& netns, uint8_t family, int type, int protocol = 0);
Result<Fd> bound_socket(const Netns& netns, const Endpoint& local, int type);

Result<Fd> tcp_listen(const Netns& netns, const Endpoint& local);
Result<Fd> tcp_accept(const Fd& listener, Deadline deadline);
/// `from_port` 0 = any.
Result<Fd> tcp_connect(const Netns& netns, const Endpoint& to, Deadline deadline, uint16_t from_port = 0);
/// A datagram socket that only hears `to`.
Result<Fd> udp_connect(const Netns& netns, const Endpoint& to, uint16_t from_port = 0);

bool readable(const Fd& fd, Deadline deadline);
Result<> send_all(const Fd& fd, std::span<const uint8_t> bytes, Deadline deadline);
/// Exactly `size` bytes of a stream.
Result<std::vector<uint8_t>> receive_exactly(const Fd& fd, size_t size, Deadline deadline);
/// One datagram.
Result<std::vector<uint8_t>> receive_datagram(const Fd& fd, Deadline deadline);

bool answers_tcp(const Netns& from, const Endpoint& to, Deadline deadline);
bool answers_udp(const Netns& from, const Endpoint& to, Deadline deadline);
bool answers_sctp(const Netns& from, const Endpoint& to, Deadline deadline);
bool answers_ping(const Netns& from, const Address& to, Deadline deadline);

} // namespace bulkhead::test
