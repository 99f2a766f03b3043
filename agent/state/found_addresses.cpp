// SPDX-License-Identifier: Apache-2.0
#include "state/found_addresses.h"

#include <algorithm>

namespace bulkhead::state {

std::vector<std::string> FoundAddresses::set(const std::string& slice, const std::string& resource,
                                             std::vector<Cidr> addresses) {
    std::vector<std::string> touched;
    if (const auto before = resources_.extract(slice)) {
        touched.push_back(before.mapped());
        const auto found = addresses_.find(before.mapped());
        found->second.erase(slice);
        if (found->second.empty()) addresses_.erase(found);
    }
    if (resource.empty()) return touched;
    touched.push_back(resource);
    resources_.emplace(slice, resource);
    addresses_[resource][slice] = std::move(addresses);
    return touched;
}

std::vector<Cidr> FoundAddresses::of(const std::string& resource) const {
    const auto slices = addresses_.find(resource);
    if (slices == addresses_.end()) return {};
    std::vector<Cidr> all;
    for (const auto& [slice, addresses] : slices->second)
        all.insert(all.end(), addresses.begin(), addresses.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

} // namespace bulkhead::state
