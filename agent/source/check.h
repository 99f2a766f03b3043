// SPDX-License-Identifier: Apache-2.0
//
// Files and directories read once, without an agent: for `bulkheadctl validate`, tests and tools.
#pragma once

#include <string>
#include <vector>

#include "state/objects.h"

namespace bulkhead::source {

struct Checked {
    size_t objects = 0; // valid ones
    std::vector<state::Problem> problems;
};

Checked check_files(const std::vector<std::string>& paths);

/// The valid objects of all files below `paths`, each once, in the order of the files.
std::vector<state::Object> read_all(const std::vector<std::string>& paths, std::vector<state::Problem>& problems);

} // namespace bulkhead::source
