// SPDX-License-Identifier: Apache-2.0
#include "compile/claim_index.h"

#include <algorithm>

namespace bulkhead::compile {

namespace {

bool is_older(const state::Tenant* a, const state::Tenant* b) {
    constexpr auto kUnknown = state::Time::max();
    return std::pair(a->meta.created.value_or(kUnknown), a->meta.name) <
           std::pair(b->meta.created.value_or(kUnknown), b->meta.name);
}

Tenants in_order(Tenants tenants) {
    std::sort(tenants.begin(), tenants.end(), is_older);
    tenants.erase(std::unique(tenants.begin(), tenants.end()), tenants.end());
    return tenants;
}

} // namespace

ClaimIndex::ClaimIndex(const std::map<std::string, state::Tenant>& tenants) {
    for (const auto& [name, tenant] : tenants)
        add(tenant);
}

void ClaimIndex::add(const state::Tenant& tenant) {
    for (const auto& ns : tenant.namespaces)
        by_name_[ns].push_back(&tenant);
    if (!tenant.namespace_selector) return;
    for (const auto& term : tenant.namespace_selector->terms) {
        if (term.op != state::Selector::Term::Op::kIn) continue;
        for (const auto& value : term.values)
            by_label_[{term.key, value}].push_back(&tenant);
        return;
    }
    others_.push_back(&tenant);
}

Tenants ClaimIndex::of(const state::Namespace& ns) const {
    Tenants found;
    if (const auto naming = by_name_.find(ns.meta.name); naming != by_name_.end()) found = naming->second;
    const auto selects = [&](const state::Tenant* tenant) {
        if (tenant->namespace_selector->matches(ns.labels)) found.push_back(tenant);
    };
    for (const auto& [key, value] : ns.labels) {
        const auto candidates = by_label_.find({key, value});
        if (candidates == by_label_.end()) continue;
        std::for_each(candidates->second.begin(), candidates->second.end(), selects);
    }
    std::for_each(others_.begin(), others_.end(), selects);
    return in_order(std::move(found));
}

std::map<std::string, Tenants> ClaimIndex::by_name() const {
    std::map<std::string, Tenants> out;
    for (const auto& [name, tenants] : by_name_)
        out.emplace(name, in_order(tenants));
    return out;
}

std::string claiming_field(const state::Tenant& tenant, const std::string& ns) {
    const auto named = std::find(tenant.namespaces.begin(), tenant.namespaces.end(), ns);
    if (named == tenant.namespaces.end()) return "spec.namespaceSelector";
    return "spec.namespaces[" + std::to_string(named - tenant.namespaces.begin()) + "]";
}

} // namespace bulkhead::compile
