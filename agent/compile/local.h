// SPDX-License-Identifier: Apache-2.0
//
// This node's guarded pods as rows of the pods and interfaces maps.
#pragma once

#include <vector>

#include "compile/desired.h"

namespace bulkhead::compile {

/// The row of one slot. What does not fit is reported and left out.
bh_pod pod_row(const state::LocalPod& pod, IdentityId identity, std::vector<state::Problem>& problems);

/// "blog/web-1", or "slot 5" while nobody says which pod it is.
std::string name_of(const state::LocalPod& pod);

} // namespace bulkhead::compile
