// SPDX-License-Identifier: Apache-2.0
//
// The end of `explain`: what would allow what is refused, as YAML to review. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

/// `needs` is "wouldAllow" of an explanation; empty where there is none. YAML isn't wrapped, whatever the width, so
/// that it stays what it is when somebody copies it.
std::string needs_text(const nlohmann::ordered_json& needs, Width width);

} // namespace bulkhead::ctl
