// SPDX-License-Identifier: Apache-2.0
//
// JSON that somebody else wrote: an agent, kubectl, a file. Whatever recurses over it must end before the stack does.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace bulkhead::ctl {

inline constexpr int kDeepest = 64; // of objects and lists in each other; a pod of Kubernetes has about 15

/// An error says what is wrong with it, to be put after its name: "is not JSON: column 3".
Result<nlohmann::ordered_json> parse_json(std::string_view text, int deepest = kDeepest);

/// The member of that name if it is a string; else nothing.
std::string text_at(const nlohmann::ordered_json& json, const char* name);

} // namespace bulkhead::ctl
