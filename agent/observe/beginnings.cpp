// SPDX-License-Identifier: Apache-2.0
#include "observe/beginnings.h"

#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/hash.h"

namespace bulkhead::observe {

bool Beginnings::Key::operator==(const Key& other) const {
    return std::memcmp(this, &other, sizeof *this) == 0;
}

size_t Beginnings::Hash::operator()(const Key& key) const {
    static_assert(std::has_unique_object_representations_v<Key>);
    return fnv1a_64({reinterpret_cast<const char*>(&key), sizeof key});
}

Beginnings::Key Beginnings::key_of(const bh_event& event) {
    return {.src = event.src,
            .dst = event.dst,
            .src_port = event.src_port,
            .dst_port = event.dst_port,
            .family = event.family,
            .protocol = event.protocol,
            .reserved = {}};
}

Beginnings::Beginnings(const std::vector<SeenFlow>& flows) {
    // What is refused or audited is told again and again: only of what is allowed a flow is a first packet.
    for (const auto& flow : flows)
        if (flow.event.verdict == BH_VERDICT_ALLOW)
            began_[key_of(flow.event)] = flow::Time(std::chrono::nanoseconds(flow.event.first));
}

std::optional<flow::Time> Beginnings::of(const bh_event& first) const {
    const auto found = began_.find(key_of(first));
    return found == began_.end() ? std::nullopt : std::optional(found->second);
}

} // namespace bulkhead::observe
