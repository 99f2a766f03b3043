// SPDX-License-Identifier: Apache-2.0
#include "state/labels.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"

namespace bulkhead::state {

std::string label_value(std::string_view name) {
    constexpr size_t kLongest = 63;
    char hash[10] = {};
    std::snprintf(hash, sizeof hash, "-%08x", fnv1a_32(name));
    std::string value(name);
    if (value.size() > kLongest) value = value.substr(0, kLongest - 9) + hash;
    std::ranges::replace(value, '/', '.');
    return value;
}

} // namespace bulkhead::state
