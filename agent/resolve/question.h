// SPDX-License-Identifier: Apache-2.0
//
// What AWS is asked about for AWSResources, and what it says, as values. Resources that name the same thing share one
// question.
#pragma once

#include <map>
#include <set>
#include <string>

#include "aws/failure.h"
#include "state/objects.h"

namespace bulkhead::resolve {

struct Question {
    enum class Kind : uint8_t { kSecurityGroup, kInterfaceTags, kResourceTags, kSubnet, kPrefixList };

    state::AwsPlace place; // its region may be empty: then nobody said one
    Kind kind = Kind::kSecurityGroup;
    std::string name{}; // of a group, subnet, prefix list
    state::Labels tags{};
    std::string tenant_tag{}; // the keys of the tags that say whose it is, where they are asked for
    std::string level_tag{};

    /// "securityGroups sg-0123abcd in eu-central-1 as role arn:aws:iam::111122223333:role/bulkhead"
    std::string text() const;

    /// What it asks and where, in a text that no other question has: for a file. Which tags say whose the answer is
    /// isn't in it, since they change nothing in what is found.
    std::string origin() const;
    auto operator<=>(const Question&) const = default;
};

using OwnersByName = std::map<std::string, std::set<state::OwnerTags>>;

/// A good answer. `names` are for DNS to tell the addresses of.
struct Found {
    std::set<Cidr> cidrs{};
    std::set<std::string> names{};
    state::OwnersByAddress owners{}; // of those with such tags
    OwnersByName name_owners{};
    bool operator==(const Found&) const = default;
};

/// How one question ended.
struct Outcome {
    Question question;
    aws::Answer<Found> found;
};

} // namespace bulkhead::resolve
