// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of this process, under the names that all of Prometheus' own clients give to it.
#pragma once

#include <cstdint>
#include <optional>

namespace bulkhead::observe {

struct ProcessFigures {
    double cpu_seconds = 0;   // user and system
    double start_seconds = 0; // since the epoch
    uint64_t resident_bytes = 0;
    uint64_t virtual_bytes = 0;
    uint64_t open_fds = 0;
    uint64_t max_fds = 0;
};

/// Nothing where /proc can't be read.
std::optional<ProcessFigures> look_at_process();

} // namespace bulkhead::observe
