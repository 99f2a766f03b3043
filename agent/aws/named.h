// SPDX-License-Identifier: Apache-2.0
//
// What AWS gives names to rather than addresses: databases and caches, by ARN. Their addresses are DNS' to say, and
// change with a fail-over while the names stay.
#pragma once

#include <map>
#include <set>
#include <string>

#include "aws/caller.h"

namespace bulkhead::aws {

/// Host names by ARN, without ports. A thing that is being made has none yet, and is there nevertheless.
using Hostnames = std::map<std::string, std::set<std::string>>;

/// RDS, Aurora, DocumentDB and Neptune (RDS API reference, DescribeDBClusters and DescribeDBInstances): a cluster's are
/// its writer, reader and custom endpoints and those of its instances; an instance's is its own. A call for each 100
/// clusters and one for each 100 instances of the account's region.
Answer<Hostnames> describe_databases(Caller& caller);

/// ElastiCache (API reference, DescribeReplicationGroups, DescribeCacheClusters, DescribeServerlessCaches):
/// configuration, primary and reader endpoints, and each node's. A call for each 100 groups, 100 clusters and 50
/// serverless caches.
Answer<Hostnames> describe_caches(Caller& caller);

} // namespace bulkhead::aws
