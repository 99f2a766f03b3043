// SPDX-License-Identifier: Apache-2.0
//
// What a flood costs the agent: strangers send SYNs to a pod of its node as fast as one CPU can, each from another port
// and address, ones that are refused or ones that pass, and the agent's time on CPUs is read meanwhile. The flood is the
// program that the agent loaded, run over these packets (replayer.h), so that it is as fast as no network device is.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace bulkhead::bench {

struct AgentFloodOptions {
    std::filesystem::path binary;
    unsigned seconds = 10; // of each row
    std::string json;      // empty = none
};

/// Prints a table. False if the agent takes more of a CPU than it may.
Result<bool> measure_agent_flood(const AgentFloodOptions& options);

} // namespace bulkhead::bench
