// SPDX-License-Identifier: Apache-2.0
//
// What this kernel can do and what we may do, found out by trying: version numbers lie, because
// distributions backport and containers restrict.
#pragma once

#include "base/result.h"

namespace bulkhead::datapath {

struct Features {
    bool tcx = false; // else clsact
};

/// Raises RLIMIT_MEMLOCK where that is allowed (kernels before 5.11 count maps against it). An error is one sentence:
/// what is missing, and what would give it.
Result<Features> probe_features();

} // namespace bulkhead::datapath
