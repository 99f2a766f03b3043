// SPDX-License-Identifier: Apache-2.0
//
// Managed prefix lists (EC2 API reference, DescribeManagedPrefixLists and GetManagedPrefixListEntries): customers' own,
// by id, and AWS' own for gateway endpoints, by name too: com.amazonaws.eu-central-1.s3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "aws/tags.h"
#include "base/address.h"

namespace bulkhead::aws {

struct PrefixList {
    std::string id;
    std::string name;
    std::optional<uint64_t> version; // AWS' own lists have none
    std::vector<Cidr> entries;
    Tags tags{}; // AWS' own lists have none
    bool operator==(const PrefixList&) const = default;
};
using PrefixLists = std::map<std::string, PrefixList>;

/// By id; what doesn't exist is missing. `wanted` are ids ("pl-...") or names. A call for each 100 lists, and one for
/// each 100 entries of a list whose version isn't the one in `known`, which is what was found out before.
Answer<PrefixLists> describe_prefix_lists(Caller& caller, const std::set<std::string>& wanted,
                                          const PrefixLists& known = {});

} // namespace bulkhead::aws
