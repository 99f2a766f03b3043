// SPDX-License-Identifier: Apache-2.0
//
// What many agents ask of one API server: bytes and events for each of them, and objects written, at rest, while pods
// come and go, and while a DaemonSet rolls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::bench {

struct ScaleOptions {
    std::vector<uint32_t> agents = {50, 100, 200};
    uint32_t seconds = 60; // of each phase
    std::string json;      // empty = none
};

/// Prints a table. There is nothing to miss.
Result<bool> measure_scale(const ScaleOptions& options);

} // namespace bulkhead::bench
