// SPDX-License-Identifier: Apache-2.0
//
// Which Tenants name or select a namespace. Selectors are found by the first label value they ask for, so that
// thousands of Tenants do not make thousands of comparisons per namespace.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "state/objects.h"

namespace bulkhead::compile {

using Tenants = std::vector<const state::Tenant*>;

class ClaimIndex {
public:
    /// Keeps their addresses.
    explicit ClaimIndex(const std::map<std::string, state::Tenant>& tenants);

    /// Oldest first.
    Tenants of(const state::Namespace& ns) const;

    /// Of namespaces that may not exist: only names claim those. Oldest first.
    std::map<std::string, Tenants> by_name() const;

private:
    void add(const state::Tenant& tenant);

    std::unordered_map<std::string, Tenants> by_name_;
    std::map<std::pair<std::string, std::string>, Tenants> by_label_;
    Tenants others_;
};

/// By what a Tenant claims a namespace: "spec.namespaces[1]".
std::string claiming_field(const state::Tenant& tenant, const std::string& ns);

} // namespace bulkhead::compile
