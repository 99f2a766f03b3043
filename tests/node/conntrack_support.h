// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fixture.h"

namespace bulkhead::test {

/// Makes a node track connections, as kube-proxy's rules do. Skips the test where it can't.
void track_connections(const Place& node);

/// Puts so many answered UDP conversations into a node's connection tracking that `pod` began with `peer`.
void add_connections(const Place& node, const Place& pod, const Place& peer, uint32_t count);

/// Makes a node's connection tracking forget all that it knows, as time or kube-proxy make it.
void forget_connections(const Place& node);

} // namespace bulkhead::test
