// SPDX-License-Identifier: Apache-2.0
//
// Whose something of AWS is, by its tags: what spec.tenantFrom and spec.levelFrom of an AWSResource ask for. The values
// are as they are written there; what they mean is compile()'s to say.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/address.h"

namespace bulkhead::state {

struct OwnerTags {
    std::string tenant{}; // the tag's value; empty = it has no such tag, or nobody asks
    std::string level{};
    bool empty() const { return tenant.empty() && level.empty(); }
    auto operator<=>(const OwnerTags&) const = default;
};

/// By address, of those that have such tags: what each of the things that have the address says.
using OwnersByAddress = std::map<Cidr, std::set<OwnerTags>>;

/// `from`'s, as far as they are of `addresses`.
template <typename Addresses>
void add_owners(OwnersByAddress& owners, const OwnersByAddress& from, const Addresses& addresses) {
    if (from.empty()) return;
    for (const auto& address : addresses)
        if (const auto of_it = from.find(address); of_it != from.end())
            owners[address].insert(of_it->second.begin(), of_it->second.end());
}

} // namespace bulkhead::state
