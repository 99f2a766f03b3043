// SPDX-License-Identifier: Apache-2.0
//
// What a change would do to the traffic that was seen: for a pull request, before anybody applies it. Pure.
#pragma once

#include <vector>

#include "advise/plan.h"

namespace bulkhead::advise {

/// What the rule would say to each edge, refused ones and those that passed; once for each two parties, port and
/// protocol, with what was seen of it last. Without what was refused for what the packet was, about which no rule says
/// anything.
std::vector<Loss> check(const flow::Edges::Rows& edges, const Supposition& supposed, state::Time now);

} // namespace bulkhead::advise
