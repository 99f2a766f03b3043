// SPDX-License-Identifier: Apache-2.0
//
// The answers of several nodes' agents as one. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

/// Answers to /v1/edges, /v1/plan and /v1/matrix are one of all nodes: what is told of the same parties is counted
/// together; an edge from a node to pods of its own names it in `node`. Others keep apart: {"nodes": {NAME: answer}}.
Json merged(const std::string& path, std::vector<std::pair<std::string, Json>> answers);

} // namespace bulkhead::ctl
