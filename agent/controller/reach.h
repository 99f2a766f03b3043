// SPDX-License-Identifier: Apache-2.0
//
// Which pods the API server calls by itself: those behind the Services that webhook configurations, APIServices and
// CRD conversions name. Written as an IdentitySlice of no node, from which every agent grants the built-in identity
// kube-apiserver those ports, and nothing else. Pure.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "controller/json.h"
#include "controller/observed.h"

namespace bulkhead::controller {

/// All of them, once.
std::set<Callee> callees_in(const Observed& observed);

/// The spec of that slice.
Json reach_of(const std::set<Callee>& callees, const Kept<ServiceFacts>& services);

} // namespace bulkhead::controller
