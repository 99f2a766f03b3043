// SPDX-License-Identifier: Apache-2.0
//
// Files and directories read once, without an agent: for tools and tests.
#pragma once

#include <string>
#include <vector>

#include "state/objects.h"

namespace bulkhead::source {

/// The valid objects of all files below `paths`, each once, in the order of the files.
std::vector<state::Object> read_all(const std::vector<std::string>& paths, std::vector<state::Problem>& problems);

} // namespace bulkhead::source
