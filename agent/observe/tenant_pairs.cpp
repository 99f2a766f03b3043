// SPDX-License-Identifier: Apache-2.0
#include "observe/tenant_pairs.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bulkhead::observe {

namespace {

constexpr auto kStale = std::chrono::hours(24);
constexpr std::array<std::string_view, 5> kTold{"world", "node", "held", "cluster-dns", "kube-apiserver"};

} // namespace

std::string label_of_tenant(const compile::IdentityName& name) {
    if (!name.tenant.empty()) return name.tenant;
    if (name.what == "network") return "(world)"; // a CIDR that somebody names, and nobody owns
    return std::ranges::find(kTold, name.what) == kTold.end() ? "(none)" : "(" + name.what + ")";
}

std::string label_of_tenant(compile::IdentityId identity, const compile::Desired& desired) {
    const auto name = desired.names.find(identity);
    return label_of_tenant(name == desired.names.end() ? compile::IdentityName{} : name->second);
}

void TenantPairs::add(const std::string& source, const std::string& destination, bh_reason reason, bh_verdict verdict,
                      uint64_t count, Clock::time_point now) {
    if (verdict == BH_VERDICT_ALLOW) return;
    const TenantPair pair{source, destination, verdict, reason};
    auto known = pairs_.find(pair);
    if (known == pairs_.end() && (pairs_.size() < limit_ || make_room(now))) known = pairs_.try_emplace(pair).first;
    if (known == pairs_.end()) {
        others_[{kOtherTenant, kOtherTenant, verdict, reason}] += count;
        overflow_ += count;
        return;
    }
    known->second.conversations += count;
    known->second.last = now;
}

bool TenantPairs::make_room(Clock::time_point now) {
    if (pairs_.empty() || now < next_look_) return false;
    const auto stalest = std::ranges::min_element(pairs_, {}, [](const auto& pair) { return pair.second.last; });
    next_look_ = stalest->second.last + kStale;
    if (now < next_look_) return false;
    pairs_.erase(stalest);
    return true;
}

std::map<TenantPair, uint64_t> TenantPairs::counts() const {
    auto counts = others_;
    for (const auto& [pair, count] : pairs_)
        counts[pair] += count.conversations;
    return counts;
}

} // namespace bulkhead::observe
