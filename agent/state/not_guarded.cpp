// SPDX-License-Identifier: Apache-2.0
#include "state/not_guarded.h"

#include <array>

namespace bulkhead::state {

namespace {

struct Row {
    std::string_view name;
    std::string_view text;
};

// In the order of the enumerators.
constexpr std::array kRows{
    Row{"no-program", "Bulkhead's programs can't be attached to its interface: nothing isolates it"},
    Row{"no-slot", "its node's agent guards as many pods as it can (--max-pods): nothing that it sends passes, and "
                   "nobody reaches it"},
    Row{"no-interface", "its node's agent finds no interface of it: another CNI than the VPC's, or another "
                        "--veth-prefix? Nothing isolates it, and other nodes don't know it"},
};

} // namespace

std::string_view name_of(NotGuarded why) {
    return kRows[static_cast<size_t>(why)].name;
}

std::string_view text_of(NotGuarded why) {
    return kRows[static_cast<size_t>(why)].text;
}

std::optional<NotGuarded> not_guarded_by_name(std::string_view name) {
    for (size_t i = 0; i < kRows.size(); ++i)
        if (kRows[i].name == name) return static_cast<NotGuarded>(i);
    return std::nullopt;
}

} // namespace bulkhead::state
