// SPDX-License-Identifier: Apache-2.0
//
// What a flood of SYNs on one CPU, refused ones or ones that pass, costs the allowed packets on another: next to
// nobody, next to a neighbour that is just as busy with allowed packets (two CPUs share caches, and often a core), and
// next to the flood. What it costs its own CPU is tools/bench's "SYN, denied" and "SYN, full table".
#pragma once

#include <string>

#include "base/result.h"

namespace bulkhead::bench {

struct FloodOptions {
    unsigned blocks = 9; // of two seconds each way
    std::string json;    // empty = none
};

/// Prints a table. False if a flood costs more than a neighbour does by more than is allowed.
Result<bool> measure_flood(const FloodOptions& options);

} // namespace bulkhead::bench
