// SPDX-License-Identifier: Apache-2.0
#include "source/yaml_scalar.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace bulkhead::source {

namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

std::optional<bool> boolean(std::string_view text) {
    if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
    if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return false;
    return std::nullopt;
}

std::optional<int64_t> digits(std::string_view text, int base) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
    return number;
}

std::optional<int64_t> magnitude(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (text.size() > 2 && (text.starts_with("0x") || text.starts_with("0X"))) return digits(text.substr(2), 16);
    if (text.size() > 2 && text.starts_with("0o")) return digits(text.substr(2), 8);
    if (text.size() > 2 && text.starts_with("0b")) return digits(text.substr(2), 2);
    if (text.size() > 1 && text.front() == '0') return digits(text.substr(1), 8);
    return digits(text, 10);
}

std::optional<int64_t> integer(std::string text) {
    const bool negative = text.starts_with("-");
    if (negative || text.starts_with("+")) text.erase(0, 1);
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    std::erase(text, '_');
    const auto number = magnitude(text);
    return number && negative ? -*number : number;
}

std::optional<double> decimal(std::string_view text) {
    if (text.starts_with("+")) text.remove_prefix(1);
    if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
    if (text.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

} // namespace

Value resolve_plain(const std::string& text, uint32_t line) {
    constexpr size_t kLongestNumber = 64;
    if (text.size() <= kLongestNumber) {
        if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return {.content = {}, .line = line};
        if (const auto value = boolean(text)) return {.content = *value, .line = line};
        if (const auto value = integer(text)) return {.content = *value, .line = line};
        if (const auto value = decimal(text)) return {.content = *value, .line = line};
    }
    return {.content = text, .line = line};
}

} // namespace bulkhead::source
