// SPDX-License-Identifier: Apache-2.0
//
// What speaks for a resource's addresses, by how good it is. All of them count; whose each is, only the best says that
// speaks for it: a tag that was changed holds with the next answer, while what used to be true keeps protected what
// nobody speaks for any more. Pure.
#pragma once

#include <set>

#include "state/owner_tags.h"

namespace bulkhead::resolve {

/// An AWSResource may have so many different owners, since each takes IdentitySlices of its own. What is beyond them
/// says something that no Tenant is called, and no level.
inline constexpr size_t kMostOwners = 256;
inline constexpr auto kTooManyOwners = "one of more than 256 values";

struct Spoken {
    std::set<Cidr> addresses{};
    state::OwnersByAddress owners{}; // of those with such tags

    void add(const Cidr& address, const std::set<state::OwnerTags>& of_it);
    void add(const Cidr& address, const state::OwnersByAddress& of_all);

    /// Those that it has not, with their owners.
    void fill_up(const Spoken& worse);

    bool operator==(const Spoken&) const = default;
};

struct Evidence {
    Spoken now{};     // the last answers name it
    Spoken kept{};    // earlier ones did, not long ago
    Spoken carried{}; // somebody found it before us

    /// Of what was kept or carried the owners count too where the last answers name an address and no owner: what would
    /// name one may have left it out for once, not have come yet, or fail.
    Spoken all() &&;
};

/// No more than kMostOwners: those of `before` first, so that a new one takes nothing from them.
void limit_owners(state::OwnersByAddress& owners, const state::OwnersByAddress& before);

} // namespace bulkhead::resolve
