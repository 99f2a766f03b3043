// SPDX-License-Identifier: Apache-2.0
//
// What was read, as JSON that compares and can be written again: equal values make equal text.
#pragma once

#include <nlohmann/json.hpp>

#include "source/document.h"

namespace bulkhead::controller {

using Json = nlohmann::json; // sorts the members of objects

Json json_of(const source::Value& value);

/// Of what somebody else wrote, which needn't be UTF-8.
std::string text_of(const Json& json);

} // namespace bulkhead::controller
