// SPDX-License-Identifier: Apache-2.0
#include "aws/named.h"
#include "aws/pages.h"

namespace bulkhead::aws {

namespace {

void add(std::set<std::string>& names, const char* name) {
    if (*name != '\0') names.insert(name);
}

struct Databases {
    Hostnames hostnames;
    std::map<std::string, std::string> clusters; // ARN by identifier, which instances name
};

void read_cluster(pugi::xml_node cluster, Wanted& wanted, Databases& databases) {
    const auto arn = wanted.text(cluster, "DBClusterArn");
    databases.clusters.emplace(wanted.text(cluster, "DBClusterIdentifier"), arn);
    auto& names = databases.hostnames[arn];
    add(names, cluster.child_value("Endpoint"));
    add(names, cluster.child_value("ReaderEndpoint"));
    for (const auto custom : cluster.child("CustomEndpoints").children())
        add(names, custom.child_value());
}

void read_instance(pugi::xml_node instance, Wanted& wanted, Databases& databases) {
    const char* name = instance.child("Endpoint").child_value("Address");
    add(databases.hostnames[wanted.text(instance, "DBInstanceArn")], name);
    // A cluster is all that answers for it, also who tagged it and not its instances.
    const auto cluster = databases.clusters.find(instance.child_value("DBClusterIdentifier"));
    if (cluster != databases.clusters.end()) add(databases.hostnames[cluster->second], name);
}

} // namespace

Answer<Hostnames> describe_databases(Caller& caller) {
    constexpr auto kClusters = marker_paging(Service::kRds, "DescribeDBClusters", "DescribeDBClustersResult");
    constexpr auto kInstances = marker_paging(Service::kRds, "DescribeDBInstances", "DescribeDBInstancesResult");
    Databases databases;
    auto read = for_each_page(caller, kClusters, {}, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto cluster : wanted.list(content, "DBClusters").children("DBCluster"))
            read_cluster(cluster, wanted, databases);
    });
    if (!read) return tl::unexpected(read.error());
    read = for_each_page(caller, kInstances, {}, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto instance : wanted.list(content, "DBInstances").children("DBInstance"))
            read_instance(instance, wanted, databases);
    });
    if (!read) return tl::unexpected(read.error());
    return std::move(databases.hostnames);
}

} // namespace bulkhead::aws
