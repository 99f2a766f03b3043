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

bool SliceScope::update(const compile::Interest& interest, Time now) {
    auto wanted = scopes_of(interest);
    const std::string why_all = interest.in_all.empty() ? kTooMany : interest.in_all;
    if (chosen_ && wanted == scopes_) {
        if (!scopes_) why_all_ = why_all;
        shrinks_at_.reset();
        return false;
    }
    const bool is_less = chosen_ && (!scopes_ || (wanted && std::ranges::includes(*scopes_, *wanted)));
    if (is_less && !shrinks_at_) shrinks_at_ = now + kStay;
    if (is_less && now < *shrinks_at_) return false;
    chosen_ = true;
    shrinks_at_.reset();
    scopes_ = std::move(wanted);
    why_all_ = scopes_ ? "" : why_all;
    return true;
}

} // namespace bulkhead
