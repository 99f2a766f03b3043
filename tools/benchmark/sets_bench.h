// SPDX-License-Identifier: Apache-2.0
//
// What large sets of AWS addresses cost the agent: one resource of thousands of addresses, one of a long prefix list,
// and many small ones, beside a cluster of the same size without any, in the same run. By `cidrs`, which is what every
// look-up ends as.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace bulkhead::bench {

struct SetsOptions {
    std::filesystem::path binary;
    uint32_t pods = 10000;
    uint32_t changes = 100; // of one address, to each set
    std::string json;       // empty = none
};

/// Prints a table.
Result<> measure_sets(const SetsOptions& options);

} // namespace bulkhead::bench
