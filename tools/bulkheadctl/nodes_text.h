// SPDX-License-Identifier: Apache-2.0
//
// The answers of several nodes that keep apart, {"nodes": {NAME: answer}}, below each other. Pure.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace bulkhead::ctl {

/// Of /v1/status one line each; of all else what `print` makes of it, below the node's name. An explanation is shown of
/// those nodes alone that judge.
std::string nodes_text(const std::string& path, const nlohmann::ordered_json& answer,
                       const std::function<std::string(const nlohmann::ordered_json&, size_t)>& print, size_t width);

} // namespace bulkhead::ctl
