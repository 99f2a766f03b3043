// SPDX-License-Identifier: Apache-2.0
//
// The race at a pod's start: from RTM_NEWLINK of its veth until it is guarded, and what gets through meanwhile. A pod
// sends to a resource that isn't its tenant's, and a stranger on its node knocks on it, which is Protected, from before
// its veth is the node's. With the CNI gate the pod's process starts once the agent says that it is guarded.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace bulkhead::bench {

struct StartupOptions {
    std::filesystem::path binary;
    std::string json;
    uint32_t pods = 1000;
    uint32_t burst = 20;
    uint32_t others = 1000; // pods elsewhere in the cluster
};

/// True if what is required holds.
Result<bool> measure_startup(const StartupOptions& options);

} // namespace bulkhead::bench
