// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fixture.h"

namespace bulkhead::test {

/// Makes a node's connection tracking forget all that it knows, as time or kube-proxy make it.
void forget_connections(const Place& node);

} // namespace bulkhead::test
