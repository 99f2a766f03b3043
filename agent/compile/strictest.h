// SPDX-License-Identifier: Apache-2.0
//
// What holds of an endpoint that is one of several pods of a tenant, whichever it is: protected, sealed or confined if
// one of them is, and open where all of them are. Pure.
#pragma once

#include <optional>
#include <vector>

#include "compile/identities.h"

namespace bulkhead::compile {

/// Nothing: they are not all of one tenant. Not empty.
std::optional<Traits> strictest_of(const std::vector<const Traits*>& all);

} // namespace bulkhead::compile
