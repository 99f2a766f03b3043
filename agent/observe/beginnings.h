// SPDX-License-Identifier: Apache-2.0
//
// When conversations began, as far as the flow history still has their first packets: the flow memory has no room for
// it. A value; made and asked by one thread.
#pragma once

#include <chrono>
#include <optional>
#include <unordered_map>
#include <vector>

#include "observe/seen_flow.h"

namespace bulkhead::observe {

class Beginnings {
public:
    Beginnings() = default;
    /// `flows` oldest first. Of those between the same ends and ports the newest began what goes on.
    explicit Beginnings(const std::vector<SeenFlow>& flows);

    /// Of the conversation that begins with such a packet, at whichever pod of this node it was judged.
    std::optional<flow::Time> of(const bh_event& first) const;

private:
    struct Key {
        bh_addr src;
        bh_addr dst;
        uint16_t src_port;
        uint16_t dst_port;
        uint8_t family;
        uint8_t protocol;
        uint8_t reserved[2];
        bool operator==(const Key& other) const;
    };
    struct Hash {
        size_t operator()(const Key& key) const;
    };
    static Key key_of(const bh_event& event);

    std::unordered_map<Key, flow::Time, Hash> began_;
};

} // namespace bulkhead::observe
