// SPDX-License-Identifier: Apache-2.0
//
// A long-lived TCP or UDP conversation with data in flight, for "acts on the very next packet" tests.
// Every eight bytes carry the moment they were sent, so a test can tell what was already under way at a
// change from what was sent after it. One thread drives both ends; the questions may come from any other.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "support/sockets.h"

namespace bulkhead::test {

enum class Flow : uint8_t {
    kClientPushes, // every millisecond: 16 KiB over TCP, a datagram over UDP
    kServerPushes,
    kPingPong, // a message every millisecond, and each is answered
    kIdle,     // established, then silent until poked
};

enum class End : uint8_t { kClient, kServer };

class Conversation {
public:
    struct Plan {
        Flow flow = Flow::kIdle;
        Endpoint server;
        uint16_t client_port = 0;   // 0 = any
        Clock::duration limit = 5s; // for coming about
    };

    /// Comes back once bytes have passed as the plan says: the first from the client, and for all flows
    /// but an idle one the first of the flow, too.
    static Result<std::unique_ptr<Conversation>> tcp(const Netns& client, const Netns& server, const Plan& plan);
    static Result<std::unique_ptr<Conversation>> udp(const Netns& client, const Netns& server, const Plan& plan);
    ~Conversation();

    /// When the last byte arrived at that end, and when the newest that ever arrived there was sent.
    /// Never = the clock's epoch.
    Clock::time_point last_arrival(End at) const;
    Clock::time_point newest_sent(End at) const;
    uint64_t bytes_arrived(End at) const;

    /// Something that was sent after `moment` arrives at `at` before the deadline.
    bool arrives(End at, Clock::time_point moment, Deadline deadline) const;
    /// Nothing that was sent after `moment` arrives at either end until then.
    bool silent(Clock::time_point moment, Deadline until) const;

    /// One message from that end now (for idle ones).
    void poke(End from);
    /// RST, timeout or refusal seen at that end.
    bool broken(End at) const;
    uint16_t client_port() const { return client_port_; }

private:
    struct Side {
        Fd fd;
        bool pushes = false;
        bool answers = false;
        std::atomic<int64_t> last_arrival{0}; // Clock ticks
        std::atomic<int64_t> newest_sent{0};
        std::atomic<uint64_t> bytes{0};
        std::atomic<bool> broken{false};
        std::atomic<int> pokes{0};
        // The driver's own: pieces of a stamp that a stream cut in two, coming and going.
        std::vector<uint8_t> half_received;
        std::vector<uint8_t> half_sent;
    };

    Conversation(Fd client, Fd server, bool stream, Flow flow);
    static Result<std::unique_ptr<Conversation>> begin(Fd client, Fd server, bool stream, const Plan& plan);
    bool under_way(Flow flow, Deadline deadline);

    Side& side(End end) { return end == End::kClient ? client_ : server_; }
    const Side& side(End end) const { return end == End::kClient ? client_ : server_; }

    void drive();
    void act(Side& side, bool due); // sends what is due at this end
    void receive(Side& side);
    void take(Side& side, const uint8_t* bytes, size_t size);
    bool send_stamped(Side& side, size_t size);
    ssize_t send_now(Side& side, const std::vector<uint8_t>& bytes);

    const bool stream_;
    const size_t burst_; // bytes
    Side client_;
    Side server_;
    uint16_t client_port_ = 0;
    std::atomic<bool> stop_{false};
    Clock::time_point next_send_{};
    std::thread driver_;
};

} // namespace bulkhead::test
