// SPDX-License-Identifier: Apache-2.0
//
// EC2's filters: of several with different names all must hold, of one's values any, and at most 200 values are taken.
// In a value * and ? stand for others, so they are escaped. A filter that nothing matches is an empty answer; an id of
// something that doesn't exist, asked for as an id, would be an error for all the others too.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "aws/form.h"

namespace bulkhead::aws {

inline constexpr size_t kMostFilterValues = 200;

inline std::string literal(const std::string& value) {
    std::string text;
    for (const char c : value) {
        if (c == '*' || c == '?' || c == '\\') text += '\\';
        text += c;
    }
    return text;
}

/// One form for each 200 values; none if there are none.
inline std::vector<Form> filtered(const std::string& name, const std::set<std::string>& values) {
    std::vector<Form> forms;
    for (auto value = values.begin(); value != values.end();) {
        Form& form = forms.emplace_back();
        form.add("Filter.1.Name", name);
        for (size_t i = 1; i <= kMostFilterValues && value != values.end(); ++i, ++value)
            form.add("Filter.1.Value." + std::to_string(i), literal(*value));
    }
    return forms;
}

} // namespace bulkhead::aws
