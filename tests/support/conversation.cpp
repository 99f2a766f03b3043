// SPDX-License-Identifier: Apache-2.0
#include "support/conversation.h"

#include <poll.h>

#include <array>

namespace bulkhead::test {

namespace {

constexpr size_t kStamp = sizeof(int64_t);
constexpr size_t kMessage = kStamp * 8;
constexpr size_t kBurst = 16384;
constexpr auto kBeat = 1ms;

int64_t ticks(Clock::time_point moment) {
    return moment.time_since_epoch().count();
}
Clock::time_point moment_of(int64_t ticks) {
    return Clock::time_point(Clock::duration(ticks));
}

void raise_to(std::atomic<int64_t>& value, int64_t candidate) {
    if (candidate > value.load()) value = candidate; // one writer
}

uint16_t local_port(const Fd& fd) {
    SocketAddress local;
    return getsockname(fd.get(), local.raw(), &local.size) == 0 ? local.port() : uint16_t{0};
}

} // namespace

Conversation::Conversation(Fd client, Fd server, bool stream, Flow flow)
    : stream_(stream), burst_(stream && flow != Flow::kPingPong ? kBurst : kMessage) {
    client_.fd = std::move(client);
    server_.fd = std::move(server);
    client_.pushes = flow == Flow::kClientPushes || flow == Flow::kPingPong;
    server_.pushes = flow == Flow::kServerPushes;
    server_.answers = flow == Flow::kPingPong;
    client_port_ = local_port(client_.fd);
    driver_ = std::thread([this] { drive(); });
}

Conversation::~Conversation() {
    stop_ = true;
    driver_.join();
}

Result<std::unique_ptr<Conversation>> Conversation::begin(Fd client, Fd server, bool stream, const Plan& plan) {
    std::unique_ptr<Conversation> made(new Conversation(std::move(client), std::move(server), stream, plan.flow));
    if (!made->under_way(plan.flow, after(plan.limit))) return fail("begin a conversation: nothing arrives");
    return made;
}

bool Conversation::under_way(Flow flow, Deadline deadline) {
    poke(End::kClient);
    if (!arrives(End::kServer, {}, deadline)) return false;
    const bool from_server = flow == Flow::kServerPushes || flow == Flow::kPingPong;
    return !from_server || arrives(End::kClient, {}, deadline);
}

Result<std::unique_ptr<Conversation>> Conversation::tcp(const Netns& client, const Netns& server, const Plan& plan) {
    const Deadline deadline = after(plan.limit);
    auto listener = tcp_listen(server, plan.server);
    if (!listener) return tl::unexpected(listener.error());
    auto ours = tcp_connect(client, plan.server, deadline, plan.client_port);
    if (!ours) return tl::unexpected(ours.error());
    auto theirs = tcp_accept(*listener, deadline);
    if (!theirs) return tl::unexpected(theirs.error());
    return begin(std::move(*ours), std::move(*theirs), true, plan);
}

Result<std::unique_ptr<Conversation>> Conversation::udp(const Netns& client, const Netns& server, const Plan& plan) {
    auto theirs = bound_socket(server, plan.server, SOCK_DGRAM);
    if (!theirs) return tl::unexpected(theirs.error());
    auto ours = udp_connect(client, plan.server, plan.client_port);
    if (!ours) return tl::unexpected(ours.error());
    SocketAddress from;
    const std::array<uint8_t, kStamp> hello{}; // its source is whom the server talks to from now on
    for (const Deadline deadline = after(plan.limit); Clock::now() < deadline;) {
        if (auto sent = send_all(*ours, hello, deadline); !sent) return tl::unexpected(sent.error());
        if (!readable(*theirs, std::min(after(100ms), deadline))) continue;
        std::array<uint8_t, kStamp> bytes;
        if (recvfrom(theirs->get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size) < 0) break;
        if (connect(theirs->get(), from.raw(), from.size) != 0) return fail("answer the client", errno);
        return begin(std::move(*ours), std::move(*theirs), false, plan);
    }
    return fail("begin a conversation with " + plan.server.address.text(), ETIMEDOUT);
}

Clock::time_point Conversation::last_arrival(End at) const {
    return moment_of(side(at).last_arrival);
}
Clock::time_point Conversation::newest_sent(End at) const {
    return moment_of(side(at).newest_sent);
}
uint64_t Conversation::bytes_arrived(End at) const {
    return side(at).bytes;
}
bool Conversation::broken(End at) const {
    return side(at).broken;
}
void Conversation::poke(End from) {
    ++side(from).pokes;
}

bool Conversation::arrives(End at, Clock::time_point moment, Deadline deadline) const {
    return wait_until([&] { return newest_sent(at) > moment; }, deadline);
}

bool Conversation::silent(Clock::time_point moment, Deadline until) const {
    const auto heard = [&] { return newest_sent(End::kClient) > moment || newest_sent(End::kServer) > moment; };
    return !wait_until(heard, until);
}

void Conversation::drive() {
    while (!stop_) {
        std::array<pollfd, 2> waiting{};
        const std::array<Side*, 2> sides{&client_, &server_};
        for (size_t i = 0; i < 2; ++i) {
            waiting[i].fd = sides[i]->broken ? -1 : sides[i]->fd.get();
            waiting[i].events = POLLIN;
        }
        poll(waiting.data(), waiting.size(), 1);
        for (size_t i = 0; i < 2; ++i) {
            if (waiting[i].revents) receive(*sides[i]);
        }
        const bool due = Clock::now() >= next_send_;
        if (due) next_send_ = Clock::now() + kBeat;
        for (Side* side : sides)
            act(*side, due);
    }
}

void Conversation::act(Side& side, bool due) {
    if (side.broken) return;
    if (side.pokes > 0 && send_stamped(side, kMessage)) --side.pokes;
    if (side.pushes && due) (void)send_stamped(side, burst_);
}

ssize_t Conversation::send_now(Side& side, const std::vector<uint8_t>& bytes) {
    const ssize_t sent = send(side.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    const bool will_pass = errno == EAGAIN || errno == ENOBUFS || !stream_; // datagrams survive ICMP errors
    if (sent < 0 && !will_pass) side.broken = true;
    return sent;
}

/// A stream may take less than it is given; then only the stamp that was cut is finished later, so that
/// nothing with an old stamp is sent long after.
bool Conversation::send_stamped(Side& side, size_t size) {
    const int64_t now = ticks(Clock::now());
    std::vector<uint8_t> bytes = std::exchange(side.half_sent, {});
    const size_t first = bytes.size();
    bytes.resize(first + size);
    for (size_t at = first; at < bytes.size(); at += kStamp)
        std::memcpy(bytes.data() + at, &now, kStamp);
    const ssize_t result = send_now(side, bytes);
    const size_t sent = result > 0 ? static_cast<size_t>(result) : 0;
    const size_t stamps_begun = sent > first ? (sent - first + kStamp - 1) / kStamp : 0;
    const size_t whole = first + stamps_begun * kStamp;
    side.half_sent.assign(bytes.begin() + static_cast<std::ptrdiff_t>(sent),
                          bytes.begin() + static_cast<std::ptrdiff_t>(whole));
    return sent > first;
}

void Conversation::receive(Side& side) {
    std::array<uint8_t, 65536> bytes;
    const ssize_t got = recv(side.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got > 0) {
        take(side, bytes.data(), static_cast<size_t>(got));
        if (side.answers) (void)send_stamped(side, kMessage);
    } else if (stream_ && (got == 0 || errno != EAGAIN)) {
        side.broken = true;
    }
}

void Conversation::take(Side& side, const uint8_t* bytes, size_t size) {
    side.last_arrival = ticks(Clock::now());
    side.bytes += size;
    side.half_received.insert(side.half_received.end(), bytes, bytes + size);
    size_t at = 0;
    for (; at + kStamp <= side.half_received.size(); at += kStamp) {
        int64_t stamp = 0;
        std::memcpy(&stamp, side.half_received.data() + at, kStamp);
        raise_to(side.newest_sent, stamp);
    }
    side.half_received.erase(side.half_received.begin(), side.half_received.begin() + static_cast<std::ptrdiff_t>(at));
}

} // namespace bulkhead::test
