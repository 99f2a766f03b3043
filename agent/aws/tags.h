// SPDX-License-Identifier: Apache-2.0
//
// Tags of things of AWS: by their keys, with the values that people gave them.
#pragma once

#include <map>
#include <string>

namespace bulkhead::aws {

using Tags = std::map<std::string, std::string>;

inline constexpr auto kAnyValue = "*";

/// All of `wanted`, of which kAnyValue stands for whatever value.
bool has_tags(const Tags& tags, const Tags& wanted);

} // namespace bulkhead::aws
