// SPDX-License-Identifier: Apache-2.0
//
// What the agent costs: how long from its start to a whole cluster in the kernel, how much memory it then
// holds, and how long from a changed file of one pod to the changed row in the kernel's map.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::bench {

struct AgentOptions {
    std::filesystem::path binary;
    std::vector<uint32_t> pods = {10000, 100000};
    uint32_t changes = 500;
    std::string json; // empty = none
};

/// Prints a table; true if everything that is required was met.
Result<bool> measure_agent(const AgentOptions& options);

} // namespace bulkhead::bench
