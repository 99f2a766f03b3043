// SPDX-License-Identifier: Apache-2.0
//
// How long somebody else's program that lets everything pass stands in front of ours at a pod's veth, and how many
// packets go by unjudged meanwhile, at full rate: with clsact until the agent has heard of it, with tcx until it looks.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace bulkhead::bench {

struct GapOptions {
    std::filesystem::path binary;
    uint32_t filters = 300; // of somebody else's by clsact, one after the other
    uint32_t programs = 40; // the same by tcx
    uint32_t pods = 10000;  // in the cluster of the agent that is busy
    std::string json;       // empty = none
};

/// Prints a table.
Result<> measure_gap(const GapOptions& options);

} // namespace bulkhead::bench
