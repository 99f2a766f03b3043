// SPDX-License-Identifier: Apache-2.0
//
// Subnets and their CIDRs (EC2 API reference, DescribeSubnets): what protects an address before there is one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "aws/tags.h"
#include "base/address.h"

namespace bulkhead::aws {

struct Subnet {
    std::string id;
    std::string vpc;
    std::vector<Cidr> cidrs; // of both families
    Tags tags{};
    bool operator==(const Subnet&) const = default;
};

/// By id; what doesn't exist is missing.
Answer<std::map<std::string, Subnet>> describe_subnets(Caller& caller, const std::set<std::string>& ids);

} // namespace bulkhead::aws
