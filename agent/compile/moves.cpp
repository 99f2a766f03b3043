// SPDX-License-Identifier: Apache-2.0
#include "compile/moves.h"

#include <unordered_set>

namespace bulkhead::compile {

std::set<std::string> arrivals_to_wait(const Tenancy& before, const Tenancy& after) {
    const auto is_of = [](const Tenancy& tenancy, const std::string& ns, const std::string& tenant) {
        const auto* member = tenancy.find(ns);
        return member != nullptr && member->tenant == tenant;
    };
    std::unordered_set<std::string> left;
    for (const auto& [ns, member] : before.memberships())
        if (!member.tenant.empty() && after.find(ns) && !is_of(after, ns, member.tenant)) left.insert(member.tenant);
    std::set<std::string> waiting;
    if (left.empty()) return waiting;
    for (const auto& [ns, member] : after.memberships())
        if (left.contains(member.tenant) && !is_of(before, ns, member.tenant)) waiting.insert(ns);
    return waiting;
}

} // namespace bulkhead::compile
