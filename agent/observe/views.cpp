// SPDX-License-Identifier: Apache-2.0
#include "observe/views.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/rfc3339.h"

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

Json overrides_view(const std::vector<state::Override>& overrides) {
    Json json = Json::array();
    for (const auto& override : overrides)
        json.push_back(override_view(override));
    return json;
}

Json maps_view(const std::vector<MapFill>& maps) {
    Json json = Json::array();
    for (const auto& map : maps)
        json.push_back({{"name", map.name}, {"entries", map.entries}, {"limit", map.limit}, {"refused", map.refused}});
    return json;
}

/// One address of an endpoint; the strings are Desired's.
struct Claim {
    std::string owner;
    compile::IdentityId identity = 0;
    Address address;
    uint16_t slot = 0;
    bool this_node = false;

    bool same_row(const Claim& other) const { return owner == other.owner && identity == other.identity; }
};

bool is_this_node(const compile::EndpointRow& row) {
    return (row.row.flags & BH_ENDPOINT_THIS_NODE) != 0;
}

/// Pods on this node's network. Their addresses are the node's; but people look for them by name.
void add_host_network_pods(const Surroundings& here, std::vector<Claim>& claims) {
    for (const auto& [key, pod] : here.cluster.pods()) {
        if (!pod.common->host_network || pod.finished || pod.node != here.node_name) continue;
        for (const auto& address : pod.ips) {
            const auto row = here.desired.endpoints.find(address);
            if (row == here.desired.endpoints.end() || !is_this_node(row->second)) continue;
            claims.push_back({key, row->second.row.identity, address, 0, true});
        }
    }
}

/// By owner and identity: one name may stand for addresses of several kinds.
std::vector<Claim> sorted_claims(const Surroundings& here) {
    std::vector<Claim> claims;
    claims.reserve(here.desired.endpoints.size());
    for (const auto& [address, row] : here.desired.endpoints)
        claims.push_back({row.owner, row.row.identity, address, row.row.slot, is_this_node(row)});
    add_host_network_pods(here, claims);
    std::sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
        return std::tie(a.owner, a.identity, a.address) < std::tie(b.owner, b.identity, b.address);
    });
    return claims;
}

std::vector<uint32_t> interfaces_of(uint16_t slot, const Surroundings& here) {
    const auto pod = here.cluster.local_pods().find(slot);
    return pod == here.cluster.local_pods().end() ? std::vector<uint32_t>{} : pod->second.ifindexes;
}

std::string state_of_local_pod(const Claim& claim, const Surroundings& here, const Interfaces& interfaces) {
    const auto own = interfaces_of(claim.slot, here);
    if (!std::all_of(own.begin(), own.end(), interfaces.is_guarded)) return "unguarded";
    return claim.identity == BH_IDENTITY_HELD ? "held" : "guarded";
}

std::string state_of(const Claim& claim, const Surroundings& here, const Interfaces& interfaces) {
    if (claim.slot != 0) return state_of_local_pod(claim, here, interfaces);
    if (claim.this_node) return "unguarded";
    const auto pod = here.cluster.pods().find(claim.owner);
    if (pod == here.cluster.pods().end()) return "address";
    if (pod->second.node != here.node_name) return "remote";
    return interfaces.shut.contains(claim.owner) ? "shut" : "unguarded";
}

Json names_of(const std::vector<uint32_t>& ifindexes, const Interfaces& interfaces) {
    Json names = Json::array();
    for (const uint32_t ifindex : ifindexes)
        names.push_back(interfaces.name(ifindex));
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

Json override_view(const state::Override& override) {
    return {{"name", override.meta.name},
            {"scope", override.only_here ? "node" : "cluster"},
            {"tenant", override.tenant.empty() ? Json() : Json(override.tenant)}, // null = everybody
            {"mode", "audit"},
            {"until", rfc3339(override.until)},
            {"reason", override.reason}};
}

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
        {"inSync", figures.in_sync},
        {"armed", figures.armed},
        {"overrides", overrides_view(figures.overrides)},
        {"source", {{"name", facts.source}, {"synced", figures.synced}, {"ageSeconds", figures.source_age}}},
        {"slices", facts.slices},
        {"published", figures.published},
        {"attach",
         {{"mode", facts.attach_mode}, {"asked", facts.attach_asked}, {"reattachments", figures.reattachments}}},
        {"kernel",
         {{"release", facts.kernel_release}, {"hz", facts.hertz}, {"features", to_json(facts.kernel_features)}}},
        {"pinDir", facts.pin_dir},
        {"interfaces",
         {{"guarded", figures.guarded},
          {"held", figures.held},
          {"unguarded", figures.unguarded},
          {"shut", figures.shut},
          {"unwiredPods", figures.unwired},
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
          {"lost", figures.statistics[BH_STAT_EVENTS_LOST]},
          {"merged", figures.statistics[BH_STAT_REFUSED_MERGED]},
          {"untold", figures.statistics[BH_STAT_REFUSED_UNTOLD]}}},
        {"flows",
         {{"remembered", figures.flows.remembered},
          {"readers", figures.flows.readers},
          {"cutOff", figures.flows.cut_off}}},
        {"errors", facts.errors},
        {"problems", problems_view(facts.problems)},
    };
}

std::string endpoints_text(const Surroundings& here, const Interfaces& interfaces) {
    const auto claims = sorted_claims(here);
    std::string text = "{\"endpoints\":[";
    for (size_t i = 0; i < claims.size();) {
        const auto& first = claims[i];
        Json row{{"name", first.owner}};
        row.update(describe(first.identity, here.desired));
        row["state"] = state_of(first, here, interfaces);
        row["addresses"] = Json::array();
        if (first.slot != 0) row["interfaces"] = names_of(interfaces_of(first.slot, here), interfaces);
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
