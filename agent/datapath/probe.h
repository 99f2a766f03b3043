// SPDX-License-Identifier: Apache-2.0
//
// Finds out what this kernel can do and what we may do, by trying: version numbers lie, because
// distributions backport and containers restrict. Leaves nothing behind.
#pragma once

#include "datapath/features.h"

namespace bulkhead::datapath {

/// Raises RLIMIT_MEMLOCK where that is allowed (kernels before 5.11 count maps against it). An error is one sentence,
/// as check() says it: then this agent can't run here.
Result<Features> probe_features();

/// As uname -r says it.
std::string kernel_release();

} // namespace bulkhead::datapath
