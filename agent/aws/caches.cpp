// SPDX-License-Identifier: Apache-2.0
#include "aws/named.h"
#include "aws/pages.h"

namespace bulkhead::aws {

namespace {

struct Caches {
    Hostnames hostnames;
    std::map<std::string, std::string> groups; // ARN by identifier, which clusters name
};

/// <ConfigurationEndpoint><Address>...</Address><Port>...</Port></ConfigurationEndpoint>
void add(std::set<std::string>& names, pugi::xml_node parent, const char* endpoint) {
    const std::string name = parent.child(endpoint).child_value("Address");
    if (!name.empty()) names.insert(name);
}

void read_group(pugi::xml_node group, Wanted& wanted, Caches& caches) {
    const auto arn = wanted.text(group, "ARN");
    caches.groups.emplace(wanted.text(group, "ReplicationGroupId"), arn);
    auto& names = caches.hostnames[arn];
    add(names, group, "ConfigurationEndpoint");
    for (const auto shard : group.child("NodeGroups").children("NodeGroup")) {
        add(names, shard, "PrimaryEndpoint");
        add(names, shard, "ReaderEndpoint");
        for (const auto node : shard.child("NodeGroupMembers").children("NodeGroupMember"))
            add(names, node, "ReadEndpoint");
    }
}

void read_cluster(pugi::xml_node cluster, Wanted& wanted, Caches& caches) {
    std::set<std::string> names;
    add(names, cluster, "ConfigurationEndpoint");
    for (const auto node : cluster.child("CacheNodes").children("CacheNode"))
        add(names, node, "Endpoint");
    caches.hostnames[wanted.text(cluster, "ARN")].insert(names.begin(), names.end());
    // A group's shards name its nodes only where it has no configuration endpoint.
    const auto group = caches.groups.find(cluster.child_value("ReplicationGroupId"));
    if (group != caches.groups.end()) caches.hostnames[group->second].insert(names.begin(), names.end());
}

void read_serverless(pugi::xml_node cache, Wanted& wanted, Caches& caches) {
    auto& names = caches.hostnames[wanted.text(cache, "ARN")];
    add(names, cache, "Endpoint");
    add(names, cache, "ReaderEndpoint");
}

Answer<> read_groups(Caller& caller, Caches& caches) {
    constexpr auto kPaging =
        marker_paging(Service::kElastiCache, "DescribeReplicationGroups", "DescribeReplicationGroupsResult");
    return for_each_page(caller, kPaging, {}, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto group : wanted.list(content, "ReplicationGroups").children("ReplicationGroup"))
            read_group(group, wanted, caches);
    });
}

Answer<> read_clusters(Caller& caller, Caches& caches) {
    constexpr auto kPaging =
        marker_paging(Service::kElastiCache, "DescribeCacheClusters", "DescribeCacheClustersResult");
    Form form;
    form.add("ShowCacheNodeInfo", "true");
    return for_each_page(caller, kPaging, form, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto cluster : wanted.list(content, "CacheClusters").children("CacheCluster"))
            read_cluster(cluster, wanted, caches);
    });
}

Answer<> read_serverless_caches(Caller& caller, Caches& caches) {
    constexpr Paging kPaging{Service::kElastiCache,
                             "DescribeServerlessCaches",
                             "DescribeServerlessCachesResult",
                             "NextToken",
                             "NextToken",
                             "MaxResults",
                             "50"};
    auto read = for_each_page(caller, kPaging, {}, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto cache : wanted.list(content, "ServerlessCaches").children("member"))
            read_serverless(cache, wanted, caches);
    });
    // Not every region has them.
    if (!read && read.error().code == "InvalidAction") return {};
    return read;
}

} // namespace

Answer<Hostnames> describe_caches(Caller& caller) {
    Caches caches;
    for (const auto read : {read_groups, read_clusters, read_serverless_caches})
        if (auto done = read(caller, caches); !done) return tl::unexpected(done.error());
    return std::move(caches.hostnames);
}

} // namespace bulkhead::aws
