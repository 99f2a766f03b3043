// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 as far as we cut it (RFC 3629). An API server replaces what isn't UTF-8: what it keeps of half a character
// never equals what was sent, which then is sent again and again.
#pragma once

#include <string_view>

namespace bulkhead {

/// As much of the beginning as fits into `most` bytes without half a character at its end. Of what isn't UTF-8, at most
/// three bytes less than that.
constexpr std::string_view cut_utf8(std::string_view text, size_t most) {
    constexpr size_t kLongestRest = 3; // of a character, after its first byte
    if (text.size() <= most) return text;
    const auto goes_on = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
    for (size_t end = most; most - end <= kLongestRest; --end) {
        if (!goes_on(end)) return text.substr(0, end);
        if (end == 0) break;
    }
    return text.substr(0, most);
}

} // namespace bulkhead
