// SPDX-License-Identifier: Apache-2.0
//
// Pods, nodes and addresses of AWS resources that stand for the parties of edges where no cluster is at hand, only
// files: each has an address that is nobody's. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "advise/advice.h"

namespace bulkhead::advise {

/// A selector that asks for more labels of a pod than were told doesn't mean it: what isn't known lets nobody in. AWS
/// resources that are `addressed` have addresses of their own; of others each owner that was seen has one.
std::vector<state::Object> stand_ins(const std::vector<Refusal>& edges, const std::set<std::string>& addressed = {});

} // namespace bulkhead::advise
