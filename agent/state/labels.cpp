// SPDX-License-Identifier: Apache-2.0
#include "state/labels.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"

namespace bulkhead::state {

std::string scope_of(std::string_view tenant) {
    return scope_text(scope_number(tenant));
}

uint32_t scope_number(std::string_view tenant) {
    return fnv1a_32(tenant);
}

std::string scope_text(uint32_t number) {
    char text[9] = {};
    std::snprintf(text, sizeof text, "%08x", number);
    return text;
}

std::string label_value(std::string_view name) {
    constexpr size_t kLongest = 63;
    std::string value(name);
    if (value.size() > kLongest) value = value.substr(0, kLongest - 9) + "-" + scope_of(name);
    std::ranges::replace(value, '/', '.');
    return value;
}

} // namespace bulkhead::state
