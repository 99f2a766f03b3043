// SPDX-License-Identifier: Apache-2.0
#include "numbered_support.h"

#include <array>
#include <cstring>

namespace bulkhead::test {

namespace {

constexpr auto kBeat = 1ms;
constexpr uint64_t kUnderWay = 20;

/// The server's socket hears of the client, and answers it, until that hears.
Result<> introduce(const Fd& client, const Fd& server, Deadline deadline) {
    const std::array<uint8_t, 1> hello{};
    while (Clock::now() < deadline) {
        if (auto sent = send_all(client, hello, deadline); !sent) return sent;
        if (!readable(server, std::min(after(100ms), deadline))) continue;
        SocketAddress from;
        std::array<uint8_t, 8> bytes{};
        if (recvfrom(server.get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size) < 0) break;
        if (connect(server.get(), from.raw(), from.size) != 0) return fail("answer the client", errno);
        if (auto sent = send_all(server, hello, deadline); !sent) return sent;
        if (readable(client, std::min(after(1s), deadline))) return {};
    }
    return fail("begin a conversation", ETIMEDOUT);
}

} // namespace

Numbered::Numbered(std::string what, Fd pusher, Fd listener)
    : what_(std::move(what)), pusher_(std::move(pusher)), listener_(std::move(listener)), driver_([this] { drive(); }) {
}

Numbered::~Numbered() {
    stop_ = true;
    driver_.join();
}

Result<std::unique_ptr<Numbered>> Numbered::begin(const Netns& client, const Netns& server, const Plan& plan) {
    auto theirs = bound_socket(server, plan.server, SOCK_DGRAM);
    if (!theirs) return tl::unexpected(theirs.error());
    auto ours = udp_connect(client, plan.asked);
    if (!ours) return tl::unexpected(ours.error());
    if (auto introduced = introduce(*ours, *theirs, after(20s)); !introduced)
        return within(plan.what, introduced.error());
    const bool server_pushes = plan.pusher == End::kServer;
    std::unique_ptr<Numbered> made(new Numbered(plan.what, std::move(server_pushes ? *theirs : *ours),
                                                std::move(server_pushes ? *ours : *theirs)));
    if (!wait_until([&] { return made->arrived() >= kUnderWay; }, after(20s)))
        return fail(plan.what + ": nothing arrives");
    return made;
}

void Numbered::drive() {
    auto due = Clock::now();
    for (uint64_t number = 0; !stop_; ++number) {
        (void)send(pusher_.get(), &number, sizeof number, MSG_DONTWAIT | MSG_NOSIGNAL);
        due = std::max(due + kBeat, Clock::now());
        std::this_thread::sleep_until(due);
        uint64_t heard = 0;
        while (recv(listener_.get(), &heard, sizeof heard, MSG_DONTWAIT) == sizeof heard) {
            ++arrived_;
            next_ = std::max<uint64_t>(next_, heard + 1);
        }
    }
}

} // namespace bulkhead::test
