// SPDX-License-Identifier: Apache-2.0
//
// What it takes this kernel to accept the programs: the instructions that its verifier looks at, and the time for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::bench {

struct VerifiedProgram {
    std::string name;
    uint32_t instructions = 0; // that the verifier looked at; 0 where the kernel doesn't say (before 5.16)
    uint32_t jited_bytes = 0;  // 0 without a JIT
};

/// The agent loads the programs in these ways; the configuration is constant to the verifier.
struct Variant {
    std::string name;
    double load_milliseconds = 0; // all programs, their maps included
    std::vector<VerifiedProgram> programs;
};

Result<std::vector<Variant>> measure_loads();

} // namespace bulkhead::bench
