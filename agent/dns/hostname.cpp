// SPDX-License-Identifier: Apache-2.0
#include "dns/hostname.h"

#include <algorithm>

#include "base/address.h"

namespace bulkhead::dns {

namespace {

constexpr size_t kLongestName = 253; // RFC 1035, 2.3.4, without the root's dot
constexpr size_t kLongestLabel = 63;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_label(std::string_view label) {
    if (label.empty() || label.size() > kLongestLabel || label.front() == '-' || label.back() == '-') return false;
    return std::all_of(label.begin(), label.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_'; });
}

const char* why_not(std::string_view name) {
    if (name.size() > kLongestName) return "is longer than 253 characters";
    size_t labels = 0;
    std::string_view label;
    for (size_t start = 0; start <= name.size(); start += label.size() + 1) {
        label = name.substr(start, name.find('.', start) - start);
        if (!is_label(label)) return "is no host's name";
        ++labels;
    }
    if (labels < 2) return "has no domain: names are absolute, db.example.org";
    if (std::all_of(label.begin(), label.end(), is_digit)) return "is no host's name";
    return nullptr;
}

} // namespace

Result<std::string> hostname_of(std::string_view written) {
    if (Address::parse(written)) return fail("\"" + std::string(written) + "\" is an address: it belongs into cidrs");
    std::string name(written.substr(0, written.size() - (written.ends_with('.') ? 1 : 0)));
    std::transform(name.begin(), name.end(), name.begin(), lower);
    if (const char* why = why_not(name)) return fail("\"" + std::string(written) + "\" " + why);
    return name;
}

} // namespace bulkhead::dns
