// SPDX-License-Identifier: Apache-2.0
//
// The addresses that a resource had before we began to ask, as its IdentitySlices have them. Which of its look-ups
// named which nobody knows. So all of them stay until all of its look-ups have been going well for the grace time,
// which is as long as an address stays that only one of them knew. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <set>

#include "base/address.h"
#include "resolve/kept.h"

namespace bulkhead::resolve {

class Carried {
public:
    using Time = std::chrono::steady_clock::time_point;

    Carried() = default;
    explicit Carried(std::set<Cidr> addresses) : addresses_(std::move(addresses)) {}

    /// Call it now and then, often against the grace time. True if they just left.
    bool pass(bool all_well, Time now, Milliseconds grace) {
        if (addresses_.empty()) return false;
        if (well_at_ && all_well) well_for_ += std::chrono::duration_cast<Milliseconds>(now - *well_at_);
        well_at_ = all_well ? std::optional(now) : std::nullopt;
        if (!all_well || well_for_ < grace) return false;
        addresses_.clear();
        return true;
    }

    const std::set<Cidr>& addresses() const { return addresses_; }

private:
    std::set<Cidr> addresses_;
    std::optional<Time> well_at_{};
    Milliseconds well_for_{0};
};

} // namespace bulkhead::resolve
