// SPDX-License-Identifier: Apache-2.0
//
// Who talked to whom, and what would become of it, as tables. Pure: the agent's JSON in, text out.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

std::string edges_text(const Json& answer, Width width);
/// Of each edge what would become of it, as /v1/plan has it.
std::string losses_text(const Json& losses, Width width);
std::string plan_text(const Json& plan, Width width);

} // namespace bulkhead::ctl
