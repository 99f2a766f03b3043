// SPDX-License-Identifier: Apache-2.0
//
// Pods and nodes that stand for the parties of edges where no cluster is at hand, only files: each with an address that
// is nobody's. Pure.
#pragma once

#include <vector>

#include "advise/advice.h"

namespace bulkhead::advise {

/// Of a pod whose labels nobody told nothing is known that a selector could ask for.
std::vector<state::Object> stand_ins(const std::vector<Refusal>& edges);

} // namespace bulkhead::advise
