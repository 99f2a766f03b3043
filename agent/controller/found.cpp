// SPDX-License-Identifier: Apache-2.0
#include "controller/found.h"

#include <algorithm>

#include "base/rfc3339.h"
#include "base/utf8.h"
#include "state/labels.h"

namespace bulkhead::controller {

namespace {

constexpr auto kType = "Resolved";
constexpr size_t kMostFailures = 5;
constexpr size_t kMostTenants = 20;
constexpr auto kSeveral = "several tenants";
constexpr size_t kLongestFound = 4000; // bytes; the schema allows 32768

std::string count_of(size_t addresses) {
    return std::to_string(addresses) + (addresses == 1 ? " address" : " addresses") + " found";
}

/// What a tag says of an address; empty: nothing.
std::string tenant_at(const Cidr& address, const resolve::Finding& finding) {
    std::set<std::string> tenants;
    if (const auto owners = finding.owners.find(address); owners != finding.owners.end())
        for (const auto& owner : owners->second)
            if (!owner.tenant.empty()) tenants.insert(owner.tenant);
    if (tenants.empty()) return "";
    return tenants.size() == 1 ? *tenants.begin() : kSeveral;
}

/// "; by the tag team: 8 of payments, 3 of blog, 1 without it". Whether there are such Tenants, Ready says.
std::string shares_of(const resolve::Finding& finding) {
    if (finding.tenant_tag.empty() || finding.addresses.empty()) return "";
    std::map<std::string, size_t> shares;
    for (const auto& address : finding.addresses)
        ++shares[tenant_at(address, finding)];
    const auto without = shares.extract("");
    std::string text;
    size_t told = 0;
    for (const auto& [tenant, count] : shares)
        if (told++ < kMostTenants) text += ", " + std::to_string(count) + " of " + tenant;
    if (shares.size() > kMostTenants) text += ", and of " + std::to_string(shares.size() - kMostTenants) + " more";
    if (!without.empty()) text += ", " + std::to_string(without.mapped()) + " without it";
    return "; by the tag " + finding.tenant_tag + ": " + text.substr(2);
}

std::string message_of(const resolve::Finding& finding) {
    auto message = count_of(finding.addresses.size()) + shares_of(finding);
    for (size_t i = 0; i < std::min(finding.troubles.size(), kMostFailures); ++i)
        message += "\n" + finding.troubles[i].text;
    if (message.size() > kLongestFound) message = std::string(cut_utf8(message, kLongestFound)) + "...";
    if (finding.troubles.size() > kMostFailures)
        message += "\nand " + std::to_string(finding.troubles.size() - kMostFailures) + " more";
    return message;
}

/// The slice's number, if it is called as one of its resource is.
std::optional<uint32_t> number_of(const std::string& name, const SliceFacts& slice) {
    const auto number = resolve::slice_number(name);
    if (slice.resource.empty() || !number || resolve::slice_name(slice.resource, *number) != name) return std::nullopt;
    return number;
}

Condition as_it_was(const Json& before) {
    return {kType, before.value("status", "Unknown"), before.value("reason", "NotAskedYet"),
            before.value("message", "")};
}

} // namespace

std::vector<Condition> resolved_of(const Findings& findings, const Unpublished& unpublished,
                                   const std::string& resource, int64_t generation, const Json& before) {
    const auto* condition = find_condition(before, kType);
    if (!findings) return condition == nullptr ? std::vector<Condition>{} : std::vector{as_it_was(*condition)};
    const auto* finding = findings(resource);
    if (finding == nullptr) return {};
    if (!finding->troubles.empty()) return {{kType, "False", finding->troubles.front().reason, message_of(*finding)}};
    if (const auto error = unpublished.find(resource); error != unpublished.end())
        return {{kType, "False", "NotPublished",
                 message_of(*finding) + ", but the API server doesn't take them: " + error->second}};
    if (finding->settled) return {{kType, "True", "Resolved", message_of(*finding)}};
    if (condition != nullptr && condition->value("observedGeneration", int64_t{0}) == generation)
        return {as_it_was(*condition)};
    return {{kType, "Unknown", "NotAskedYet", "not everything was asked yet; " + message_of(*finding)}};
}

Json found_slice(const std::string& resource, uint32_t number, const resolve::Placed& placed, state::Time changed) {
    auto texts = Json::array();
    for (const auto& address : placed.addresses)
        texts.push_back(address.is_single() ? address.address.text() : address.text());
    Json spec{{"awsResource", resource}, {"addresses", texts}};
    if (!placed.owner.tenant.empty()) spec["tenant"] = placed.owner.tenant;
    if (!placed.owner.level.empty()) spec["level"] = placed.owner.level;
    return {
        {"apiVersion", "bulkhead.dev/v1alpha1"},
        {"kind", "IdentitySlice"},
        {"metadata",
         {{"name", resolve::slice_name(resource, number)},
          {"labels", {{state::kScopeLabel, state::kEveryScope}, {state::kResourceLabel, state::label_value(resource)}}},
          {"annotations", {{state::kSeenAt, rfc3339(changed)}}}}},
        {"spec", spec}};
}

resolve::Memories memories_of(const Observed& observed, const Findings& findings) {
    resolve::Memories memories;
    for (const auto& [name, slice] : observed.slices.all()) {
        if (slice.resource.empty() || findings(slice.resource) != nullptr) continue;
        auto& memory = memories[slice.resource];
        memory.addresses.insert(slice.addresses.begin(), slice.addresses.end());
        if (!slice.owner.empty())
            for (const auto& address : slice.addresses)
                memory.owners[address].insert(slice.owner);
        memory.date = std::max(memory.date, slice.found);
    }
    return memories;
}

std::map<std::string, resolve::Placement> placements_of(const Observed& observed) {
    std::map<std::string, resolve::Placement> placements;
    for (const auto& [name, slice] : observed.slices.all())
        if (const auto number = number_of(name, slice))
            placements[slice.resource][*number] = {.owner = slice.owner,
                                                   .addresses = {slice.addresses.begin(), slice.addresses.end()}};
    return placements;
}

std::vector<std::string> slices_besides(const Observed& observed, const std::string& resource,
                                        const resolve::Placement& placed) {
    std::vector<std::string> names;
    for (const auto& [name, slice] : observed.slices.all()) {
        if (slice.resource != resource) continue;
        const auto number = number_of(name, slice);
        if (!number || !placed.contains(*number)) names.push_back(name);
    }
    return names;
}

void tell_found(const Observed& observed, state::Cluster& cluster, std::set<std::string>& told) {
    auto gone = std::exchange(told, {});
    for (const auto& [name, slice] : observed.slices.all()) {
        if (slice.resource.empty()) continue;
        state::IdentitySlice found;
        found.meta.name = name;
        found.resource = slice.resource;
        found.addresses = slice.addresses;
        if (!slice.owner.empty())
            for (const auto& address : slice.addresses)
                found.owners[address].insert(slice.owner);
        cluster.put(std::move(found));
        told.insert(name);
        gone.erase(name);
    }
    for (const auto& name : gone)
        cluster.remove({.kind = "IdentitySlice", .ns = "", .name = name});
}

} // namespace bulkhead::controller
