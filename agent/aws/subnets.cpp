// SPDX-License-Identifier: Apache-2.0
#include "aws/subnets.h"

#include <string_view>

#include "aws/filters.h"
#include "aws/pages.h"

namespace bulkhead::aws {

namespace {

/// It has addresses, or will have, or still has.
bool is_in_use(std::string_view state) {
    return state == "associated" || state == "associating" || state == "disassociating";
}

Subnet read_subnet(pugi::xml_node item, Wanted& wanted) {
    Subnet subnet{
        .id = wanted.text(item, "subnetId"), .vpc = item.child_value("vpcId"), .cidrs = {}, .tags = wanted.tags(item)};
    // A subnet may be of IPv6 alone.
    if (item.child("cidrBlock")) subnet.cidrs.push_back(wanted.cidr(item, "cidrBlock"));
    for (const auto one : item.child("ipv6CidrBlockAssociationSet").children("item"))
        if (is_in_use(one.child("ipv6CidrBlockState").child_value("state")))
            subnet.cidrs.push_back(wanted.cidr(one, "ipv6CidrBlock"));
    if (subnet.cidrs.empty()) wanted.complain(item, "has no CIDR");
    return subnet;
}

} // namespace

Answer<std::map<std::string, Subnet>> describe_subnets(Caller& caller, const std::set<std::string>& ids) {
    constexpr auto kPaging = ec2_paging("DescribeSubnets", "1000");
    std::map<std::string, Subnet> all;
    for (const auto& form : filtered("subnet-id", ids)) {
        auto read = for_each_page(caller, kPaging, form, [&](pugi::xml_node content, Wanted& wanted) {
            for (const auto item : wanted.list(content, "subnetSet").children("item")) {
                auto subnet = read_subnet(item, wanted);
                all.insert_or_assign(subnet.id, std::move(subnet));
            }
        });
        if (!read) return tl::unexpected(read.error());
    }
    return all;
}

} // namespace bulkhead::aws
