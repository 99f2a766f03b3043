// SPDX-License-Identifier: Apache-2.0
#include "tcp_talk.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr auto kKnock = 4s; // of who is forbidden: the first SYN and two more
constexpr auto kConnectLimit = 40s;
constexpr auto kStallLimit = 40s; // without an answer
constexpr size_t kUnderWay = 8;   // messages that wait for an answer

} // namespace

Result<> TcpTalk::open() {
    ledger_.count(kTcpTalks);
    return connect(SOCK_STREAM);
}

void TcpTalk::ready(uint32_t events) {
    if (over_) return;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return died(strerror(error));
    if (!connected_ && (events & EPOLLOUT)) connected();
    if (connected_) {
        receive();
        if (!over_) flush();
    }
}

void TcpTalk::connected() {
    connected_ = true;
    ledger_.count(kTcpConnected);
    if (ruling().holds(Word::kNo, begun_)) ledger_.find(kForbiddenArrived, "a SYN was answered: " + text());
}

Time TcpTalk::tick(Time now) {
    if (!connected_) return tick_connecting(now);
    if (!open_.empty() && open_.begin()->second.at + kStallLimit < now) {
        died("no answer for " + std::to_string(std::chrono::seconds(kStallLimit).count()) + " s");
        return now;
    }
    if (now >= plan_.ends) {
        if (open_.empty() || !ruling().holds(Word::kYes, begun_)) {
            note_segments();
            over_ = true;
        }
        return now + 100ms;
    }
    if (open_.size() >= kUnderWay) return now + 50ms;
    if (now >= next_) send_next(now);
    return next_;
}

Time TcpTalk::tick_connecting(Time now) {
    const Ruling rule = ruling();
    if (rule.word == Word::kNo && now >= begun_ + kKnock) {
        if (rule.holds(Word::kNo, begun_)) ledger_.count(kForbiddenSent);
        over_ = true;
    } else if (now >= begun_ + kConnectLimit) {
        died("never connected");
    }
    return now + 500ms;
}

void TcpTalk::leave(const Pod&) {
    over_ = true;
}

void TcpTalk::receive() {
    std::array<uint8_t, 16384> bytes{};
    while (true) {
        const ssize_t size = recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (size == 0) return died("closed by the other side");
        if (size < 0 && errno == EAGAIN) break;
        if (size < 0) return died(strerror(errno));
        received_.insert(received_.end(), bytes.begin(), bytes.begin() + size);
    }
    size_t used = 0;
    while (const auto stamp = stamp_in(std::span(received_).subspan(used))) {
        take(*stamp);
        used += stamp->size;
    }
    received_.erase(received_.begin(), received_.begin() + static_cast<ptrdiff_t>(used));
}

void TcpTalk::take(const Stamp& stamp) {
    if (stamp.number != expected_ || stamp.conversation != plan_.id)
        ledger_.find(kAllowedLost, "message " + std::to_string(stamp.number) + " came instead of " +
                                       std::to_string(expected_) + ": " + text());
    expected_ = stamp.number + 1;
    const auto sent = open_.find(stamp.number);
    if (sent == open_.end()) return;
    if (ruling().holds(Word::kYes, sent->second.at)) ledger_.count(kAllowedSent);
    open_.erase(sent);
    ledger_.count(kAnswered);
}

void TcpTalk::send_next(Time now) {
    next_ = now + plan_.interval;
    const Stamp stamp = next_stamp(now);
    const auto bytes = bytes_of(stamp);
    unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
    open_[stamp.number] = {.at = now};
    flush();
}

void TcpTalk::flush() {
    while (!unsent_.empty()) {
        const ssize_t size = send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
        if (size < 0 && errno == EAGAIN) return;
        if (size < 0) return died(strerror(errno));
        unsent_.erase(unsent_.begin(), unsent_.begin() + size);
    }
}

void TcpTalk::died(const std::string& how) {
    note_segments();
    over_ = true;
    if (!both_live()) return;
    if (ruling().holds(Word::kYes, begun_))
        ledger_.find(kConnectionDied, how + ", " + std::to_string(number_) + " messages sent, " +
                                          std::to_string(open_.size()) + " without answer: " + text());
    else
        ledger_.count(kExcused, open_.size());
}

/// Before the socket closes, which would end what is to be read.
void TcpTalk::note_segments() {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
    if (!ruling().holds(Word::kYes, begun_)) return;
    ledger_.count(kSegmentsAgain, info.tcpi_total_retrans);
    ledger_.count(kSegmentsTwice, info.tcpi_dsack_dups);
}

} // namespace bulkhead::soak
