// SPDX-License-Identifier: Apache-2.0
//
// What each kind of filter asks of a record, made from the text that people wrote. Filter's own.
#pragma once

#include <functional>
#include <string>

#include "flow/filter.h"

namespace bulkhead::flow {

/// Of one end. Kinds that aren't of an end look at the record alone.
using EndTest = std::function<bool(const Record&, const End&)>;

/// An error says what the value should have been.
Result<EndTest> parse_test(const FilterKind& kind, const std::string& value);

} // namespace bulkhead::flow
