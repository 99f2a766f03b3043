// SPDX-License-Identifier: Apache-2.0
//
// Edges as JSON: what /v1/edges answers, the node's disk keeps and bulkheadctl reads back; docs/flows.md describes it.
// The words are those of flow records. Values; no threads.
#pragma once

#include "flow/edges.h"

namespace bulkhead::flow {

/// One object, without line breaks when dumped. What is empty or 0 is left out.
Json to_json(const EdgeKey& key, const Sighting& seen);

/// What to_json() made. Says which field is wrong and why; unknown fields are ignored.
Result<std::pair<EdgeKey, Sighting>> parse_edge(const Json& json);

} // namespace bulkhead::flow
