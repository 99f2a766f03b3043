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

namespace bulkhead::resolve {

inline constexpr size_t kMostOfSlice = 100;

/// By the slice's number.
using Placement = std::map<uint32_t, std::set<Cidr>>;

/// `before`, with exactly the addresses `wanted`: what is new goes where there is room. Slices without any are left
/// out.
Placement place(const Placement& before, const std::set<Cidr>& wanted);

/// "resource-payments-aurora-0". A name that would be too long is cut and ends in a hash.
std::string slice_name(const std::string& resource, uint32_t number);

/// The number in such a name.
std::optional<uint32_t> slice_number(std::string_view name);

} // namespace bulkhead::resolve
