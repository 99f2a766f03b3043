// SPDX-License-Identifier: Apache-2.0
//
// Which tenant, level and mode a namespace has, and who says so. Built from the namespaces and Tenant
// objects of one moment, whose addresses it keeps: whoever changes one of them builds a new Tenancy.
//
// Labels that join a declared Tenant need that Tenant's consent (it names or selects the namespace),
// because deputies copy labels that tenants wrote. Level and mode only ever get stricter by what is
// said in addition; but a namespace of Settings::keep_open is neither protected nor confined, and whoever says
// that it is gets told.
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
    bool kept_open = false; // by Settings::keep_open, whatever anybody says

    bool is_protected() const { return level == state::Level::kProtected; }
    bool sealed() const { return declared && declared->sealed; }
    bool confined() const { return declared && declared->confined && !kept_open; }
    bool allows_pod_expose() const { return !declared || declared->pod_expose; }
    bool allows_access_grants() const { return !declared || declared->access_grants; }
    bool checks_source() const { return !declared || declared->source_check; }
};

inline constexpr std::string_view kByDefault = "by default";

/// The strictest of what several say, and who said it first.
template <typename T>
struct Strictest {
    std::optional<T> value;
    std::string from{kByDefault};

    void hear(std::optional<T> said, const std::string& who) {
        if (!said || (value && *said <= *value)) return;
        value = said;
        from = who;
    }
};

class Tenancy {
public:
    /// Adds to `problems`, and to `sources` by namespace.
    Tenancy(const state::Cluster& cluster, const Settings& settings, std::vector<state::Problem>& problems,
            SourcesByOwner& sources);

    /// nullptr: no such namespace is known.
    const Membership* find(const std::string& ns) const;

    /// The mode that a resource of this tenant inherits; nothing if no object declares the tenant.
    std::optional<state::Mode> mode_of(const std::string& tenant) const;

    /// The same, among others who say a mode.
    void hear_mode(const std::string& tenant, Strictest<state::Mode>& mode) const;

    const std::unordered_map<std::string, Membership>& memberships() const { return memberships_; }

    /// These namespaces are each a tenant of its own for now.
    void set_apart(const std::set<std::string>& namespaces);

private:
    const state::Cluster& cluster_;
    state::Mode default_mode_;
    std::unordered_map<std::string, Membership> memberships_;
};

} // namespace bulkhead::compile
