// SPDX-License-Identifier: Apache-2.0
#include "compile/strictest.h"

#include <algorithm>
#include <iterator>

namespace bulkhead::compile {

namespace {

constexpr uint32_t kStricter = BH_PROTECTED | BH_SEALED | BH_CONFINED;

/// Who is neither protected nor confined has a mode as well, which says nothing.
bool would_drop(const Traits& traits) {
    return (traits.flags & (BH_PROTECTED | BH_CONFINED)) != 0 && (traits.flags & BH_AUDIT) == 0;
}

/// Both sorted.
template <typename T>
std::vector<T> in_both(const std::vector<T>& a, const std::vector<T>& b) {
    std::vector<T> both;
    std::ranges::set_intersection(a, b, std::back_inserter(both));
    return both;
}

void narrow(Traits& traits, const Traits& other) {
    const bool drops = would_drop(traits) || would_drop(other);
    const auto stricter = (traits.flags | other.flags) & kStricter;
    const auto audit = drops ? 0 : (traits.flags | other.flags) & BH_AUDIT;
    traits.flags = (traits.flags & other.flags & ~(kStricter | BH_AUDIT)) | stricter | audit;
    traits.accepts = in_both(traits.accepts, other.accepts);
    traits.may = in_both(traits.may, other.may);
    if (traits.exposed != other.exposed) traits.exposed.clear();
}

} // namespace

std::optional<Traits> strictest_of(const std::vector<const Traits*>& all) {
    auto strictest = *all.front();
    for (const auto* traits : all) {
        if (traits->tenant.empty() || traits->tenant != strictest.tenant) return std::nullopt;
        narrow(strictest, *traits);
    }
    return strictest;
}

} // namespace bulkhead::compile
