// SPDX-License-Identifier: Apache-2.0
//
// How large an answer may be, all its pages together, of one look-up or of several that share it.
#pragma once

#include <cstddef>

namespace bulkhead::aws {

inline constexpr size_t kLargestLookUp = 32 << 20; // bytes; an interface takes some 2,500

struct Room {
    size_t most = kLargestLookUp;
    size_t used = 0; // more than that: it didn't fit
};

} // namespace bulkhead::aws
