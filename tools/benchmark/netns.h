// SPDX-License-Identifier: Apache-2.0
//
// Network namespaces without a name in /run/netns: one goes with the last who holds it.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::bench {

Result<Fd> netns_of_thread();
Result<Fd> new_netns();
/// This thread only.
Result<> enter(const Fd& netns);

} // namespace bulkhead::bench
