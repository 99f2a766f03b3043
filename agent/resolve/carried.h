// SPDX-License-Identifier: Apache-2.0
//
// The addresses that a resource had by look-ups that aren't ours: the controller's before us, as its IdentitySlices
// have them, or those from before somebody had it name something else. Which look-up named which nobody knows any more,
// so all of them stay together:
//
//   of the one before us      until all look-ups have been going well for the grace time, which is as long as an
//                             address stays that only one of them knew
//   the same, of a family     until that has been said for as long as such an answer takes to be believed: they may
//   that a name has none of   have been that name's (dns::KeptAddresses)
//   of what it named before   until all that it names now has been answered well and has something; if some of it has
//                             nothing, as in another account than was meant, for the grace time
//   of what it named before,  for the grace time: what is there now is somebody else's
//   elsewhere
//
// Pure.
#pragma once

#include <array>
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
    using Families = std::set<uint8_t>; // BH_IPV4, BH_IPV6

    struct Patience {
        Milliseconds grace;
        Milliseconds gone = std::chrono::hours(24);
    };

    /// How it goes with all that the resource names.
    struct Answers {
        bool all_well = false;
        bool all_found = false; // each has something
        Families lacking{};     // of which a name has none, as DNS says
    };

    Carried() = default;
    explicit Carried(std::set<Cidr> addresses, state::OwnersByAddress owners = {})
        : addresses_(std::move(addresses)), owners_(std::move(owners)) {}

    enum class Now : uint8_t { kNamesOther, kIsElsewhere };

    /// What it had until now stays, as it names something else, or the same in another account or region.
    void keep(const std::set<Cidr>& addresses, const state::OwnersByAddress& owners = {}, Now now = Now::kNamesOther) {
        is_replaced_ |= addresses_.empty();
        answers_suffice_ = now == Now::kNamesOther && (addresses_.empty() || answers_suffice_);
        addresses_.insert(addresses.begin(), addresses.end());
        for (const auto& [address, of_it] : owners)
            owners_[address] = of_it;
        well_at_.reset();
        well_for_ = Milliseconds(0);
        names_ = {};
    }

    /// Call it now and then, often against the grace time. True if some just left.
    bool pass(const Answers& answers, Time now, const Patience& patience) {
        if (addresses_.empty()) return false;
        count(answers.all_well, answers.lacking, now);
        if (!answers.all_well) return false;
        const auto before = addresses_.size();
        std::erase_if(addresses_, [&](const Cidr& address) { return is_over(address, answers.all_found, patience); });
        std::erase_if(owners_, [&](const auto& one) { return !addresses_.contains(one.first); });
        if (addresses_.empty()) is_replaced_ = answers_suffice_ = false;
        return addresses_.size() < before;
    }

    /// Those that would have left, had each name some of their family.
    std::set<Cidr> held(const Patience& patience) const {
        std::set<Cidr> held;
        for (const auto& address : addresses_)
            if (address.is_single() && names_of(address).lacking >= patience.grace) held.insert(address);
        return held;
    }

    /// All of them are of what it named before.
    bool is_replaced() const { return is_replaced_; }

    const std::set<Cidr>& addresses() const { return addresses_; }
    const state::OwnersByAddress& owners() const { return owners_; }

private:
    /// For how long of the time in which all look-ups went well.
    struct Names {
        Milliseconds named{0};   // each had some of that family
        Milliseconds lacking{0}; // one had none, without end until now
    };

    static size_t index_of(uint8_t family) { return family == BH_IPV6 ? 1 : 0; }
    const Names& names_of(const Cidr& address) const { return names_.at(index_of(address.address.family)); }

    void count(bool all_well, const Families& lacking, Time now) {
        const auto elapsed =
            well_at_ && all_well ? std::chrono::duration_cast<Milliseconds>(now - *well_at_) : Milliseconds(0);
        well_at_ = all_well ? std::optional(now) : std::nullopt;
        well_for_ += elapsed;
        for (const uint8_t family : {uint8_t{BH_IPV4}, uint8_t{BH_IPV6}}) {
            auto& names = names_.at(index_of(family));
            const bool lacks = lacking.contains(family);
            names.lacking = lacks ? names.lacking + elapsed : Milliseconds(0);
            if (!lacks) names.named += elapsed;
        }
    }

    /// A network is no name's.
    bool is_over(const Cidr& address, bool all_found, const Patience& patience) const {
        if (answers_suffice_ && all_found) return true;
        if (!address.is_single()) return well_for_ >= patience.grace;
        const auto& names = names_of(address);
        return names.named >= patience.grace || names.lacking > patience.gone;
    }

    std::set<Cidr> addresses_;
    state::OwnersByAddress owners_; // of these, by their tags
    std::optional<Time> well_at_{};
    Milliseconds well_for_{0};
    std::array<Names, 2> names_{}; // IPv4, IPv6
    bool is_replaced_ = false;
    bool answers_suffice_ = false;
};

} // namespace bulkhead::resolve
