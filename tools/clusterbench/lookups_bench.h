// SPDX-License-Identifier: Apache-2.0
//
// What it costs, and how long it takes, to have the addresses of some hundred AWSResources looked up: calls of AWS'
// APIs in an hour and who makes them; from a change in DNS or AWS to a node's kernel; from the end of the leader until
// another one asks.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace bulkhead::bench {

struct LookUpsOptions {
    uint32_t interval = 60;  // seconds between two sweeps
    uint32_t seconds = 1200; // for which calls are counted
    uint32_t changes = 10;   // in DNS, and as many in AWS
    uint32_t ends = 5;       // of leaders
    std::string json;        // empty = none
};

/// Prints a table; true if everything that is required was met.
Result<bool> measure_look_ups(const LookUpsOptions& options);

} // namespace bulkhead::bench
