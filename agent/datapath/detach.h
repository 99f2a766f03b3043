// SPDX-License-Identifier: Apache-2.0
//
// Takes everything of ours out of the kernel: the opposite of all other code here, and never done by a
// destructor. Works with whatever a dead agent left, whole or in parts, any number of times.
#pragma once

#include <string>

#include "base/result.h"

namespace bulkhead::datapath {

struct DetachReport {
    int links = 0;
    int filters = 0;   // on any device of this network namespace, also where pins are gone
    int qdiscs = 0;    // clsact qdiscs that we made and nobody else uses
    bool pins = false; // there was a pin directory
};

/// Refuses (EBUSY) while an agent holds the pin directory.
Result<DetachReport> detach(const std::string& pin_dir);

/// All of this node's: every pin directory on a bpffs that is mounted here, filters of those that are gone, and what
/// agents leave in /run/bulkhead. Refuses, before anything, while any agent lives. An error says what is left; all else
/// is gone.
Result<DetachReport> detach_node();

} // namespace bulkhead::datapath
