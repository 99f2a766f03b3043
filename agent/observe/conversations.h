// SPDX-License-Identifier: Apache-2.0
//
// Which events are of one conversation: a client that gets no answer sends its first packet again and again, and the
// programs tell of it more than once. Packets of the same ends, ports, protocol and reason at the same pod are one
// conversation until nothing is seen of it for 65 s, a second more than the longest pause between two SYNs of Linux.
//
// Bounded: when more are under way than the limit, the older half may be forgotten and count once more. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "bulkhead/abi.h"

namespace bulkhead::observe {

class Conversations {
public:
    explicit Conversations(size_t limit = 32768) : half_(limit / 2) {}

    /// Does one begin with it?
    bool is_new(const bh_event& event);

private:
    struct Key {
        bh_addr src;
        bh_addr dst;
        uint16_t src_port;
        uint16_t dst_port;
        uint16_t slot;
        uint8_t family;
        uint8_t protocol;
        uint8_t reason;
        uint8_t direction;
        uint8_t reserved[2];
        bool operator==(const Key& other) const;
    };
    struct Hash {
        size_t operator()(const Key& key) const;
    };
    using Seen = std::unordered_map<Key, uint64_t, Hash>; // when last, ns

    static Key key_of(const bh_event& event);
    void make_room(uint64_t now);

    size_t half_;
    Seen newer_; // touched since `since_`
    Seen older_; // touched before
    uint64_t since_ = 0;
};

} // namespace bulkhead::observe
