// SPDX-License-Identifier: Apache-2.0
//
// Namespaces on their way from one tenant to another. The kernel hears of them one after the other, so where one change
// takes some out of a tenant and others in, some of both would be of it for a moment, and let each other in. Whoever
// comes waits until all who go are gone.
#pragma once

#include <set>
#include <string>

#include "compile/tenancy.h"

namespace bulkhead::compile {

/// Namespaces that come into a tenant which others leave that are still there.
std::set<std::string> arrivals_to_wait(const Tenancy& before, const Tenancy& after);

} // namespace bulkhead::compile
