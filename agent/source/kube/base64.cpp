// SPDX-License-Identifier: Apache-2.0
#include "source/kube/base64.h"

#include <cstdint>

namespace bulkhead::source::kube {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string without_line_ends(std::string_view text) {
    std::string rest;
    rest.reserve(text.size());
    for (const char character : text)
        if (character != '\n' && character != '\r') rest.push_back(character);
    return rest;
}

/// Up to two '=' at the end of a whole number of quartets; what else is wrong shows in the digits.
std::optional<std::string_view> without_padding(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i)
        text.remove_suffix(1);
    return text;
}

} // namespace

std::string to_base64(std::string_view bytes) {
    std::string text;
    for (size_t at = 0; at < bytes.size(); at += 3) {
        const auto group = bytes.substr(at, 3);
        uint32_t bits = 0;
        for (size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < group.size() ? static_cast<uint8_t>(group[i]) : 0U);
        for (size_t i = 0; i < 4; ++i)
            text.push_back(i <= group.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=');
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    const auto digits = without_line_ends(text);
    const auto meaning = without_padding(digits);
    if (!meaning) return std::nullopt;
    std::string bytes;
    uint32_t bits = 0;
    unsigned held = 0; // bits that are no whole byte yet
    for (const char character : *meaning) {
        const auto value = kDigits.find(character);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        bytes.push_back(static_cast<char>(bits >> held & 255));
    }
    return bytes;
}

} // namespace bulkhead::source::kube
