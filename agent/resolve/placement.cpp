// SPDX-License-Identifier: Apache-2.0
#include "resolve/placement.h"

#include <charconv>

#include "state/labels.h"

namespace bulkhead::resolve {

namespace {

constexpr size_t kLongestResource = 230; // of 253, with what goes before and after

void add(Placement& placement, const Cidr& address, uint32_t& number) {
    while (placement[number].size() >= kMostOfSlice)
        ++number;
    placement[number].insert(address);
}

} // namespace

Placement place(const Placement& before, const std::set<Cidr>& wanted) {
    Placement after;
    auto homeless = wanted;
    for (const auto& [number, addresses] : before)
        for (const auto& address : addresses) {
            if (after[number].size() >= kMostOfSlice || homeless.erase(address) == 0) continue;
            after[number].insert(address);
        }
    uint32_t number = 0;
    for (const auto& address : homeless)
        add(after, address, number);
    std::erase_if(after, [](const auto& slice) { return slice.second.empty(); });
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
