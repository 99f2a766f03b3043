// SPDX-License-Identifier: Apache-2.0
//
// Tenant by tenant: what the rule says of one's pods that speak to another's, and what was seen. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "compile/desired.h"
#include "flow/edges.h"

namespace bulkhead::observe {

/// {"tenants": [names], "cells": [{source, destination, says, ports?, seen?}]}. The source may be "world", too.
///
///   says    "allows", "refuses", "audits": to all pods, whatever the port; "partly": it depends on the pods, or on the
///           port: then `ports` has those that are open to some of them
///   seen    conversations that were let in ("allowed"), packets that were refused ("denied") or audited ("audit")
///
/// A cell that is missing says "allows", and nothing was seen: of most clusters that is most of them.
nlohmann::ordered_json matrix_view(const compile::Desired& desired, const flow::Edges::Rows& edges, state::Time now);

} // namespace bulkhead::observe
