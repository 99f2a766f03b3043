// SPDX-License-Identifier: Apache-2.0
#include "flows_support.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace bulkhead::test {

FlowStream::FlowStream(const AgentProcess& agent, const std::string& query) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    agent.socket().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const std::string request = "GET /v1/flows?" + query + " HTTP/1.0\r\n\r\n"; // 1.0: no chunks
    REQUIRE(write(fd_.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    // Its head says that it reads from now on.
    REQUIRE(wait_until([&] { return read_until([&](const auto&) { return in_body_; }, 100ms); }, after(10s)));
}

void FlowStream::take(const std::string& bytes) {
    rest_ += bytes;
    if (!in_body_) {
        const auto head = rest_.find("\r\n\r\n");
        if (head == std::string::npos) return;
        status_ = std::stoi(rest_.substr(rest_.find(' ')));
        rest_.erase(0, head + 4);
        in_body_ = true;
    }
    size_t begin = 0;
    for (size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
        if (end != begin) records_.push_back(Json::parse(rest_.substr(begin, end - begin))); // empty: still there
    rest_.erase(0, begin);
}

bool FlowStream::read_until(const std::function<bool(const std::vector<Json>&)>& enough, Clock::duration silence) {
    while (!enough(records_)) {
        if (ended_ || !readable(fd_, after(silence))) return false;
        std::string buffer(64 << 10, '\0');
        const ssize_t got = read(fd_.get(), buffer.data(), buffer.size());
        ended_ = got <= 0;
        if (got > 0) take(buffer.substr(0, static_cast<size_t>(got)));
    }
    return true;
}

std::vector<Json> FlowStream::all() {
    read_until([](const auto&) { return false; }, 20s);
    REQUIRE(ended_);
    return records_;
}

std::vector<Json> flows(const AgentProcess& agent, const std::string& query) {
    return FlowStream(agent, query).all();
}

Beginner::Beginner(const Place& from, const Place& to, uint16_t port)
    : fd_(require(open_socket(from.netns, BH_IPV4, SOCK_RAW, IPPROTO_UDP))), to_(SocketAddress::of(to.ip4, 0)),
      port_(port) {}

void Beginner::begin(unsigned count, std::chrono::nanoseconds pace) {
    const auto started = Clock::now();
    for (unsigned i = 0; i < count; ++i) {
        send_batch(1);
        std::this_thread::sleep_until(started + pace * (i + 1));
    }
}

void Beginner::begin(unsigned count) {
    for (unsigned left = count; left > 0; left -= std::min(left, kBatch))
        send_batch(std::min(left, kBatch));
}

void Beginner::send_batch(unsigned count) {
    std::array<udphdr, kBatch> headers{};
    std::array<iovec, kBatch> pieces{};
    std::array<mmsghdr, kBatch> messages{};
    for (unsigned i = 0; i < count; ++i) {
        if (++next_ == 0) next_ = 1024;
        headers[i] = {.source = htons(next_), .dest = htons(port_), .len = htons(sizeof(udphdr)), .check = 0};
        pieces[i] = {.iov_base = &headers[i], .iov_len = sizeof(udphdr)};
        messages[i].msg_hdr = {.msg_name = to_.raw(), .msg_namelen = to_.size, .msg_iov = &pieces[i], .msg_iovlen = 1};
    }
    for (unsigned sent = 0; sent < count;) {
        const int more = sendmmsg(fd_.get(), &messages[sent], count - sent, 0);
        if (more < 0 && errno != EAGAIN && errno != ENOBUFS)
            throw std::system_error(errno, std::generic_category(), "begin a conversation");
        sent += static_cast<unsigned>(std::max(more, 0));
    }
}

uint64_t events(const AgentProcess& agent, const std::string& what) {
    return agent.ask({"status"}).at("events").at(what).get<uint64_t>();
}

} // namespace bulkhead::test
