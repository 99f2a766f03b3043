// SPDX-License-Identifier: Apache-2.0
#include "support/faulty_proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <list>
#include <string>
#include <vector>

namespace bulkhead::test {

namespace {

constexpr size_t kMostHeld = 1 << 20; // bytes for a client that doesn't read: then the server has to wait
constexpr int kTick = 10;             // ms, in which make() is noticed

void reset(Fd& socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket = Fd();
}

void send_at_once(const Fd& socket) {
    const int on = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Bytes under way to somebody.
struct Stream {
    std::string held;
    bool ended = false; // nothing more will come

    /// False: the connection is broken.
    bool read_from(const Fd& socket) {
        std::array<char, 16384> buffer{};
        const ssize_t size = recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size == 0) ended = true;
        held.append(buffer.data(), static_cast<size_t>(size));
        return true;
    }
    bool write_to(const Fd& socket, size_t most) {
        const ssize_t size = send(socket.get(), held.data(), std::min(held.size(), most), MSG_NOSIGNAL);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        held.erase(0, static_cast<size_t>(size));
        return true;
    }
};

} // namespace

struct FaultyProxy::Loop {
    struct Connection {
        Fd client;
        Fd server;
        Stream up;
        Stream down;
        uint64_t era = 0;    // of the last make() that it knows
        size_t allowed = 0;  // bytes of the server's before the trouble
        bool met = false;    // the trouble
        uint64_t resets = 0; // when it was accepted

        bool open() const { return client.valid() && server.valid(); }
        void drop() {
            reset(client);
            server = Fd();
        }
    };

    Loop(Netns in, Endpoint to) : netns(std::move(in)), server(to) {}

    void run();
    void accept_one();
    void take_orders(Connection& one);
    void move(Connection& one, const pollfd& client, const pollfd& server);
    void move_down(Connection& one);
    void meet_trouble(Connection& one);

    const Netns netns;
    Fd listener;
    std::atomic<bool> ended{false};

    std::mutex mutex; // guards what the test changes
    Trouble trouble = Trouble::kNone;
    size_t after_bytes = 0;
    uint64_t era = 0;
    uint64_t resets = 0;
    size_t met = 0;
    Endpoint server;

    std::list<Connection> connections; // the thread's own from here on
    Trouble now = Trouble::kNone;
};

void FaultyProxy::Loop::run() {
    while (!ended) {
        std::vector<pollfd> fds{{.fd = listener.get(), .events = POLLIN, .revents = 0}};
        for (auto& one : connections) {
            take_orders(one);
            const auto wants = [](const Stream& in, const Stream& out, bool writes) {
                const int reads = in.held.size() < kMostHeld && !in.ended ? POLLIN : 0;
                return static_cast<short>(reads | (writes && !out.held.empty() ? POLLOUT : 0));
            };
            const bool stalled = one.met && now == Trouble::kStall;
            fds.push_back({.fd = one.client.get(), .events = wants(one.up, one.down, !stalled), .revents = 0});
            fds.push_back({.fd = one.server.get(), .events = wants(one.down, one.up, true), .revents = 0});
        }
        poll(fds.data(), fds.size(), kTick);
        size_t at = 1;
        for (auto& one : connections) {
            if (one.open()) move(one, fds[at], fds[at + 1]);
            at += 2;
        }
        if ((fds[0].revents & POLLIN) != 0) accept_one();
        connections.remove_if([](const Connection& one) { return !one.open(); });
    }
}

/// What the test wants now.
void FaultyProxy::Loop::take_orders(Connection& one) {
    const std::scoped_lock lock(mutex);
    now = trouble;
    if (one.era != era) {
        one.era = era;
        one.allowed = after_bytes;
        one.met = false;
    }
    if (one.resets != resets || trouble == Trouble::kRefuse) one.drop();
}

void FaultyProxy::Loop::accept_one() {
    auto client = tcp_accept(listener, after(0s));
    if (!client) return;
    Endpoint to;
    Connection one;
    {
        const std::scoped_lock lock(mutex);
        to = server;
        one.resets = resets;
        if (trouble == Trouble::kRefuse) {
            ++met;
            return reset(*client);
        }
    }
    auto upstream = tcp_connect(netns, to, after(2s));
    if (!upstream) return reset(*client);
    send_at_once(*client);
    send_at_once(*upstream);
    one.client = std::move(*client);
    one.server = std::move(*upstream);
    connections.push_back(std::move(one));
}

void FaultyProxy::Loop::move(Connection& one, const pollfd& client, const pollfd& upstream) {
    constexpr int kReadable = POLLIN | POLLHUP | POLLERR;
    bool whole = true;
    if ((client.revents & kReadable) != 0) whole = whole && one.up.read_from(one.client);
    if ((upstream.revents & kReadable) != 0) whole = whole && one.down.read_from(one.server);
    if (whole && !one.up.held.empty()) whole = one.up.write_to(one.server, one.up.held.size());
    if (!whole) return one.drop();
    move_down(one);
    if (!one.open()) return;
    const bool stalled = one.met && now == Trouble::kStall;
    if ((one.down.ended && one.down.held.empty() && !stalled) || (one.up.ended && one.up.held.empty())) {
        one.client = Fd();
        one.server = Fd();
    }
}

void FaultyProxy::Loop::move_down(Connection& one) {
    if (now != Trouble::kNone && !one.down.held.empty() && one.allowed < one.down.held.size()) meet_trouble(one);
    if (!one.open() || (one.met && now == Trouble::kStall && one.allowed == 0)) return;
    const bool bounded = now == Trouble::kStall;
    const size_t before = one.down.held.size();
    if (!one.down.write_to(one.client, bounded ? one.allowed : before)) return one.drop();
    if (now != Trouble::kNone) one.allowed -= std::min(one.allowed, before - one.down.held.size());
}

/// The bytes before it still arrive.
void FaultyProxy::Loop::meet_trouble(Connection& one) {
    if (!one.met) {
        const std::scoped_lock lock(mutex);
        ++met;
    }
    one.met = true;
    if (now == Trouble::kStall) return;
    if (now == Trouble::kGarbage) {
        for (size_t i = one.allowed; i < one.down.held.size(); ++i)
            one.down.held[i] = static_cast<char>('!' + i % 64);
        return;
    }
    (void)one.down.write_to(one.client, one.allowed);
    if (now == Trouble::kReset) reset(one.client);
    one.client = Fd();
    one.server = Fd();
}

Result<FaultyProxy> FaultyProxy::start(const Netns& netns, const Endpoint& listen, const Endpoint& server) {
    auto same = Netns::open(netns.name());
    if (!same) return tl::unexpected(same.error());
    auto loop = std::make_unique<Loop>(std::move(*same), server);
    auto listener = tcp_listen(netns, listen);
    if (!listener) return tl::unexpected(listener.error());
    loop->listener = std::move(*listener);
    return FaultyProxy(std::move(loop));
}

FaultyProxy::FaultyProxy(std::unique_ptr<Loop> loop)
    : loop_(std::move(loop)), thread_([raw = loop_.get()] { raw->run(); }) {}

FaultyProxy::FaultyProxy(FaultyProxy&&) noexcept = default;

FaultyProxy::~FaultyProxy() {
    if (!loop_) return; // moved from
    loop_->ended = true;
    thread_.join();
}

void FaultyProxy::make(Trouble trouble, size_t after_bytes) {
    const std::scoped_lock lock(loop_->mutex);
    loop_->trouble = trouble;
    loop_->after_bytes = after_bytes;
    loop_->met = 0;
    ++loop_->era;
}

void FaultyProxy::reset_all() {
    const std::scoped_lock lock(loop_->mutex);
    ++loop_->resets;
}

size_t FaultyProxy::troubled() const {
    const std::scoped_lock lock(loop_->mutex);
    return loop_->met;
}

void FaultyProxy::lead_to(const Endpoint& server) {
    const std::scoped_lock lock(loop_->mutex);
    loop_->server = server;
}

} // namespace bulkhead::test
