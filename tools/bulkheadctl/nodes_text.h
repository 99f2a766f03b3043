// SPDX-License-Identifier: Apache-2.0
//
// The answers of several nodes that keep apart, {"nodes": {NAME: answer}}, below each other. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

/// What is shown of each: a line of its status; what `print` makes of it, below the node's name; the same, but of those
/// nodes alone that judge what is explained.
enum class NodesForm : uint8_t { kStatus, kEach, kJudges };

std::string nodes_text(NodesForm form, const nlohmann::ordered_json& answer,
                       const std::function<std::string(const nlohmann::ordered_json&, Width)>& print, Width width);

} // namespace bulkhead::ctl
