// SPDX-License-Identifier: Apache-2.0
#include "source/document.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/utf8.h"

namespace bulkhead::source {

namespace {

constexpr size_t kLongestQuote = 80; // bytes of somebody's text in a message

std::string decimal(double number) {
    std::array<char, 40> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%g", number);
    return buffer.data();
}

struct TextOf {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return decimal(value); }
    std::string operator()(const std::string& value) const {
        if (value.size() <= kLongestQuote) return "\"" + value + "\"";
        return "\"" + std::string(cut_utf8(value, kLongestQuote)) + "...\"";
    }
    std::string operator()(const Array&) const { return "a list"; }
    std::string operator()(const Object&) const { return "an object"; }
};

} // namespace

const Value* Value::find(std::string_view key) const {
    const auto* members = object();
    if (members == nullptr) return nullptr;
    for (auto member = members->rbegin(); member != members->rend(); ++member)
        if (member->key == key) return &member->value;
    return nullptr;
}

size_t Value::count(std::string_view key) const {
    const auto* members = object();
    if (members == nullptr) return 0;
    return static_cast<size_t>(
        std::count_if(members->begin(), members->end(), [&](const Member& member) { return member.key == key; }));
}

std::string Value::text() const {
    return std::visit(TextOf{}, content);
}

} // namespace bulkhead::source
