// SPDX-License-Identifier: Apache-2.0
#include "resolve/placement.h"

#include <charconv>

#include "state/labels.h"

namespace bulkhead::resolve {

namespace {

constexpr size_t kLongestResource = 230; // of 253, with what goes before and after

using Places = std::set<std::pair<state::OwnerTags, Cidr>>;

Places places_of(const Spoken& wanted) {
    Places places;
    for (const auto& address : wanted.addresses) {
        const auto owners = wanted.owners.find(address);
        if (owners == wanted.owners.end())
            places.emplace(state::OwnerTags{}, address);
        else
            for (const auto& owner : owners->second)
                places.emplace(owner, address);
    }
    return places;
}

/// Wanted, and in no slice of those whose it is.
std::set<Cidr> on_the_move(const Placement& before, const Spoken& wanted, const Places& places) {
    auto moving = wanted.addresses;
    for (const auto& [number, placed] : before)
        for (const auto& address : placed.addresses)
            if (places.contains({placed.owner, address})) moving.erase(address);
    return moving;
}

void add(Placement& placement, const state::OwnerTags& owner, const Cidr& address, uint32_t& number) {
    for (;; ++number) {
        auto& placed = placement[number];
        if (placed.addresses.empty()) placed.owner = owner;
        if (placed.owner == owner && placed.addresses.size() < kMostOfSlice) break;
    }
    placement[number].addresses.insert(address);
}

} // namespace

Placement place(const Placement& before, const Spoken& wanted) {
    Placement after;
    auto homeless = places_of(wanted);
    const auto moving = on_the_move(before, wanted, homeless);
    for (const auto& [number, placed] : before) {
        auto& slice = after[number];
        slice.owner = placed.owner;
        for (const auto& address : placed.addresses) {
            if (slice.addresses.size() >= kMostOfSlice) break;
            if (homeless.erase({placed.owner, address}) != 0 || moving.contains(address))
                slice.addresses.insert(address);
        }
    }
    uint32_t number = 0;
    const state::OwnerTags* of = nullptr;
    for (const auto& [owner, address] : homeless) { // by owner
        if (of == nullptr || *of != owner) number = 0;
        of = &owner;
        add(after, owner, address, number);
    }
    std::erase_if(after, [](const auto& slice) { return slice.second.addresses.empty(); });
    return after;
}

std::string slice_name(const std::string& resource, uint32_t number) {
    auto middle = resource;
    if (middle.size() > kLongestResource) {
        middle.resize(kLongestResource - 9);
        while (middle.ends_with('.') || middle.ends_with('-')) // a name's part doesn't begin with the next dash
            middle.pop_back();
        middle += "-" + state::scope_of(resource);
    }
    return std::string(state::kResourceSlices) + middle + "-" + std::to_string(number);
}

std::optional<uint32_t> slice_number(std::string_view name) {
    const auto dash = name.rfind('-');
    if (!name.starts_with(state::kResourceSlices) || dash == std::string_view::npos) return std::nullopt;
    const auto digits = name.substr(dash + 1);
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

} // namespace bulkhead::resolve
