// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl reasons`: why a packet may pass or fall, and what to do about it. Needs no agent.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

/// {"reasons": [{reason, verdict, line?, text, whatToDo}]}, in the order of the list in bulkhead/reasons.h.
Json reasons_json();

std::string reasons_text(const Json& reasons, Width width);

} // namespace bulkhead::ctl
