// SPDX-License-Identifier: Apache-2.0
//
// Numbered datagrams, one a millisecond from one end of a conversation to the other: whatever is lost of them shows.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "support/conversation.h"

namespace bulkhead::test {

class Numbered {
public:
    struct Plan {
        std::string what;
        Endpoint server; // where it listens
        Endpoint asked;  // where the client asks it: at the same place, or at a Service
        End pusher = End::kServer;
    };

    /// The client asks once, and from its answer on only `pusher` says anything. Comes back when some have arrived.
    static Result<std::unique_ptr<Numbered>> begin(const Netns& client, const Netns& server, const Plan& plan);
    ~Numbered();

    const std::string& what() const { return what_; }
    uint64_t arrived() const { return arrived_; }
    /// Of those sent before the last that arrived.
    uint64_t lost() const { return next_ - arrived_; }

private:
    Numbered(std::string what, Fd pusher, Fd listener);
    void drive();

    std::string what_;
    Fd pusher_;
    Fd listener_;
    std::atomic<uint64_t> arrived_{0};
    std::atomic<uint64_t> next_{0}; // behind the highest that arrived
    std::atomic<bool> stop_{false};
    std::thread driver_;
};

} // namespace bulkhead::test
