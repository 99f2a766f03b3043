// SPDX-License-Identifier: Apache-2.0
//
// The agent's answers as tables. Pure: JSON in, text out. A field that an older agent doesn't send
// prints as "-".
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

std::string status_text(const Json& status, Width width);
std::string maps_text(const Json& status, Width width);
std::string endpoints_text(const Json& answer, Width width);
std::string tenants_text(const Json& answer, Width width);
std::string explanation_text(const Json& explanation, Width width);
std::string problems_text(const Json& problems, Width width); // an array of problems

} // namespace bulkhead::ctl
