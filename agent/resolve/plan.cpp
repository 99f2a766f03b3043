// SPDX-License-Identifier: Apache-2.0
#include "resolve/plan.h"

#include <utility>

namespace bulkhead::resolve {

namespace {

/// A role and its external id are one thing.
state::AwsPlace completed(state::AwsPlace own, const state::AwsPlace& tenants) {
    if (own.region.empty()) own.region = tenants.region;
    if (own.role.empty()) {
        own.role = tenants.role;
        own.external_id = tenants.external_id;
    }
    return own;
}

} // namespace

Resources resources_to_look_up(const state::Cluster& cluster, const std::set<std::string>& unread) {
    Resources resources;
    for (const auto& [name, resource] : cluster.resources()) {
        if (resource.look_ups.empty()) continue;
        auto& one = resources.emplace(name, resource).first->second;
        if (const auto tenant = cluster.tenants().find(resource.tenant); tenant != cluster.tenants().end())
            one.place = completed(std::move(one.place), tenant->second.place);
        else if (unread.contains(resource.tenant) && (one.place.region.empty() || one.place.role.empty()))
            one.place.unsaid =
                "Tenant " + resource.tenant + " isn't understood, and may say in which account and region";
    }
    return resources;
}

std::set<Question> questions_of(const state::AwsResource& resource, const std::string& region) {
    using Kind = Question::Kind;
    auto place = resource.place;
    if (place.region.empty()) place.region = region;
    const auto& named = resource.look_ups;
    std::set<Question> all;
    const auto add = [&](Kind kind, const std::string& name, const state::Labels& tags) {
        all.insert({.place = place,
                    .kind = kind,
                    .name = name,
                    .tags = tags,
                    .tenant_tag = resource.tenant_tag,
                    .level_tag = resource.level_tag});
    };
    const auto add_each = [&](Kind kind, const std::set<std::string>& names) {
        for (const auto& name : names)
            add(kind, name, {});
    };
    add_each(Kind::kSecurityGroup, named.security_groups);
    add_each(Kind::kSubnet, named.subnets);
    add_each(Kind::kPrefixList, named.prefix_lists);
    if (!named.interface_tags.empty()) add(Kind::kInterfaceTags, "", named.interface_tags);
    if (!named.resource_tags.empty()) add(Kind::kResourceTags, "", named.resource_tags);
    return all;
}

Plan plan_of(const Resources& resources, const std::string& region) {
    Plan plan;
    for (const auto& [name, resource] : resources)
        for (auto& question : questions_of(resource, region))
            plan[question.place].insert(question);
    return plan;
}

} // namespace bulkhead::resolve
