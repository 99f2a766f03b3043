// SPDX-License-Identifier: Apache-2.0
#include "udp_talk.h"

#include <sys/socket.h>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 6s; // for an answer, on a machine that others use too
constexpr auto kLinger = 15s;  // after the server went

} // namespace

Result<> UdpTalk::open() {
    ledger_.count(kUdpTalks);
    return connect(SOCK_DGRAM);
}

void UdpTalk::ready(uint32_t) {
    std::array<uint8_t, 2048> bytes{};
    while (true) {
        const ssize_t size = recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (size < 0 && errno == EAGAIN) return;
        if (size < 0) continue; // an ICMP error, told once: nobody is there any more
        const auto stamp = stamp_in({bytes.data(), static_cast<size_t>(size)});
        if (!stamp || stamp->conversation != plan_.id) continue;
        const auto sent = open_.find(stamp->number);
        if (sent == open_.end()) continue;
        ledger_.count(kAnswered);
        if (ruling().holds(Word::kYes, sent->second.at)) ledger_.count(kAllowedSent);
        open_.erase(sent);
    }
}

Time UdpTalk::tick(Time now) {
    judge_overdue(now);
    const bool sends = now < (server_gone_ ? std::min(plan_.ends, *server_gone_ + kLinger) : plan_.ends);
    if (!sends && open_.empty()) {
        over_ = true;
        return now;
    }
    if (sends && now >= next_) send_next(now);
    const Time overdue = open_.empty() ? Time::max() : open_.begin()->second.at + plan_.delay + kPatience;
    return sends ? std::min(next_, overdue) : overdue;
}

void UdpTalk::leave(const Pod& pod) {
    if (&pod == plan_.client.get()) over_ = true;
    if (&pod != plan_.server.get()) return;
    open_.clear();
    server_gone_ = Clock::now();
}

void UdpTalk::send_next(Time now) {
    next_ = now + plan_.interval;
    const Stamp stamp = next_stamp(now);
    const auto bytes = bytes_of(stamp);
    // An ICMP error that was waiting for us is told once, instead of sending.
    for (int tries = 0; send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0; ++tries)
        if (errno == EAGAIN || tries > 2) return;
    if (!server_gone_) open_[stamp.number] = {.at = now};
}

void UdpTalk::judge_overdue(Time now) {
    const Ruling rule = ruling();
    while (!open_.empty() && open_.begin()->second.at + plan_.delay + kPatience <= now) {
        const auto [number, sent] = *open_.begin();
        open_.erase(open_.begin());
        if (rule.holds(Word::kNo, sent.at)) {
            ledger_.count(kForbiddenSent);
        } else if (rule.holds(Word::kYes, sent.at)) {
            ledger_.count(kAllowedSent);
            ledger_.find(kAllowedLost, "message " + std::to_string(number) + ", sent " + ledger_.moment(sent.at) +
                                           (sent.arrived ? ", which arrived, but its answer didn't" : "") + ": " +
                                           text());
        } else {
            ledger_.count(kExcused);
        }
    }
}

} // namespace bulkhead::soak
