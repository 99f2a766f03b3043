// SPDX-License-Identifier: Apache-2.0
#include "support/echo_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "support/packet_builder.h"
#include "support/wire.h"

namespace bulkhead::test {

struct EchoServer::Loop {
    enum class Kind : uint8_t { kStop, kListener, kConnection, kDatagram, kSctp4, kSctp6 };
    struct Socket {
        Kind kind;
        Fd fd;
        bool finished = false;
    };
    std::vector<Socket> sockets;
    int stop_fd = -1; // sockets[0]

    Result<> open_port(const Netns& netns, uint8_t family, uint16_t port);
    Result<> open(const Netns& netns, const std::vector<uint16_t>& ports);
    void run();
    void serve(size_t index);
    void accept_all(const Fd& listener);
    static bool echo_stream(const Fd& fd);
    static void echo_datagram(const Fd& fd);
    static void abort_init(const Fd& fd, uint8_t family);
};

Result<> EchoServer::Loop::open_port(const Netns& netns, uint8_t family, uint16_t port) {
    const Endpoint local{{.bytes = {}, .family = family}, port};
    auto listener = tcp_listen(netns, local);
    if (!listener) return tl::unexpected(listener.error());
    sockets.push_back({Kind::kListener, std::move(*listener)});
    auto datagrams = bound_socket(netns, local, SOCK_DGRAM);
    if (!datagrams) return tl::unexpected(datagrams.error());
    sockets.push_back({Kind::kDatagram, std::move(*datagrams)});
    return {};
}

Result<> EchoServer::Loop::open(const Netns& netns, const std::vector<uint16_t>& ports) {
    stop_fd = eventfd(0, EFD_CLOEXEC);
    sockets.push_back({Kind::kStop, Fd(stop_fd)});
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        for (const uint16_t port : ports) {
            if (auto opened = open_port(netns, family, port); !opened) return opened;
        }
        auto raw = open_socket(netns, family, SOCK_RAW, IPPROTO_SCTP);
        if (!raw) return tl::unexpected(raw.error());
        sockets.push_back({family == BH_IPV4 ? Kind::kSctp4 : Kind::kSctp6, std::move(*raw)});
    }
    return {};
}

void EchoServer::Loop::run() {
    for (;;) {
        std::vector<pollfd> waiting;
        for (const Socket& socket : sockets)
            waiting.push_back({.fd = socket.fd.get(), .events = POLLIN, .revents = 0});
        if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
        if (waiting[0].revents) return;
        for (size_t index = 1; index < waiting.size(); ++index) {
            if (waiting[index].revents) serve(index);
        }
        std::erase_if(sockets, [](const Socket& socket) { return socket.finished; });
    }
}

void EchoServer::Loop::serve(size_t index) {
    Socket& socket = sockets[index];
    switch (socket.kind) {
    case Kind::kStop:
        break;
    case Kind::kListener:
        accept_all(socket.fd);
        break; // may move `socket`
    case Kind::kConnection:
        socket.finished = !echo_stream(socket.fd);
        break;
    case Kind::kDatagram:
        echo_datagram(socket.fd);
        break;
    case Kind::kSctp4:
        abort_init(socket.fd, BH_IPV4);
        break;
    case Kind::kSctp6:
        abort_init(socket.fd, BH_IPV6);
        break;
    }
}

void EchoServer::Loop::accept_all(const Fd& listener) {
    std::vector<Socket> accepted;
    while (auto fd = tcp_accept(listener, Clock::now()))
        accepted.push_back({Kind::kConnection, std::move(*fd)});
    std::move(accepted.begin(), accepted.end(), std::back_inserter(sockets));
}

bool EchoServer::Loop::echo_stream(const Fd& fd) {
    uint8_t bytes[4096];
    const ssize_t got = recv(fd.get(), bytes, sizeof bytes, 0);
    if (got < 0) return errno == EAGAIN;
    return got > 0 && send_all(fd, {bytes, static_cast<size_t>(got)}, after(1s)).has_value();
}

void EchoServer::Loop::echo_datagram(const Fd& fd) {
    uint8_t bytes[65536];
    SocketAddress from;
    const ssize_t got = recvfrom(fd.get(), bytes, sizeof bytes, 0, from.raw(), &from.size);
    if (got >= 0) sendto(fd.get(), bytes, static_cast<size_t>(got), 0, from.raw(), from.size);
}

void EchoServer::Loop::abort_init(const Fd& fd, uint8_t family) {
    Bytes bytes(2048);
    SocketAddress from;
    const ssize_t got = recvfrom(fd.get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size);
    const size_t ip = family == BH_IPV4 ? 20 : 0; // IPv6 raw sockets leave the header out
    if (got < static_cast<ssize_t>(ip + 20) || bytes[ip + 12] != kSctpInit) return;
    const std::string_view any = family == BH_IPV4 ? "0.0.0.0" : "::";
    const Bytes answer =
        packet().ip(any, any).sctp(get16(bytes, ip + 2), get16(bytes, ip), kSctpAbort, get32(bytes, ip + 16)).bytes();
    const size_t header = family == BH_IPV4 ? 20 : 40;
    sendto(fd.get(), answer.data() + header, answer.size() - header, 0, from.raw(), from.size);
}

Result<EchoServer> EchoServer::start(const Netns& netns, std::vector<uint16_t> ports) {
    auto loop = std::make_unique<Loop>();
    if (auto opened = loop->open(netns, ports); !opened) return within("start an echo server", opened.error());
    return EchoServer(std::move(loop));
}

EchoServer::EchoServer(std::unique_ptr<Loop> loop)
    : loop_(std::move(loop)), thread_([raw = loop_.get()] { raw->run(); }) {}

EchoServer::EchoServer(EchoServer&&) noexcept = default;

EchoServer::~EchoServer() {
    if (!thread_.joinable()) return;
    const uint64_t one = 1;
    (void)!write(loop_->stop_fd, &one, sizeof one);
    thread_.join();
}

} // namespace bulkhead::test
