// SPDX-License-Identifier: Apache-2.0
//
// Which of a resource's IdentitySlices has which of its addresses. Each slice is small, and an address stays where it
// is: so a change is one write of some 3 KB to every node, however many addresses a resource has. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/address.h"
#include "resolve/evidence.h"

namespace bulkhead::resolve {

inline constexpr size_t kMostOfSlice = 100;

/// A slice's addresses are all of one owner.
struct Placed {
    state::OwnerTags owner{};
    std::set<Cidr> addresses{};
    bool operator==(const Placed&) const = default;
};

/// By the slice's number.
using Placement = std::map<uint32_t, Placed>;

/// `before`, with exactly the addresses `wanted`, each in a slice of each of its owners: what is new goes where there
/// is room. An address whose owner is another one now leaves the former's slice only when `before` has it in the new
/// one's, since a slice is written after the other: it is never in none. Slices without any are left out.
Placement place(const Placement& before, const Spoken& wanted);

/// "resource-payments-aurora-0". A name that would be too long is cut and ends in a hash.
std::string slice_name(const std::string& resource, uint32_t number);

/// The number in such a name.
std::optional<uint32_t> slice_number(std::string_view name);

} // namespace bulkhead::resolve
