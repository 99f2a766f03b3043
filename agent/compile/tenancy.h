// SPDX-License-Identifier: Apache-2.0
//
// Which tenant, level and mode a namespace has, and who says so. Built from the namespaces and Tenant
// objects of one moment, whose addresses it keeps: whoever changes one of them builds a new Tenancy.
//
// Labels that join a declared Tenant need that Tenant's consent (it names or selects the namespace),
// because deputies copy labels that tenants wrote. Level and mode only ever get stricter by what is
// said in addition.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compile/compiler.h"

namespace bulkhead::compile {

struct Membership {
    const state::Namespace* ns = nullptr;
    const state::Tenant* declared = nullptr; // the Tenant object, if its tenant has one
    std::string tenant;                      // "payments", "capsule/payments", ...; empty = nobody's
    state::Level level = state::Level::kNonProtected;
    state::Mode mode = state::Mode::kEnforce;
    std::string level_from; // for people

    bool is_protected() const { return level == state::Level::kProtected; }
    bool sealed() const { return declared && declared->sealed; }
    bool confined() const { return declared && declared->confined; }
    bool allows_pod_expose() const { return !declared || declared->pod_expose; }
    bool allows_access_grants() const { return !declared || declared->access_grants; }
};

class Tenancy {
public:
    Tenancy(const state::Cluster& cluster, const Settings& settings, std::vector<state::Problem>& problems);

    /// nullptr: no such namespace is known.
    const Membership* find(const std::string& ns) const;

    /// Who makes pods of this tenant have this level; several namespaces may, the first few are named.
    std::string level_from(const std::string& tenant, state::Level level) const;

    /// The mode that a resource of this tenant inherits; nothing if no object declares the tenant.
    std::optional<state::Mode> mode_of(const std::string& tenant) const;

    const std::unordered_map<std::string, Membership>& memberships() const { return memberships_; }

private:
    const state::Cluster& cluster_;
    state::Mode default_mode_;
    std::unordered_map<std::string, Membership> memberships_;
    std::map<std::pair<std::string, state::Level>, std::set<std::string>> level_from_;
};

} // namespace bulkhead::compile
