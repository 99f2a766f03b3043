// SPDX-License-Identifier: Apache-2.0
#include "slice_scope.h"

#include <algorithm>

#include "state/labels.h"

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

// Of what nobody here needs any more. With its pods conversations may be under way, which end when they are strangers.
constexpr auto kStay = 24h;
constexpr size_t kMostTenants = 256; // beyond them the question gets longer than narrowing is worth
constexpr auto kTooMany = "more than 256 tenants count here";

std::optional<std::set<std::string>> scopes_of(const compile::Interest& interest) {
    if (!interest.in_all.empty() || interest.tenants.size() > kMostTenants) return std::nullopt;
    std::set<std::string> scopes;
    for (const auto& tenant : interest.tenants)
        scopes.insert(state::scope_of(tenant));
    return scopes;
}

} // namespace

std::string SliceScope::text() const {
    if (!chosen_) return "not asked for yet";
    if (!scopes_) return "of all tenants: " + why_all_;
    return "of " + std::to_string(scopes_->size()) + (scopes_->size() == 1 ? " tenant" : " tenants");
}

bool SliceScope::is_due(Time now) const {
    return (all_until_ && now >= *all_until_) ||
           std::ranges::any_of(stay_until_, [now](const auto& stay) { return now >= stay.second; });
}

/// What is needed, and what was not long ago.
std::optional<std::set<std::string>> SliceScope::needed(const compile::Interest& interest, Time now) {
    const auto wanted = scopes_of(interest);
    const auto end_of_stay = [now](Time until) { return until == Time::max() ? now + kStay : until; };
    for (auto& [scope, until] : stay_until_)
        if (wanted && !wanted->contains(scope)) until = end_of_stay(until);
    std::erase_if(stay_until_, [now](const auto& stay) { return now >= stay.second; });
    for (const auto& scope : wanted.value_or(std::set<std::string>{}))
        stay_until_[scope] = Time::max();
    if (!wanted)
        all_until_ = Time::max();
    else if (all_until_)
        all_until_ = end_of_stay(*all_until_);
    if (all_until_ && now >= *all_until_) all_until_.reset();
    if (all_until_) return std::nullopt;
    if (stay_until_.size() > kMostTenants) return wanted;
    std::set<std::string> scopes;
    for (const auto& [scope, until] : stay_until_)
        scopes.insert(scope);
    return scopes;
}

bool SliceScope::update(const compile::Interest& interest, Time now) {
    auto scopes = needed(interest, now);
    if (all_until_ == Time::max()) why_all_ = interest.in_all.empty() ? kTooMany : interest.in_all;
    if (chosen_ && scopes == scopes_) return false;
    chosen_ = true;
    scopes_ = std::move(scopes);
    return true;
}

} // namespace bulkhead
