// SPDX-License-Identifier: Apache-2.0
//
// Starts a program of somebody else: found by PATH, in a process group of its own, with nothing to read, and with
// none of our files but the two pipes it writes to.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "source/kube/access.h"

namespace bulkhead::source::kube {

struct Spawned {
    pid_t pid = -1; // and its process group; whoever has it waits for it
    Fd output;      // its stdout, non-blocking
    Fd errors;      // its stderr, non-blocking
};

/// `more` is added to the command's own environment. Comes back when the program runs.
Result<Spawned> spawn(const ExecCommand& command, const std::vector<std::pair<std::string, std::string>>& more);

} // namespace bulkhead::source::kube
