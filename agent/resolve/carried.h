// SPDX-License-Identifier: Apache-2.0
//
// The addresses that a resource had by look-ups that aren't ours: the controller's before us, as its IdentitySlices
// have them, or those from before somebody had it name something else. Which look-up named which nobody knows any more,
// so all of them stay together:
//
//   of the one before us      until all look-ups have been going well for the grace time, which is as long as an
//                             address stays that only one of them knew
//   of what it named before   until all that it names now has been answered well
//
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <set>

#include "base/address.h"
#include "resolve/kept.h"
#include "state/owner_tags.h"

namespace bulkhead::resolve {

class Carried {
public:
    using Time = std::chrono::steady_clock::time_point;

    Carried() = default;
    explicit Carried(std::set<Cidr> addresses, state::OwnersByAddress owners = {})
        : addresses_(std::move(addresses)), owners_(std::move(owners)) {}

    /// What it had until now stays, as it names something else.
    void keep(const std::set<Cidr>& addresses, const state::OwnersByAddress& owners = {}) {
        answers_suffice_ |= addresses_.empty();
        addresses_.insert(addresses.begin(), addresses.end());
        for (const auto& [address, of_it] : owners)
            owners_[address] = of_it;
        well_at_.reset();
        well_for_ = Milliseconds(0);
    }

    /// Call it now and then, often against the grace time. True if they just left.
    bool pass(bool all_well, Time now, Milliseconds grace) {
        if (addresses_.empty()) return false;
        if (well_at_ && all_well) well_for_ += std::chrono::duration_cast<Milliseconds>(now - *well_at_);
        well_at_ = all_well ? std::optional(now) : std::nullopt;
        if (!all_well || (!answers_suffice_ && well_for_ < grace)) return false;
        addresses_.clear();
        owners_.clear();
        answers_suffice_ = false;
        return true;
    }

    const std::set<Cidr>& addresses() const { return addresses_; }
    const state::OwnersByAddress& owners() const { return owners_; }

private:
    std::set<Cidr> addresses_;
    state::OwnersByAddress owners_; // of these, by their tags
    std::optional<Time> well_at_{};
    Milliseconds well_for_{0};
    bool answers_suffice_ = false;
};

} // namespace bulkhead::resolve
