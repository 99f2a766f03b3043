// SPDX-License-Identifier: Apache-2.0
//
// What GET /v1/flows is asked: filters, how far back, and whether what comes is wanted too. bulkheadctl writes it, the
// agent reads it. Parameters: the names of filter.h, and `last`, `since`, `until`, `follow`.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "flow/filter.h"

namespace bulkhead::flow {

struct Query {
    Filter filter;
    std::optional<size_t> last; // of those that match, the newest so many of what is remembered; none = all of them
    std::optional<Time> since;  // Record::time is not before it
    std::optional<Time> until;  // Record::time is not after it; never together with `follow`
    bool follow = false;        // goes on with what comes

    /// Whether a record is wanted, `last` apart.
    bool matches(const Record& record) const;

    /// Whether a flow of this verdict may be, by what the filters say of verdicts.
    bool may_want(bh_verdict verdict) const;

    /// Whether what is remembered is wanted: whoever follows gets it only if `last` or `since` asks for it.
    bool wants_history() const { return !follow || last || since; }
};

/// Decoded names and values. Times may be relative to `now` ("5m"). An unknown name, a filter's bad value, and what
/// stands twice and is no filter are errors, which begin with the name.
Result<Query> parse_query(const std::multimap<std::string, std::string>& parameters, Time now);

/// The inverse; times are absolute.
std::vector<Parameter> parameters_of(const Query& query);

} // namespace bulkhead::flow
