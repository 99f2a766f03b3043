// SPDX-License-Identifier: Apache-2.0
#include "startup_traffic.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace bulkhead::bench {

namespace {

constexpr size_t kEthernet = 14, kUdp = 8, kPayload = 16;
constexpr uint8_t kHops = 64;

using Frame = std::vector<uint8_t>;

void append16(Frame& frame, size_t value) {
    frame.push_back(static_cast<uint8_t>(value >> 8));
    frame.push_back(static_cast<uint8_t>(value));
}

void append(Frame& frame, const Address& address) {
    frame.insert(frame.end(), address.bytes.begin(), address.bytes.begin() + address.bits() / 8);
}

void append(Frame& frame, const Mac& mac) {
    frame.insert(frame.end(), mac.begin(), mac.end());
}

/// RFC 1071.
uint16_t checksum(const uint8_t* bytes, size_t size, uint32_t sum = 0) {
    for (size_t i = 0; i + 1 < size; i += 2)
        sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

void put16(Frame& frame, size_t at, uint16_t value) {
    frame[at] = static_cast<uint8_t>(value >> 8);
    frame[at + 1] = static_cast<uint8_t>(value);
}

void append_header(Frame& frame, const Address& from, const Address& to) {
    if (from.family == BH_IPV4) {
        for (const int byte : {0x45, 0})
            frame.push_back(static_cast<uint8_t>(byte));
        append16(frame, 20 + kUdp + kPayload);
        for (const int byte : {0, 0, 0, 0})
            frame.push_back(static_cast<uint8_t>(byte));
        frame.push_back(kHops);
        frame.push_back(IPPROTO_UDP);
        append16(frame, 0);
    } else {
        for (const int byte : {0x60, 0, 0, 0})
            frame.push_back(static_cast<uint8_t>(byte));
        append16(frame, kUdp + kPayload);
        frame.push_back(IPPROTO_UDP);
        frame.push_back(kHops);
    }
    append(frame, from);
    append(frame, to);
    if (from.family == BH_IPV4) put16(frame, kEthernet + 10, checksum(frame.data() + kEthernet, 20));
}

struct Way {
    const PodSite& sender;
    uint16_t kind; // BENCH_TO_POD, BENCH_FROM_POD
    uint32_t pod;
};

Frame datagram(const Way& way, const Address& to) {
    const Address& from = to.family == BH_IPV4 ? way.sender.ip4 : way.sender.ip6;
    Frame frame;
    append(frame, way.sender.host_mac);
    append(frame, way.sender.mac);
    append16(frame, to.family == BH_IPV4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
    append_header(frame, from, to);
    const size_t udp = frame.size();
    append16(frame, way.kind);
    append16(frame, BENCH_FIRST_PORT + way.pod);
    append16(frame, kUdp + kPayload);
    append16(frame, 0);
    frame.resize(frame.size() + kPayload);
    // With the pseudo-header, whose addresses are those right before.
    const size_t addresses = 2 * static_cast<size_t>(to.bits()) / 8;
    put16(frame, udp + 6,
          checksum(frame.data() + udp - addresses, frame.size() - udp + addresses, IPPROTO_UDP + kUdp + kPayload));
    return frame;
}

} // namespace

StartupTraffic::StartupTraffic(const PodSite& stranger) : stranger_(stranger), thread_([this] { run(); }) {}

StartupTraffic::~StartupTraffic() {
    ended_ = true;
    thread_.join();
}

void StartupTraffic::add(uint32_t pod, int wire, std::array<Frame, 2> frames) {
    const std::scoped_lock lock(mutex_);
    targets_.push_back({.pod = pod, .wire = wire, .frames = std::move(frames)});
}

void StartupTraffic::knock_at(const PodSite& pod) {
    const Way way{.sender = stranger_, .kind = BENCH_TO_POD, .pod = pod.number};
    add(pod.number, stranger_.wire.get(), {datagram(way, pod.ip4), datagram(way, pod.ip6)});
}

void StartupTraffic::let_send(const PodSite& pod) {
    const Way way{.sender = pod, .kind = BENCH_FROM_POD, .pod = pod.number};
    add(pod.number, pod.wire.get(),
        {datagram(way, StartupNode::resource(BH_IPV4)), datagram(way, StartupNode::resource(BH_IPV6))});
}

void StartupTraffic::forget(const PodSite& pod) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(targets_, [&](const Target& target) { return target.pod == pod.number; });
}

void StartupTraffic::run() {
    for (size_t round = 0; !ended_; ++round) {
        const auto next = std::chrono::steady_clock::now() + kRound;
        {
            const std::scoped_lock lock(mutex_);
            for (const Target& target : targets_) {
                const Frame& frame = target.frames[round % 2];
                if (send(target.wire, frame.data(), frame.size(), 0) > 0) ++sent_;
            }
        }
        std::this_thread::sleep_until(next);
    }
}

} // namespace bulkhead::bench
