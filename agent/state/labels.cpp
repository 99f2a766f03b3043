// SPDX-License-Identifier: Apache-2.0
#include "state/labels.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"

namespace bulkhead::state {

std::string scope_of(std::string_view tenant) {
    char hash[9] = {};
    std::snprintf(hash, sizeof hash, "%08x", fnv1a_32(tenant));
    return hash;
}

std::string label_value(std::string_view name) {
    constexpr size_t kLongest = 63;
    std::string value(name);
    if (value.size() > kLongest) value = value.substr(0, kLongest - 9) + "-" + scope_of(name);
    std::ranges::replace(value, '/', '.');
    return value;
}

} // namespace bulkhead::state
