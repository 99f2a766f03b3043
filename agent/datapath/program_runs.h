// SPDX-License-Identifier: Apache-2.0
//
// How often and for how long the programs ran, as the kernel counts it while somebody wants it to (sysctl
// kernel.bpf_stats_enabled, or BPF_ENABLE_STATS): which costs each run some 20 ns, so it is nobody's default.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datapath/maps.h"

namespace bulkhead::datapath {

struct ProgramRuns {
    std::string program;
    uint64_t runs = 0;
    uint64_t nanoseconds = 0;
};

/// Those that ran while it was counted.
std::vector<ProgramRuns> program_runs(const Programs& programs);

} // namespace bulkhead::datapath
