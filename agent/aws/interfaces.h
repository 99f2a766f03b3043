// SPDX-License-Identifier: Apache-2.0
//
// Network interfaces (EC2 API reference, DescribeNetworkInterfaces): nearly everything that has an address in a VPC is
// behind one. One filtered pass of an account's region serves all resources: whoever asks puts together what all of
// them name, and then picks from the answer.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "aws/room.h"
#include "aws/tags.h"
#include "base/address.h"

namespace bulkhead::aws {

struct Interface {
    std::string id;
    std::string vpc;
    std::string subnet;
    std::string type;           // "interface", "lambda", "network_load_balancer", "branch", ...
    std::string description;    // "ELB app/web/50dc6c495c0c9188", for people
    std::string instance;       // that it is attached to; empty: none
    std::string instance_owner; // an account, or "amazon-elb" and the like
    std::vector<std::string> groups;
    Tags tags;
    std::vector<Address> addresses; // private ones, secondary ones too, of both families
    std::vector<Cidr> prefixes;     // delegated to it
    std::string fault{};            // what of its addresses can't be read: it has others than these
    bool operator==(const Interface&) const = default;
};

/// Interfaces with one of the groups, and interfaces with one of the tags' keys: the union.
struct InterfaceQuestion {
    std::set<std::string> groups;
    std::set<std::string> tag_keys;
};

/// By id, those with a fault among them: their groups and tags have no answer, all others have. A pass for each 200
/// groups and for each 200 keys, in one room; a pass is a call for each 1,000 interfaces.
Answer<std::map<std::string, Interface>> describe_interfaces(Caller& caller, const InterfaceQuestion& question,
                                                             Room& room);

/// The cluster that we are in.
struct OwnCluster {
    std::string name;                // as EKS has it; empty: not known
    std::set<std::string> instances; // of its Node objects
};

/// A node's: its addresses are the node's or its pods', which the cluster's own objects tell better, whatever group
/// sits on it. Known by the instance, and by the tags that EKS, Karpenter, the VPC CNI and the VPC resource controller
/// leave on it, because an instance has interfaces before it has a Node.
bool is_nodes(const Interface& interface, const OwnCluster& cluster);

} // namespace bulkhead::aws
