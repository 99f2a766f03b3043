// SPDX-License-Identifier: Apache-2.0
#include "resolve/evidence.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bulkhead::resolve {

namespace {

using Owners = std::set<state::OwnerTags>;

/// What stands in for those beyond the bound is none of them.
bool is_beyond(const state::OwnerTags& owner) {
    return owner.tenant == kTooManyOwners || owner.level == kTooManyOwners;
}

Owners distinct(const state::OwnersByAddress& owners) {
    Owners all;
    for (const auto& [address, of_it] : owners)
        std::ranges::remove_copy_if(of_it, std::inserter(all, all.end()), is_beyond);
    return all;
}

state::OwnerTags beyond(const state::OwnerTags& owner) {
    return {.tenant = owner.tenant.empty() ? "" : kTooManyOwners, .level = owner.level.empty() ? "" : kTooManyOwners};
}

} // namespace

void Spoken::add(const Cidr& address, const Owners& of_it) {
    addresses.insert(address);
    if (!of_it.empty()) owners[address].insert(of_it.begin(), of_it.end());
}

void Spoken::add(const Cidr& address, const state::OwnersByAddress& of_all) {
    const auto of_it = of_all.find(address);
    add(address, of_it == of_all.end() ? Owners{} : of_it->second);
}

void Spoken::fill_up(const Spoken& worse) {
    for (const auto& address : worse.addresses)
        if (!addresses.contains(address)) add(address, worse.owners);
}

Spoken Evidence::all() && {
    auto best = std::move(now);
    best.fill_up(kept);
    best.fill_up(carried);
    for (const auto* worse : {&kept, &carried})
        for (const auto& [address, of_it] : worse->owners)
            best.owners.try_emplace(address, of_it);
    return best;
}

void limit_owners(state::OwnersByAddress& owners, const state::OwnersByAddress& before) {
    const auto all = distinct(owners);
    if (all.size() <= kMostOwners) return;
    Owners admitted;
    const auto known = distinct(before);
    for (const bool is_known : {true, false})
        for (const auto& owner : all)
            if (admitted.size() < kMostOwners && known.contains(owner) == is_known) admitted.insert(owner);
    for (auto& [address, of_it] : owners) {
        Owners limited;
        for (const auto& owner : of_it)
            limited.insert(admitted.contains(owner) ? owner : beyond(owner));
        of_it = std::move(limited);
    }
}

} // namespace bulkhead::resolve
