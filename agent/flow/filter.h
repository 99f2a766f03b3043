// SPDX-License-Identifier: Apache-2.0
//
// Which flows somebody wants to see. The list of kinds is the one place that says which filters there are:
// bulkheadctl's flags, the parameters of /v1/flows, their help and the table in docs/flows.md come from it.
//
//   a filter of an end, like "pod"     holds if it is true of the source or of the destination
//   "from-pod", "to-pod"               ask the source, the destination alone
//   one name repeated                  any of the values is enough
//   several names                      all must hold, each by itself: "namespace=blog" and "tenant=payments" is what
//                                      goes on between the two
//   "not-pod", "not-from-pod", ...     what matches any of them is left out, whatever else holds
//
// Values; no threads.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/record.h"

namespace bulkhead::flow {

/// Of a URL's query: name and value, not escaped.
using Parameter = std::pair<std::string, std::string>;

struct FilterKind {
    std::string_view name;
    std::string_view value; // what stands for the value in help: "[NAMESPACE/]NAME"
    std::string_view help;
    bool of_an_end = false;                // is there as "from-" and "to-" too
    std::vector<std::string> choices = {}; // to complete the value from; a protocol may be another number
    std::string_view letter = {};          // bulkheadctl's short flag, where there is one
};

const std::vector<FilterKind>& filter_kinds();

/// "from-", "to-" or nothing, for a kind that has them.
std::span<const std::string_view> sides_of(const FilterKind& kind);

inline constexpr std::string_view kNot = "not-";

class Filter {
public:
    /// `name` as in the paragraph above. An error says what the value should have been.
    Result<> add(std::string_view name, std::string_view value);

    /// Whether add() knows such a name.
    static bool knows(std::string_view name);

    bool matches(const Record& record) const;
    bool empty() const { return parameters_.empty(); }

    /// All that was added, in its order.
    const std::vector<Parameter>& parameters() const { return parameters_; }

private:
    using Test = std::function<bool(const Record&)>;
    struct Group { // one name
        std::string name;
        bool is_negated = false;
        std::vector<Test> tests;
    };
    std::vector<Group> groups_;
    std::vector<Parameter> parameters_;
};

} // namespace bulkhead::flow
