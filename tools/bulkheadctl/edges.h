// SPDX-License-Identifier: Apache-2.0
//
// Who talked to whom, and what would become of it, as tables. Pure: the agent's JSON in, text out.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

std::string edges_text(const Json& answer, size_t width);
/// Of each edge what would become of it, as /v1/plan has it.
std::string losses_text(const Json& losses, size_t width);
std::string plan_text(const Json& plan, size_t width);

} // namespace bulkhead::ctl
