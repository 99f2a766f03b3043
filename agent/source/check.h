// SPDX-License-Identifier: Apache-2.0
//
// Files and directories, or a text, read once, beside the agent's source: for tools and tests.
#pragma once

#include <string>
#include <vector>

#include "state/objects.h"

namespace bulkhead::source {

/// The valid objects of all files below `paths`, each once, in the order of the files.
std::vector<state::Object> read_all(const std::vector<std::string>& paths, std::vector<state::Problem>& problems);

/// Of one text, which problems call `name`.
std::vector<state::Object> read_text(const std::string& name, const std::string& text,
                                     std::vector<state::Problem>& problems);

} // namespace bulkhead::source
