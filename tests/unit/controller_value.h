// SPDX-License-Identifier: Apache-2.0
//
// JSON as the sources read it.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "controller/json.h"
#include "source/reader.h"

namespace bulkhead::controller {

inline source::Value value(const Json& json) {
    auto text = json.dump();
    text.reserve(text.size() + source::kJsonPadding);
    source::Value result;
    REQUIRE(source::read_json(text, [&](source::Value document) { result = std::move(document); }));
    return result;
}

} // namespace bulkhead::controller
