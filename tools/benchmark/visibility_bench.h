// SPDX-License-Identifier: Apache-2.0
//
// What `--flow-visibility` costs packets that pass: TCP data, which no event tells of whatever it is set to, and SYNs.
// The programs are loaded once for each setting, on maps of their own, and measured in turn.
#pragma once

#include <string>

#include "base/result.h"

namespace bulkhead::bench {

struct VisibilityOptions {
    unsigned rounds = 5;
    std::string json; // empty = none
};

/// Prints a table. False if TCP data costs more with `denied` than with `off` by more than is allowed.
Result<bool> measure_visibility(const VisibilityOptions& options);

} // namespace bulkhead::bench
