// SPDX-License-Identifier: Apache-2.0
#include "observe/tenant_pairs.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "compile/rules.h"

namespace bulkhead::observe {

namespace {

constexpr auto kStale = std::chrono::hours(24);
constexpr std::array<std::string_view, 5> kTold{"world", "node", "held", "cluster-dns", "kube-apiserver"};
constexpr std::string_view kResource = "AWSResource ";

const compile::IdentityName& name_of(compile::IdentityId identity, const compile::Desired& desired) {
    static const compile::IdentityName kNobody;
    const auto name = desired.names.find(identity);
    return name == desired.names.end() ? kNobody : name->second;
}

bool is_resource(const compile::IdentityName& name) {
    return name.what.starts_with(kResource);
}

} // namespace

std::string label_of_tenant(const compile::IdentityName& name) {
    if (!name.tenant.empty()) return name.tenant;
    if (name.what == compile::kNetwork) return "(world)";
    return std::ranges::find(kTold, name.what) == kTold.end() ? "(none)" : "(" + name.what + ")";
}

std::string label_of_tenant(compile::IdentityId identity, const compile::Desired& desired) {
    return label_of_tenant(name_of(identity, desired));
}

TenantPair pair_of(const bh_event& event, const compile::Desired& desired) {
    const auto& destination = name_of(event.dst_identity, desired);
    return {.source = label_of_tenant(event.src_identity, desired),
            .destination = label_of_tenant(destination),
            .verdict = static_cast<bh_verdict>(event.verdict),
            .reason = static_cast<bh_reason>(event.reason),
            .resource = is_resource(destination) ? destination.what.substr(kResource.size()) : ""};
}

bool is_admission(const bh_event& event, const compile::Desired& desired) {
    if (event.verdict != BH_VERDICT_ALLOW) return false;
    const bool through_a_door =
        event.reason == BH_REASON_EXPOSED || event.reason == BH_REASON_TRUSTED || event.reason == BH_REASON_GRANTED;
    return through_a_door || is_resource(name_of(event.dst_identity, desired));
}

void TenantPairs::add(const TenantPair& pair, uint64_t count, Clock::time_point now) {
    auto known = pairs_.find(pair);
    if (known == pairs_.end() && (pairs_.size() < limit_ || make_room(now))) known = pairs_.try_emplace(pair).first;
    if (known == pairs_.end()) {
        others_[{kOtherTenant, kOtherTenant, pair.verdict, pair.reason}] += count;
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
