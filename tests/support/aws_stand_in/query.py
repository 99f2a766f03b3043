# SPDX-License-Identifier: Apache-2.0
"""Answers of RDS (2014-10-31) and ElastiCache (2015-02-02)."""

from .errors import SPACES
from .markup import Each, elements
from .paging import paged

ACTIONS = {"rds": {}, "elasticache": {}}


def answer(service, action, form, place, most, request_id):
    return envelope(service, action, ACTIONS[service][action](form, place, most), request_id)


def envelope(service, action, content, request_id):
    return (
        f'<{action}Response xmlns="{SPACES[service]}">\n  <{action}Result>{elements(content)}</{action}Result>\n'
        f"  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{action}Response>\n"
    )


def _action(service):
    def register(function):
        ACTIONS[service][function.__name__] = function
        return function

    return register


def _endpoint(text):
    """ "host:port" """
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    return {"Address": host, "Port": port}


def _arn(service, place, rest):
    return f"arn:aws:{service}:{place['region']}:{place['account']}:{rest}"


@_action("rds")
def DescribeDBClusters(form, place, most):
    page, marker = paged(place.get("db_clusters", []), form, "MaxRecords", "Marker", most)
    return {"DBClusters": Each("DBCluster", [_db_cluster(one, place) for one in page]), "Marker": marker}


def _db_cluster(one, place):
    return {
        "AllocatedStorage": 1,
        "DBClusterIdentifier": one["id"],
        "DBClusterArn": _arn("rds", place, "cluster:" + one["id"]),
        "Status": "available",
        "Engine": "aurora-postgresql",
        "Endpoint": one.get("endpoint"),
        "ReaderEndpoint": one.get("reader"),
        "CustomEndpoints": Each("member", one["custom"]) if "custom" in one else None,
        "Port": 5432,
        "MultiAZ": False,
        "DBClusterMembers": Each(
            "DBClusterMember",
            [{"DBInstanceIdentifier": name, "IsClusterWriter": False} for name in one.get("members", [])],
        ),
        "VpcSecurityGroups": Each("VpcSecurityGroupMembership", [{"VpcSecurityGroupId": "sg-0d", "Status": "active"}]),
        "TagList": Each("Tag", []),
    }


@_action("rds")
def DescribeDBInstances(form, place, most):
    page, marker = paged(place.get("db_instances", []), form, "MaxRecords", "Marker", most)
    return {"DBInstances": Each("DBInstance", [_db_instance(one, place) for one in page]), "Marker": marker}


def _db_instance(one, place):
    endpoint = _endpoint(one.get("endpoint"))
    return {
        "DBInstanceIdentifier": one["id"],
        "DBInstanceArn": _arn("rds", place, "db:" + one["id"]),
        "DBInstanceStatus": "available" if endpoint else "creating",
        "DBClusterIdentifier": one.get("cluster"),
        "Engine": "postgres",
        # Not there while it is made.
        "Endpoint": endpoint and {**endpoint, "HostedZoneId": "Z1RLNUO7B9Q6NB"},
        "MultiAZ": False,
    }


@_action("elasticache")
def DescribeReplicationGroups(form, place, most):
    page, marker = paged(place.get("replication_groups", []), form, "MaxRecords", "Marker", most)
    groups = [_replication_group(one, place) for one in page]
    return {"ReplicationGroups": Each("ReplicationGroup", groups), "Marker": marker}


def _replication_group(one, place):
    return {
        "ReplicationGroupId": one["id"],
        "Description": " ",
        "ARN": _arn("elasticache", place, "replicationgroup:" + one["id"]),
        "Status": "available",
        "ClusterEnabled": "configuration" in one,
        "MemberClusters": Each("ClusterId", one.get("members", [])),
        "ConfigurationEndpoint": _endpoint(one.get("configuration")),
        "NodeGroups": Each("NodeGroup", [_node_group(shard) for shard in one.get("shards", [])]),
    }


def _node_group(shard):
    nodes = [
        {"CacheClusterId": "member", "CacheNodeId": "0001", "ReadEndpoint": _endpoint(node)}
        for node in shard.get("nodes", [])
    ]
    return {
        "NodeGroupId": "0001",
        "Status": "available",
        "PrimaryEndpoint": _endpoint(shard.get("primary")),
        "ReaderEndpoint": _endpoint(shard.get("reader")),
        "NodeGroupMembers": Each("NodeGroupMember", nodes),
    }


@_action("elasticache")
def DescribeCacheClusters(form, place, most):
    page, marker = paged(place.get("cache_clusters", []), form, "MaxRecords", "Marker", most)
    nodes = form.get("ShowCacheNodeInfo") == "true"
    clusters = [_cache_cluster(one, place, nodes) for one in page]
    return {"CacheClusters": Each("CacheCluster", clusters), "Marker": marker}


def _cache_cluster(one, place, show_nodes):
    nodes = [
        {"CacheNodeId": f"{i:04}", "CacheNodeStatus": "available", "Endpoint": _endpoint(node)}
        for i, node in enumerate(one.get("nodes", []), 1)
    ]
    return {
        "CacheClusterId": one["id"],
        "ARN": _arn("elasticache", place, "cluster:" + one["id"]),
        "ConfigurationEndpoint": _endpoint(one.get("configuration")),
        "Engine": one.get("engine", "redis"),
        "CacheClusterStatus": "available",
        "NumCacheNodes": len(nodes),
        "CacheNodes": Each("CacheNode", nodes) if show_nodes else None,
        "ReplicationGroupId": one.get("group"),
    }


@_action("elasticache")
def DescribeServerlessCaches(form, place, most):
    page, token = paged(place.get("serverless_caches", []), form, "MaxResults", "NextToken", most)
    return {"ServerlessCaches": Each("member", [_serverless(one, place) for one in page]), "NextToken": token}


def _serverless(one, place):
    return {
        "ServerlessCacheName": one["id"],
        "ARN": _arn("elasticache", place, "serverlesscache:" + one["id"]),
        "Status": "available",
        "Engine": "valkey",
        "Endpoint": _endpoint(one.get("endpoint")),
        "ReaderEndpoint": _endpoint(one.get("reader")),
        "SecurityGroupIds": Each("SecurityGroupId", ["sg-0e"]),
    }
