// SPDX-License-Identifier: Apache-2.0
//
// How long news takes from the API server to the kernel of a node: labels of namespaces, labels of pods, Tenants and
// other nodes' slices are changed at a steady pace by a client of the server, and the agent's maps are looked at until
// each change is there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::bench {

struct DelayOptions {
    std::vector<uint32_t> pods = {1000, 10000}; // of other nodes
    uint32_t changes_per_second = 50;
    uint32_t seconds = 30;
    std::string json; // empty = none
};

/// Prints a table; true if everything that is required was met.
Result<bool> measure_delay(const DelayOptions& options);

} // namespace bulkhead::bench
