// SPDX-License-Identifier: Apache-2.0
#include "observe/conversations.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/hash.h"

namespace bulkhead::observe {

namespace {

constexpr uint64_t kSilence = 65'000'000'000; // ns

} // namespace

bool Conversations::Key::operator==(const Key& other) const {
    return std::memcmp(this, &other, sizeof *this) == 0;
}

size_t Conversations::Hash::operator()(const Key& key) const {
    static_assert(std::has_unique_object_representations_v<Key>);
    return fnv1a_64({reinterpret_cast<const char*>(&key), sizeof key});
}

Conversations::Key Conversations::key_of(const bh_event& event) {
    return {.src = event.src,
            .dst = event.dst,
            .src_port = event.src_port,
            .dst_port = event.dst_port,
            .slot = event.slot,
            .family = event.family,
            .protocol = event.protocol,
            .reason = event.reason,
            .direction = event.direction,
            .reserved = {}};
}

bool Conversations::is_new(const bh_event& event) {
    const Key key = key_of(event);
    const uint64_t time = event.time;
    make_room(time);
    uint64_t last = 0;
    if (const auto old = older_.find(key); old != older_.end()) {
        last = old->second;
        older_.erase(old);
    }
    const auto [now, added] = newer_.try_emplace(key, time);
    if (!added) last = std::exchange(now->second, std::max(now->second, time));
    return last == 0 || event.first > last + kSilence;
}

/// What is in `older_` when a silence is over since the last exchange has been silent for as long.
void Conversations::make_room(uint64_t now) {
    if (newer_.size() < half_ && now < since_ + kSilence) return;
    older_ = std::exchange(newer_, {});
    since_ = now;
}

} // namespace bulkhead::observe
