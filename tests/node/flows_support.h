// SPDX-License-Identifier: Apache-2.0
//
// Flows as whoever asks the agent's socket sees them, and conversations by the thousand to make some.
#pragma once

#include "fixture.h"

namespace bulkhead::test {

/// One GET /v1/flows, read line by line.
class FlowStream {
public:
    /// `query`: "follow=true&port=80".
    FlowStream(const AgentProcess& agent, const std::string& query);

    /// All records until it ends; the end of the test if it doesn't.
    std::vector<Json> all();
    /// Adds lines to records() until `enough` of them, or until nothing comes for `silence`.
    bool read_until(const std::function<bool(const std::vector<Json>&)>& enough, Clock::duration silence);
    const std::vector<Json>& records() const { return records_; }
    bool ended() const { return ended_; }
    int status() const { return status_; }

private:
    void take(const std::string& bytes);

    Fd fd_;
    std::string rest_;
    bool in_body_ = false;
    bool ended_ = false;
    int status_ = 0;
    std::vector<Json> records_;
};

/// What the agent has in its history.
std::vector<Json> flows(const AgentProcess& agent, const std::string& query = "");

/// Datagrams to one port, each from another, as fast as `pace` lets them, or as it goes: conversations that begin.
/// Throws std::system_error, so that it may be on a thread of its own.
class Beginner {
public:
    Beginner(const Place& from, const Place& to, uint16_t port);
    void begin(unsigned count, std::chrono::nanoseconds pace);
    void begin(unsigned count);

private:
    static constexpr unsigned kBatch = 64;
    void send_batch(unsigned count);

    Fd fd_;
    SocketAddress to_;
    uint16_t port_;
    uint16_t next_ = 1024;
};

/// Of what the agent says of its events: written, limited, lost, merged, untold.
uint64_t events(const AgentProcess& agent, const std::string& what);

} // namespace bulkhead::test
