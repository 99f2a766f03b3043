// SPDX-License-Identifier: Apache-2.0
//
// Which labels of their pods the nodes tell each other: those that some selector asks for, of those who come and of
// those whom confined pods may reach. (Whom an expose or a grant opens, that pod's own node judges.)
//
// What the platform's objects name has room always. What tenants name in AccessGrants has room up to a bound, since
// every slice of the cluster grows by it; the room is shared out by namespace, so that one with many odd keys takes
// nothing from others. Whose key found no room is told.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "state/cluster.h"

namespace bulkhead::compile {

inline constexpr size_t kMostLabelKeys = 128;

std::set<std::string> label_keys(const state::Cluster& cluster);

/// The same; adds those who lost to `problems`.
std::set<std::string> label_keys(const state::Cluster& cluster, std::vector<state::Problem>& problems);

} // namespace bulkhead::compile
