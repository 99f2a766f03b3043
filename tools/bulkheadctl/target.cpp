// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/target.h"

#include <algorithm>
#include <cctype>

#include "base/address.h"

namespace bulkhead::ctl {

namespace {

bool is_all_digits(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool is_word(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c); });
}

/// "PORT", "PORT/PROTOCOL" or "PROTOCOL".
Result<Target> with_suffix(std::string name, const std::string& suffix) {
    const auto slash = suffix.find('/');
    const auto first = suffix.substr(0, slash);
    if (name.empty()) return fail("\":" + suffix + "\" names no destination");
    if (slash == std::string::npos && is_word(first)) return Target{std::move(name), "", first};
    const auto protocol = slash == std::string::npos ? "" : suffix.substr(slash + 1);
    const bool valid = is_all_digits(first) && (slash == std::string::npos || is_word(protocol));
    if (!valid) return fail("\"" + suffix + "\" is no PORT[/PROTOCOL]");
    return Target{std::move(name), first, protocol};
}

} // namespace

Result<Target> parse_target(const std::string& text) {
    if (text.starts_with("[")) {
        const auto end = text.find(']');
        if (end == std::string::npos) return fail("\"" + text + "\" lacks a ]");
        auto name = text.substr(1, end - 1);
        if (end + 1 == text.size()) return Target{std::move(name), "", ""};
        if (text[end + 1] != ':') return fail("\"" + text + "\" goes on after the ] without a :");
        return with_suffix(std::move(name), text.substr(end + 2));
    }
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || Address::parse(text)) return Target{text, "", ""};
    return with_suffix(text.substr(0, colon), text.substr(colon + 1));
}

} // namespace bulkhead::ctl
