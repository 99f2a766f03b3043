// SPDX-License-Identifier: Apache-2.0
#include "state/found_addresses.h"

#include <algorithm>

namespace bulkhead::state {

std::vector<std::string> FoundAddresses::set(const std::string& slice, const std::string& resource,
                                             std::vector<Cidr> addresses, OwnersByAddress owners) {
    std::vector<std::string> touched;
    if (const auto before = resources_.extract(slice)) {
        touched.push_back(before.mapped());
        const auto found = told_.find(before.mapped());
        found->second.erase(slice);
        if (found->second.empty()) told_.erase(found);
    }
    if (resource.empty()) return touched;
    touched.push_back(resource);
    resources_.emplace(slice, resource);
    told_[resource][slice] = {std::move(addresses), std::move(owners)};
    return touched;
}

std::vector<Cidr> FoundAddresses::of(const std::string& resource) const {
    const auto slices = told_.find(resource);
    if (slices == told_.end()) return {};
    std::vector<Cidr> all;
    for (const auto& [slice, told] : slices->second)
        all.insert(all.end(), told.addresses.begin(), told.addresses.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

OwnersByAddress FoundAddresses::owners_of(const std::string& resource) const {
    OwnersByAddress all;
    const auto slices = told_.find(resource);
    if (slices == told_.end()) return all;
    for (const auto& [slice, told] : slices->second)
        add_owners(all, told.owners, told.addresses);
    return all;
}

} // namespace bulkhead::state
