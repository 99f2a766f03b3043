// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace bulkhead {

namespace {

struct Character {
    uint32_t code = 0;
    size_t size = 1; // bytes
    bool is_utf8 = true;
};

/// The first of `text`, which is not empty (RFC 3629: shortest forms only, no surrogates).
Character first_of(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const Character wrong{.code = byte(0), .size = 1, .is_utf8 = false};
    if (byte(0) < 0x80) return {.code = byte(0)};
    const size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
    if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < size) return wrong;
    uint32_t code = byte(0) & (0x7fU >> size);
    for (size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return wrong;
        code = code << 6 | (byte(i) & 0x3f);
    }
    static constexpr std::array<uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kLeast.at(size) || code > 0x10ffff || is_surrogate) return wrong;
    return {.code = code, .size = size};
}

bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/// Unicode's Bidi_Control property, and its two separators of lines.
bool turns_the_line(uint32_t code) {
    return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto character = first_of(text);
        if (character.is_utf8 && !is_control(character.code) && !turns_the_line(character.code)) {
            out += text.substr(0, character.size);
        } else {
            std::array<char, 16> escape{};
            std::snprintf(escape.data(), escape.size(), character.code < 0x100 ? "\\x%02x" : "\\u%04x", character.code);
            out += escape.data();
        }
        text.remove_prefix(character.size);
    }
    return out;
}

} // namespace bulkhead
