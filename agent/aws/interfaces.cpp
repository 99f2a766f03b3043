// SPDX-License-Identifier: Apache-2.0
#include "aws/interfaces.h"

#include "aws/filters.h"
#include "aws/pages.h"

namespace bulkhead::aws {

namespace {

/// Such an interface has no IP address (EC2 user guide, "Elastic Fabric Adapter"), and whether EC2 then sends an empty
/// list or none isn't said. Any other without a list is an answer in a shape that we don't know.
bool may_lack_addresses(const Interface& interface) {
    return interface.type == "efa-only";
}

void read_addresses(pugi::xml_node item, Wanted& wanted, Interface& interface) {
    const auto v4 = item.child("privateIpAddressesSet");
    const auto v6 = item.child("ipv6AddressesSet");
    if (!v4 && !v6 && !may_lack_addresses(interface))
        wanted.complain(item, "has neither privateIpAddressesSet nor ipv6AddressesSet");
    for (const auto one : v4.children("item"))
        interface.addresses.push_back(wanted.address(one, "privateIpAddress"));
    for (const auto one : v6.children("item"))
        interface.addresses.push_back(wanted.address(one, "ipv6Address"));
    for (const auto one : item.child("ipv4PrefixSet").children("item"))
        interface.prefixes.push_back(wanted.cidr(one, "ipv4Prefix"));
    for (const auto one : item.child("ipv6PrefixSet").children("item"))
        interface.prefixes.push_back(wanted.cidr(one, "ipv6Prefix"));
}

/// Without its id, groups and tags nobody knows whom it concerns, so that fails the answer.
Interface read_interface(pugi::xml_node item, Wanted& wanted) {
    const auto attachment = item.child("attachment");
    Interface interface {
        .id = wanted.text(item, "networkInterfaceId"), .vpc = item.child_value("vpcId"),
        .subnet = item.child_value("subnetId"), .type = item.child_value("interfaceType"),
        .description = item.child_value("description"), .instance = attachment.child_value("instanceId"),
        .instance_owner = attachment.child_value("instanceOwnerId"), .groups = {}, .tags = {}, .addresses = {},
        .prefixes = {}, .fault = ""
    };
    for (const auto group : wanted.list(item, "groupSet").children("item"))
        interface.groups.push_back(wanted.text(group, "groupId"));
    interface.tags = wanted.tags(item);
    auto of_addresses = wanted.apart();
    read_addresses(item, of_addresses, interface);
    if (const auto checked = of_addresses.checked(); !checked) interface.fault = checked.error().text;
    return interface;
}

bool has_tag(const Tags& tags, const std::string& key, const std::string& value) {
    const auto found = tags.find(key);
    return found != tags.end() && found->second == value;
}

} // namespace

Answer<std::map<std::string, Interface>> describe_interfaces(Caller& caller, const InterfaceQuestion& question,
                                                             Room& room) {
    constexpr auto kPaging = ec2_paging("DescribeNetworkInterfaces", "1000");
    auto forms = filtered("group-id", question.groups);
    for (auto& form : filtered("tag-key", question.tag_keys))
        forms.push_back(std::move(form));
    std::map<std::string, Interface> all;
    for (const auto& form : forms) {
        const auto visit = [&](pugi::xml_node content, Wanted& wanted) {
            for (const auto item : wanted.list(content, "networkInterfaceSet").children("item")) {
                auto interface = read_interface(item, wanted);
                all.insert_or_assign(interface.id, std::move(interface));
            }
        };
        if (auto read = for_each_page(caller, kPaging, form, visit, room); !read) return tl::unexpected(read.error());
    }
    return all;
}

bool is_nodes(const Interface& interface, const OwnCluster& cluster) {
    const auto& tags = interface.tags;
    if (!interface.instance.empty() && cluster.instances.contains(interface.instance)) return true;
    // By the VPC CNI, on what it adds to an instance; it stays when it is detached, to be deleted.
    const auto added_to = tags.find("node.k8s.amazonaws.com/instance_id");
    if (added_to != tags.end() && cluster.instances.contains(added_to->second)) return true;
    if (cluster.name.empty()) return false;
    if (has_tag(tags, "cluster.k8s.amazonaws.com/name", cluster.name)) return true;
    // What follows is on load balancers' and others' things too, but those are attached to no instance of ours.
    const bool is_instances = !interface.instance.empty() || interface.type == "branch";
    return is_instances &&
           (tags.contains("kubernetes.io/cluster/" + cluster.name) || has_tag(tags, "eks:cluster-name", cluster.name) ||
            has_tag(tags, "aws:eks:cluster-name", cluster.name) || has_tag(tags, "eks:eks-cluster-name", cluster.name));
}

} // namespace bulkhead::aws
