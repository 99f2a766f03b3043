// SPDX-License-Identifier: Apache-2.0
#include "observe/views.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace bulkhead::observe {

namespace {

Json to_json(const state::Problem& problem) {
    return {{"origin", problem.origin}, {"object", problem.object}, {"field", problem.field}, {"text", problem.text}};
}

Json to_json(const datapath::Features& features) {
    Json json = Json::object();
    for (const datapath::Feature& feature : datapath::kFeatures)
        json[feature.name] = features.*feature.present;
    return json;
}

Json maps_view(const std::vector<MapFill>& maps) {
    Json json = Json::array();
    for (const auto& map : maps)
        json.push_back({{"name", map.name}, {"entries", map.entries}, {"limit", map.limit}});
    return json;
}

/// One address of an endpoint; the strings are Desired's.
struct Claim {
    std::string owner;
    compile::IdentityId identity = 0;
    Address address;
    uint16_t slot = 0;

    bool same_row(const Claim& other) const { return owner == other.owner && identity == other.identity; }
};

/// By owner and identity: one name may stand for addresses of several kinds.
std::vector<Claim> sorted_claims(const compile::Desired& desired) {
    std::vector<Claim> claims;
    claims.reserve(desired.endpoints.size());
    for (const auto& [address, row] : desired.endpoints)
        claims.push_back({row.owner, row.row.identity, address, row.row.slot});
    std::sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
        return std::tie(a.owner, a.identity, a.address) < std::tie(b.owner, b.identity, b.address);
    });
    return claims;
}

std::string state_of(const Claim& claim) {
    if (claim.slot == 0) return "remote";
    return claim.identity == BH_IDENTITY_HELD ? "held" : "guarded";
}

Json interfaces_of(uint16_t slot, const Surroundings& here, const std::function<std::string(uint32_t)>& name) {
    Json names = Json::array();
    const auto pod = here.cluster.local_pods().find(slot);
    if (pod == here.cluster.local_pods().end()) return names;
    for (const uint32_t ifindex : pod->second.ifindexes)
        names.push_back(name(ifindex));
    return names;
}

struct TenantSummary {
    std::set<std::string> levels;
    std::set<std::string> modes;
    std::set<std::string> namespaces;
    uint64_t endpoints = 0;
    bool sealed = false;
    bool confined = false;
};

void add_identities(const compile::Desired& desired, std::map<uint32_t, TenantSummary>& tenants) {
    for (const auto& [id, identity] : desired.identities) {
        if (identity.tenant == 0) continue;
        auto& tenant = tenants[identity.tenant];
        tenant.levels.insert((identity.flags & BH_PROTECTED) != 0 ? "protected" : "non-protected");
        tenant.modes.insert((identity.flags & BH_AUDIT) != 0 ? "audit" : "enforce");
        tenant.sealed |= (identity.flags & BH_SEALED) != 0;
        tenant.confined |= (identity.flags & BH_CONFINED) != 0;
    }
}

void add_endpoints(const compile::Desired& desired, std::map<uint32_t, TenantSummary>& tenants) {
    std::set<std::pair<uint32_t, std::string>> counted;
    for (const auto& [address, endpoint] : desired.endpoints) {
        const auto identity = desired.identities.find(endpoint.row.identity);
        if (identity == desired.identities.end() || identity->second.tenant == 0) continue;
        const std::string owner = endpoint.owner;
        if (!counted.emplace(identity->second.tenant, owner).second) continue;
        auto& tenant = tenants[identity->second.tenant];
        ++tenant.endpoints;
        const auto slash = owner.find('/');
        if ((identity->second.flags & BH_POD) != 0 && slash != std::string::npos)
            tenant.namespaces.insert(owner.substr(0, slash));
    }
}

} // namespace

Json problems_view(const std::vector<state::Problem>& problems) {
    Json json = Json::array();
    for (const auto& problem : problems)
        json.push_back(to_json(problem));
    return json;
}

Json status_view(const Figures& figures, const StatusFacts& facts) {
    return {
        {"node", figures.node},
        {"version", figures.version},
        {"ready", figures.ready},
        {"armed", figures.armed},
        {"source", {{"name", facts.source}, {"synced", figures.synced}}},
        {"attach",
         {{"mode", facts.attach_mode}, {"asked", facts.attach_asked}, {"reattachments", figures.reattachments}}},
        {"kernel",
         {{"release", facts.kernel_release}, {"hz", facts.hertz}, {"features", to_json(facts.kernel_features)}}},
        {"pinDir", facts.pin_dir},
        {"interfaces",
         {{"guarded", figures.guarded},
          {"held", figures.held},
          {"unguarded", figures.unguarded},
          {"uplinks", facts.uplinks}}},
        {"endpoints", figures.endpoints},
        {"identities", figures.identities},
        {"tenants", figures.tenants},
        {"prefixes", figures.prefixes},
        {"openings", figures.openings},
        {"maps", maps_view(figures.maps)},
        {"events",
         {{"written", figures.statistics[BH_STAT_EVENTS]},
          {"limited", figures.statistics[BH_STAT_EVENTS_LIMITED]},
          {"lost", figures.statistics[BH_STAT_EVENTS_LOST]}}},
        {"errors", facts.errors},
        {"problems", problems_view(facts.problems)},
    };
}

std::string endpoints_text(const Surroundings& here, const std::function<std::string(uint32_t)>& interface_name) {
    const auto claims = sorted_claims(here.desired);
    std::string text = "{\"endpoints\":[";
    for (size_t i = 0; i < claims.size();) {
        const auto& first = claims[i];
        Json row{{"name", first.owner}};
        row.update(describe(first.identity, here.desired));
        row["state"] = state_of(first);
        row["addresses"] = Json::array();
        if (first.slot != 0) row["interfaces"] = interfaces_of(first.slot, here, interface_name);
        for (; i < claims.size() && claims[i].same_row(first); ++i)
            row["addresses"].push_back(claims[i].address.text());
        text += (text.back() == '[' ? "" : ",") + row.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return text + "]}\n";
}

Json tenants_view(const compile::Desired& desired) {
    std::map<uint32_t, TenantSummary> tenants;
    add_identities(desired, tenants);
    add_endpoints(desired, tenants);
    std::map<std::string, Json> sorted;
    for (const auto& [id, tenant] : tenants) {
        const auto name = desired.tenants.find(id);
        const std::string text = name == desired.tenants.end() ? std::to_string(id) : name->second;
        sorted[text] = {{"name", text},
                        {"levels", tenant.levels},
                        {"modes", tenant.modes},
                        {"sealed", tenant.sealed},
                        {"confined", tenant.confined},
                        {"endpoints", tenant.endpoints},
                        {"namespaces", tenant.namespaces}};
    }
    Json rows = Json::array();
    for (auto& [name, row] : sorted)
        rows.push_back(std::move(row));
    return {{"tenants", std::move(rows)}};
}

} // namespace bulkhead::observe
