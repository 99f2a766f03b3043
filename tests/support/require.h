// SPDX-License-Identifier: Apache-2.0
//
// For what a test needs and doesn't test.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace bulkhead::test {

/// The value, or the end of the test.
template <typename T>
T require(Result<T> result) {
    if (!result) FAIL(result.error().text);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

} // namespace bulkhead::test
