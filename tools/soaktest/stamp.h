// SPDX-License-Identifier: Apache-2.0
//
// What every message begins with: who sent it, to whom, as part of what, and when. Both ends are this process, so
// bytes are in its own order and times are its steady clock's.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "ledger.h"

namespace bulkhead::soak {

struct Stamp {
    uint32_t magic = kMagic;
    uint32_t size = sizeof(Stamp); // of the whole message
    uint64_t conversation = 0;
    uint64_t from = 0; // incarnations
    uint64_t to = 0;
    uint32_t from_ns = 0;
    uint32_t from_node = 0;
    uint64_t number = 0; // within the conversation
    int64_t sent = 0;
    int64_t delay = 0; // until it is answered; datagrams only

    static constexpr uint32_t kMagic = 0x736f616b;

    Time sent_at() const { return Time(Time::duration(sent)); }
    Time due_at() const { return Time(Time::duration(sent + delay)); }
};

inline std::vector<uint8_t> bytes_of(const Stamp& stamp) {
    std::vector<uint8_t> bytes(stamp.size);
    std::memcpy(bytes.data(), &stamp, sizeof stamp);
    return bytes;
}

/// Nothing if it isn't one of ours, or not all of it.
inline std::optional<Stamp> stamp_in(std::span<const uint8_t> bytes) {
    Stamp stamp;
    if (bytes.size() < sizeof stamp) return std::nullopt;
    std::memcpy(&stamp, bytes.data(), sizeof stamp);
    if (stamp.magic != Stamp::kMagic || stamp.size < sizeof stamp || stamp.size > bytes.size()) return std::nullopt;
    return stamp;
}

} // namespace bulkhead::soak
