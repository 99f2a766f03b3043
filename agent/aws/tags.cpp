// SPDX-License-Identifier: Apache-2.0
#include "aws/tags.h"

namespace bulkhead::aws {

bool has_tags(const Tags& tags, const Tags& wanted) {
    for (const auto& [key, value] : wanted) {
        const auto found = tags.find(key);
        if (found == tags.end() || (value != kAnyValue && found->second != value)) return false;
    }
    return true;
}

} // namespace bulkhead::aws
