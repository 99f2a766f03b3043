// SPDX-License-Identifier: Apache-2.0
#include "aws/endpoints.h"

#include <algorithm>
#include <string_view>

#include "base/url.h"

namespace bulkhead::aws {

namespace {

constexpr std::array<ServiceFacts, kServices> kFacts{{
    {"ec2", "ec2", "2016-11-15", "EC2"},
    {"rds", "rds", "2014-10-31", "RDS"},
    {"elasticache", "elasticache", "2015-02-02", "ELASTICACHE"},
    {"sts", "sts", "2011-06-15", "STS"},
    {"tagging", "tagging", "2017-01-26", "RESOURCE_GROUPS_TAGGING_API"},
}};

struct Partition {
    std::string_view name;
    std::string_view prefix; // of its regions' names, then a word and a number
    std::string_view domain;
};

// A region is of the first that fits: us-gov before us.
constexpr std::array kPartitions{
    Partition{"aws-us-gov", "us-gov-", "amazonaws.com"},
    Partition{"aws-cn", "cn-", "amazonaws.com.cn"},
    Partition{"aws", "us-", "amazonaws.com"},
    Partition{"aws", "eu-", "amazonaws.com"},
    Partition{"aws", "ap-", "amazonaws.com"},
    Partition{"aws", "sa-", "amazonaws.com"},
    Partition{"aws", "ca-", "amazonaws.com"},
    Partition{"aws", "me-", "amazonaws.com"},
    Partition{"aws", "af-", "amazonaws.com"},
    Partition{"aws", "il-", "amazonaws.com"},
    Partition{"aws", "mx-", "amazonaws.com"},
};

/// "central-1": a word and a number.
bool is_place(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == 0 || dash == text.npos || dash + 1 == text.size()) return false;
    return std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(dash),
                       [](char c) { return c >= 'a' && c <= 'z'; }) &&
           std::all_of(text.begin() + static_cast<ptrdiff_t>(dash) + 1, text.end(),
                       [](char c) { return c >= '0' && c <= '9'; });
}

Result<const Partition*> find_partition(const std::string& region) {
    for (const auto& partition : kPartitions)
        if (region.starts_with(partition.prefix) && is_place(region.substr(partition.prefix.size()))) return &partition;
    return fail("\"" + region + "\" is no region of the partitions aws, aws-cn and aws-us-gov");
}

/// "http://127.0.0.1:4566", of a scheme, a host and perhaps a port: the path that we sign is "/".
Result<Endpoint> read_url(const std::string& variable, const std::string& text) {
    const auto url = Url::parse(text);
    if (!url) return fail(variable + "=" + text + " is no URL");
    const auto scheme = url->part(CURLUPART_SCHEME);
    if (scheme != "https" && scheme != "http") return fail(variable + "=" + text + " is neither https nor http");
    const bool bare = url->part(CURLUPART_PATH) == "/" && url->part(CURLUPART_QUERY).empty() &&
                      url->part(CURLUPART_FRAGMENT).empty() && url->part(CURLUPART_USER).empty();
    if (!bare) return fail(variable + "=" + text + " has more than a scheme, a host and a port");
    const auto port = url->part(CURLUPART_PORT);
    const bool usual = port.empty() || port == (scheme == "https" ? "443" : "80");
    const auto host = url->part(CURLUPART_HOST) + (usual ? "" : ":" + port);
    return Endpoint{.url = scheme + "://" + host + "/", .host = host};
}

} // namespace

const ServiceFacts& facts_of(Service service) {
    return kFacts[static_cast<size_t>(service)];
}

std::string region_of(const Environment& environment) {
    const auto region = environment.get("AWS_REGION");
    return region.empty() ? environment.get("AWS_DEFAULT_REGION") : region;
}

Result<std::string> partition_of(const std::string& region) {
    const auto found = find_partition(region);
    if (!found) return tl::unexpected(found.error());
    return std::string((*found)->name);
}

Result<Endpoints> Endpoints::create(const Environment& environment) {
    Endpoints endpoints;
    for (size_t i = 0; i < kServices; ++i) {
        std::string variable = std::string("AWS_ENDPOINT_URL_") + kFacts[i].environment;
        if (environment.get(variable).empty()) variable = "AWS_ENDPOINT_URL";
        const auto text = environment.get(variable);
        if (text.empty()) continue;
        auto endpoint = read_url(variable, text);
        if (!endpoint) return tl::unexpected(endpoint.error());
        endpoints.overrides_[i] = std::move(*endpoint);
    }
    return endpoints;
}

Result<Endpoint> Endpoints::of(Service service, const std::string& region) const {
    const auto& other = overrides_[static_cast<size_t>(service)];
    if (!other.url.empty()) return other;
    const auto partition = find_partition(region);
    if (!partition)
        return fail(partition.error().text + "; AWS_ENDPOINT_URL_" + facts_of(service).environment + " isn't set");
    const auto host = std::string(facts_of(service).host) + "." + region + "." + std::string((*partition)->domain);
    return Endpoint{.url = "https://" + host + "/", .host = host};
}

} // namespace bulkhead::aws
