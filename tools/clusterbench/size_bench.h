// SPDX-License-Identifier: Apache-2.0
//
// What an agent takes in a large cluster that a real API server keeps: time to its first sync, memory, and the CPU's
// time while nothing happens.
#pragma once

#include <string>
#include <vector>

#include "population.h"

namespace bulkhead::bench {

struct SizeOptions {
    std::vector<uint32_t> pods = {10000, 100000};
    uint32_t idle_seconds = 30;
    std::string json; // empty = none
};

/// Prints a table; true if everything that is required was met.
Result<bool> measure_size(const SizeOptions& options);

} // namespace bulkhead::bench
