// SPDX-License-Identifier: Apache-2.0
//
// Asks the agent on this node: HTTP over its Unix socket. An error says whether nobody answered or the
// agent refused the question.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;
using Query = std::vector<std::pair<std::string, std::string>>;

/// Error::code of what the agent itself refused; everything else means that no agent answered.
inline constexpr int kRefused = 1;

/// `method` is GET, POST or DELETE.
Result<Json> ask(const std::string& socket, const std::string& path, const Query& query, const char* method = "GET");

} // namespace bulkhead::ctl
