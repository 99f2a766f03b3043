// SPDX-License-Identifier: Apache-2.0
#include "compile/policy.h"

#include <algorithm>

#include "compile/label_keys.h"

namespace bulkhead::compile {

namespace {

/// Where pods fetch their IAM credentials: an agent on their own node, also for confined ones.
constexpr const char* kPodIdentity[] = {"169.254.170.23", "fd00:ec2::23"};

bool is_service(const state::EndpointSlice& slice, std::string_view ns, std::string_view name) {
    return slice.meta.ns == ns && slice.service == name;
}

std::map<Address, Role> collect_roles(const state::Cluster& cluster, const Settings& settings) {
    std::map<Address, Role> roles;
    const auto add_dns = [&](const Address& address) {
        roles[address].cluster_dns = true;
        roles[address].infra = true;
    };
    for (const auto& address : settings.dns_addresses)
        add_dns(address);
    for (const auto& [key, slice] : cluster.endpoint_slices()) {
        if (is_service(slice, "kube-system", "kube-dns"))
            for (const auto& address : slice.addresses)
                add_dns(address);
        if (is_service(slice, "default", "kubernetes"))
            for (const auto& address : slice.addresses)
                roles[address].kube_apiserver = true;
    }
    return roles;
}

std::string text_of(const Role& role) {
    return std::string(role.cluster_dns ? kClusterDns : kKubeApiserver);
}

void reserve_nodes(const state::Cluster& cluster, std::unordered_map<Address, Reserved>& reserved) {
    for (const auto& [name, node] : cluster.nodes())
        for (const auto& address : node.addresses) {
            const auto [place, is_new] = reserved.try_emplace(address, Reserved{.owner = "node " + name, .node = name});
            if (!is_new) place->second.node.clear(); // two say that it is theirs: then neither's slices are believed
        }
}

/// What was only found to be a resource's may have become a pod's meanwhile: then that counts.
bool says(const state::AwsResource& resource, const Cidr& cidr) {
    return !std::ranges::binary_search(resource.found, cidr) ||
           std::ranges::find(resource.cidrs, cidr) != resource.cidrs.end();
}

const state::AwsResource* first_that_says(const std::vector<const Part*>& parts, const Cidr& cidr) {
    const auto first = std::ranges::find_if(parts, [&](const auto* part) { return says(*part->resource, cidr); });
    return first == parts.end() ? nullptr : (*first)->resource;
}

/// Later ones count before nodes.
std::unordered_map<Address, Reserved> collect_reserved(const state::Cluster& cluster, const Sayings& sayings,
                                                       const std::unordered_map<Address, std::string>& nodes) {
    std::unordered_map<Address, Reserved> reserved;
    reserve_nodes(cluster, reserved);
    for (const auto& [address, name] : nodes)
        reserved.try_emplace(address, Reserved{.owner = name}); // Pod Identity
    for (const auto& [cidr, saying] : sayings) {
        if (!cidr.is_single()) continue;
        const auto& address = cidr.address;
        if (const auto* resource = first_that_says(saying.resources, cidr))
            reserved[address] = {.owner = "AWSResource " + resource->meta.name};
        else if (saying.role.cluster_dns || saying.role.kube_apiserver)
            reserved[address] = {.owner = text_of(saying.role)};
    }
    for (const auto& [key, slice] : cluster.endpoint_slices())
        if (is_service(slice, "kube-system", "kube-dns"))
            for (const auto& [address, pods] : slice.pods)
                if (const auto there = reserved.find(address);
                    there != reserved.end() && there->second.owner == kClusterDns)
                    there->second.pods.insert(pods.begin(), pods.end());
    return reserved;
}

std::unordered_map<Address, std::string> collect_nodes(const state::Cluster& cluster, std::map<Address, Role>& roles) {
    std::unordered_map<Address, std::string> nodes;
    for (const auto& [name, node] : cluster.nodes())
        for (const auto& address : node.addresses)
            nodes.emplace(address, "node " + name);
    for (const auto* text : kPodIdentity) {
        const auto address = *Address::parse(text);
        nodes.emplace(address, "Pod Identity");
        roles[address].infra = true;
    }
    return nodes;
}

} // namespace

Policy::Policy(const state::Cluster& of, const Settings& settings)
    : cluster(of), tenancy(of, settings, problems, sources), parts(of, problems),
      rules(collect_rules(of, tenancy, parts, problems)),
      selectors(rules, tenancy, settings.default_mode, of.all_pods_known()), roles(collect_roles(of, settings)),
      nodes(collect_nodes(of, roles)) {
    const auto sayings = collect_sayings(of, parts, selectors, roles);
    covered = flatten(sayings, selectors, problems);
    reserved = collect_reserved(of, sayings, nodes);
    label_keys(of, problems); // whose found no room
    for (const auto& part : parts.all())
        sources.emplace("AWSResource " + (part.name().empty() ? part.resource->meta.name : part.name()),
                        selectors.sources_of(part));
}

Role Policy::role_of(const Address& address) const {
    const auto found = roles.find(address);
    return found == roles.end() ? Role{} : found->second;
}

std::set<std::string> Policy::tenants() const {
    std::set<std::string> names;
    for (const auto& [name, tenant] : cluster.tenants())
        names.insert(name);
    for (const auto& [ns, member] : tenancy.memberships())
        names.insert(member.tenant);
    for (const auto& [name, resource] : cluster.resources())
        names.insert(resource.tenant);
    names.erase("");
    return names;
}

} // namespace bulkhead::compile
