// SPDX-License-Identifier: Apache-2.0
//
// FNV-1a, the hash that names identities and origins across restarts of the agent: it depends on
// nothing but the text, unlike std::hash.
#pragma once

#include <cstdint>
#include <string_view>

namespace bulkhead {

constexpr uint64_t fnv1a_64(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text)
        hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return hash;
}

constexpr uint32_t fnv1a_32(std::string_view text) {
    uint32_t hash = 0x811c9dc5u;
    for (const char c : text)
        hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193u;
    return hash;
}

} // namespace bulkhead
