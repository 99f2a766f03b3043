// SPDX-License-Identifier: Apache-2.0
#include "support/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

namespace bulkhead::test {

namespace {

bool becomes(const Fd& fd, short event, Deadline deadline) {
    pollfd waiting{.fd = fd.get(), .events = event, .revents = 0};
    return poll(&waiting, 1, milliseconds_until(deadline)) == 1;
}

int pending_error(const Fd& fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Address unspecified(uint8_t family) {
    return {.bytes = {}, .family = family};
}

std::string text(const Endpoint& endpoint) {
    return endpoint.address.text() + " port " + std::to_string(endpoint.port);
}

} // namespace

SocketAddress SocketAddress::of(const Address& address, uint16_t port) {
    SocketAddress made;
    if (address.family == BH_IPV4) {
        auto& in = reinterpret_cast<sockaddr_in&>(made.storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        in.sin_addr.s_addr = address.raw4();
        made.size = sizeof in;
        return made;
    }
    auto& in6 = reinterpret_cast<sockaddr_in6&>(made.storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&in6.sin6_addr, address.bytes.data(), 16);
    made.size = sizeof in6;
    return made;
}

SocketAddress SocketAddress::any(uint8_t family, uint16_t port) {
    return of(unspecified(family), port);
}

Address SocketAddress::address() const {
    Address found;
    if (storage.ss_family == AF_INET) {
        std::memcpy(found.bytes.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
        return found;
    }
    found.family = BH_IPV6;
    std::memcpy(found.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
    return found;
}

uint16_t SocketAddress::port() const { // at the same place in both families
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

Result<Fd> open_socket(const Netns& netns, uint8_t family, int type, int protocol) {
    return netns.run([&]() -> Result<Fd> {
        const int domain = family == BH_IPV4 ? AF_INET : AF_INET6;
        Fd fd(socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
        if (!fd.valid()) return fail("open a socket in " + netns.name(), errno);
        return fd;
    });
}

Result<Fd> bound_socket(const Netns& netns, const Endpoint& local, int type) {
    auto fd = open_socket(netns, local.address.family, type);
    if (!fd) return fd;
    const int yes = 1;
    // For streams that linger from before. Datagram sockets would share a port, and one the other's answers.
    if (type == SOCK_STREAM) setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (local.address.family == BH_IPV6) setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    const auto address = SocketAddress::of(local.address, local.port);
    if (bind(fd->get(), address.raw(), address.size) != 0) {
        return fail("bind " + text(local) + " in " + netns.name(), errno);
    }
    return fd;
}

Result<Fd> tcp_listen(const Netns& netns, const Endpoint& local) {
    auto fd = bound_socket(netns, local, SOCK_STREAM);
    if (fd && listen(fd->get(), 1024) != 0) return fail("listen at " + text(local), errno);
    return fd;
}

Result<Fd> tcp_accept(const Fd& listener, Deadline deadline) {
    if (!becomes(listener, POLLIN, deadline)) return fail("accept a connection", ETIMEDOUT);
    Fd fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return fail("accept a connection", errno);
    return fd;
}

Result<Fd> tcp_connect(const Netns& netns, const Endpoint& to, Deadline deadline, uint16_t from_port) {
    auto fd = bound_socket(netns, {unspecified(to.address.family), from_port}, SOCK_STREAM);
    if (!fd) return fd;
    const std::string action = "connect to " + text(to) + " from " + netns.name();
    const auto address = SocketAddress::of(to.address, to.port);
    if (connect(fd->get(), address.raw(), address.size) == 0) return fd;
    if (errno != EINPROGRESS) return fail(action, errno);
    if (!becomes(*fd, POLLOUT, deadline)) return fail(action, ETIMEDOUT);
    if (const int error = pending_error(*fd)) return fail(action, error);
    return fd;
}

Result<Fd> udp_connect(const Netns& netns, const Endpoint& to, uint16_t from_port) {
    auto fd = bound_socket(netns, {unspecified(to.address.family), from_port}, SOCK_DGRAM);
    if (!fd) return fd;
    const auto address = SocketAddress::of(to.address, to.port);
    if (connect(fd->get(), address.raw(), address.size) != 0) return fail("talk to " + text(to), errno);
    return fd;
}

bool readable(const Fd& fd, Deadline deadline) {
    return becomes(fd, POLLIN, deadline);
}

Result<> send_all(const Fd& fd, std::span<const uint8_t> bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = bytes.subspan(static_cast<size_t>(sent));
        } else if (sent < 0 && errno != EAGAIN) {
            return fail("send", errno);
        } else if (!becomes(fd, POLLOUT, deadline)) {
            return fail("send", ETIMEDOUT);
        }
    }
    return {};
}

Result<std::vector<uint8_t>> receive_exactly(const Fd& fd, size_t size, Deadline deadline) {
    std::vector<uint8_t> bytes(size);
    size_t have = 0;
    while (have < size) {
        if (!readable(fd, deadline)) return fail("receive", ETIMEDOUT);
        const ssize_t got = recv(fd.get(), bytes.data() + have, size - have, 0);
        if (got == 0) return fail("receive: the other side closed");
        if (got < 0 && errno != EAGAIN) return fail("receive", errno);
        if (got > 0) have += static_cast<size_t>(got);
    }
    return bytes;
}

Result<std::vector<uint8_t>> receive_datagram(const Fd& fd, Deadline deadline) {
    if (!readable(fd, deadline)) return fail("receive", ETIMEDOUT);
    std::vector<uint8_t> bytes(65536);
    const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), 0);
    if (got < 0) return fail("receive", errno);
    bytes.resize(static_cast<size_t>(got));
    return bytes;
}

} // namespace bulkhead::test
