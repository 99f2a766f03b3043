// SPDX-License-Identifier: Apache-2.0
//
// The addresses that were found for AWSResources, by the IdentitySlice that tells of them. A slice tells of one
// resource; a resource has several. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/address.h"
#include "state/owner_tags.h"

namespace bulkhead::state {

class FoundAddresses {
public:
    /// All that this slice tells from now on. Empty `resource` = nothing. Hands back the resources that it told of
    /// before, or does now.
    std::vector<std::string> set(const std::string& slice, const std::string& resource, std::vector<Cidr> addresses,
                                 OwnersByAddress owners);

    /// Each once, sorted.
    std::vector<Cidr> of(const std::string& resource) const;

    /// Of these, what all slices together say.
    OwnersByAddress owners_of(const std::string& resource) const;

private:
    struct Told {
        std::vector<Cidr> addresses;
        OwnersByAddress owners;
    };

    std::map<std::string, std::string> resources_;            // by slice
    std::map<std::string, std::map<std::string, Told>> told_; // by resource, then by slice
};

} // namespace bulkhead::state
