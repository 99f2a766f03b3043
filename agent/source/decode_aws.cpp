// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

#include "dns/hostname.h"
#include "source/parts.h"

namespace bulkhead::source {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr size_t kLongestName = 255;
constexpr size_t kLongestTagKey = 128; // bytes, at the least what AWS takes in characters
constexpr size_t kLongestTagValue = 256;

/// "sg-0123abcd": AWS' ids have 17 hex digits, older ones 8.
bool is_id(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    const auto digits = text.substr(prefix.size());
    return (digits.size() == 8 || digits.size() == 17) && digits.find_first_not_of(kHex) == std::string_view::npos;
}

std::vector<state::Grant> read_resource_grants(const Field& field) {
    std::vector<state::Grant> grants;
    field.each([&](const Field& entry) {
        entry.only({"from", "ports", "until", "reason"}); // there are no pods to narrow it to
        grants.push_back(read_grant(entry, PortNames::kForbidden));
    });
    return grants;
}

/// The words of a list of which `take` makes something, complaining about the others.
template <typename Take>
std::set<std::string> read_each(const Field& field, Take take) {
    std::set<std::string> all;
    field.each([&](const Field& item) {
        const auto text = item.string();
        if (!text) return;
        if (auto taken = take(*text))
            all.insert(std::move(*taken));
        else
            item.complain(taken.error().text);
    });
    return all;
}

std::set<std::string> read_ids(const Field& field, std::string_view prefix) {
    return read_each(field, [&](const std::string& text) -> Result<std::string> {
        if (is_id(text, prefix)) return text;
        return fail("\"" + text + "\" is no id such as " + std::string(prefix) + "0123456789abcdef0");
    });
}

/// Of a customer's list its id; of one of AWS' own its name as well: com.amazonaws.eu-central-1.s3.
std::set<std::string> read_prefix_lists(const Field& field) {
    return read_each(field, [](const std::string& text) -> Result<std::string> {
        const bool is_name = !text.starts_with("pl-") && !text.empty() && text.size() <= kLongestName;
        if (is_name || is_id(text, "pl-")) return text;
        return fail("\"" + text + "\" is neither an id such as pl-0123456789abcdef0 nor a name such as " +
                    "com.amazonaws.eu-central-1.s3");
    });
}

/// {tag: team}: the key of a tag that says it.
std::string read_tag_key(const Field& field) {
    if (!field.present()) return "";
    field.only({"tag"});
    const auto tag = field["tag"];
    auto key = tag.string();
    if (!tag.present()) field.complain("names no tag: write {tag: KEY}");
    if (key && (key->empty() || key->size() > kLongestTagKey))
        tag.complain("is no tag's key of AWS, which has 1 to 128 characters");
    return key.value_or("");
}

/// What is nobody's because it can't say whose it is would be a surprise.
void check_tenant_from(const Field& spec) {
    const auto from = spec["tenantFrom"];
    if (!from.present()) return;
    if (spec["tenant"].present()) from.complain("doesn't go with tenant: whose it is, one of them says");
    const auto addresses = spec["addresses"];
    for (const auto* without : {"cidrs", "hostnames", "instanceMetadata"})
        if (const auto field = addresses[without]; field.present())
            field.complain("has no tags for spec.tenantFrom, and would be nobody's: give it an AWSResource of its own");
}

/// Without a tag everything would have them all.
state::Labels read_tags(const Field& field) {
    state::Labels tags;
    field.each_member([&](std::string_view key, const Field& member) {
        const auto value = member.string();
        if (!value) return;
        if (key.empty() || key.size() > kLongestTagKey || value->size() > kLongestTagValue)
            member.complain("is no tag of AWS: a key has 1 to 128 characters, a value at most 256");
        tags.emplace(key, *value);
    });
    if (field.present() && tags.empty()) field.complain("names no tag");
    return tags;
}

state::LookUps read_look_ups(const Field& addresses) {
    return {.hostnames = read_each(addresses["hostnames"], [](const auto& text) { return dns::hostname_of(text); }),
            .security_groups = read_ids(addresses["securityGroups"], "sg-"),
            .subnets = read_ids(addresses["subnets"], "subnet-"),
            .prefix_lists = read_prefix_lists(addresses["prefixLists"]),
            .interface_tags = read_tags(addresses["networkInterfaceTags"]),
            .resource_tags = read_tags(addresses["resourceTags"])};
}

/// A server may have removed a misspelt key, and then a resource that protects nothing would look well.
void read_addresses(const Field& addresses, state::AwsResource& resource) {
    const auto* members = addresses.present() ? addresses.value().object() : nullptr;
    if (!addresses.present() || (members != nullptr && members->empty()))
        return addresses.complain("is missing or empty: name at least one of cidrs, hostnames, securityGroups, "
                                  "networkInterfaceTags, resourceTags, subnets, prefixLists, instanceMetadata");
    addresses.only({"cidrs", "hostnames", "securityGroups", "networkInterfaceTags", "resourceTags", "subnets",
                    "prefixLists", "instanceMetadata"});
    resource.cidrs = read_cidrs(addresses["cidrs"]);
    resource.instance_metadata = addresses["instanceMetadata"].boolean().value_or(false);
    resource.look_ups = read_look_ups(addresses);
    if (resource.cidrs.empty() && !resource.instance_metadata && resource.look_ups.empty())
        addresses.remark("names no address: nothing is protected");
}

} // namespace

state::AwsResource decode_aws_resource(const Field& document, const DecodeContext& context) {
    check_frame(document);
    check_cluster_scoped(document);
    const auto spec = document["spec"];
    spec.only({"tenant", "tenantFrom", "level", "levelFrom", "mode", "ports", "allowFrom", "addresses", "aws"});
    state::AwsResource resource;
    resource.meta = read_meta(document, context);
    resource.tenant = read_tenant(spec["tenant"]);
    resource.tenant_tag = read_tag_key(spec["tenantFrom"]);
    resource.level_tag = read_tag_key(spec["levelFrom"]);
    check_tenant_from(spec);
    const auto level = read_level(spec["level"]);
    resource.level = level.value_or(state::Level::kProtected);
    resource.says_level = level.has_value();
    resource.mode = read_mode(spec["mode"]);
    resource.ports = read_ports(spec["ports"], PortNames::kForbidden);
    resource.allow_from = read_resource_grants(spec["allowFrom"]);
    read_addresses(spec["addresses"], resource);
    resource.place = read_aws_place(spec["aws"]);
    return resource;
}

} // namespace bulkhead::source
