// SPDX-License-Identifier: Apache-2.0
//
// An example of manifests/examples as its reader gets it: applied whole to an API server, with an agent on each of two
// nodes. There is neither controller manager, scheduler nor kubelet, so the pods of its Deployments and Jobs are made
// here from their templates ("payments/api-0", "payments/api-1"), bound to the nodes in turn. Nobody writes their
// status.
//
// What is expected of it comes from the tests' oracle, over what kubectl gets; the addresses are those that the pods
// were wired with.
#pragma once

#include "matrix/matrix.h"
#include "support/oracle.h"
#include "two_nodes.h"

namespace bulkhead::test {

struct Example {
    std::string directory;                   // below manifests/examples
    std::vector<std::string> tenant_sources; // as the agents are told
    std::vector<std::string> resources;      // AWSResources with a CIDR, which are played by an address of it
    bool instance_metadata = false;          // so is this one
};

/// Written by hand: whether a TCP connection is answered.
struct ExpectedCell {
    std::string from;
    std::string to;
    uint16_t port;
    bool open;
};

class ExampleCluster {
public:
    explicit ExampleCluster(Example example);

    std::string kubectl(const std::vector<std::string>& arguments) const {
        return test::kubectl(cluster_.server(), arguments);
    }
    void put(const std::string& yaml) const { cluster_.put(yaml); }
    const AgentProcess& agent(const std::string& node) const { return node == kNodeA ? agent_a_ : agent_b_; }
    const Place& pod(const std::string& name) const { return pods_.at(name).place; }

    /// One more pod of a Deployment: `owner` is "payments/api". `number` 0 = the node's next one that was never used.
    const Place& run(const std::string& owner, const std::string& node, int number = 0);
    /// As the kubelet and the CNI do it. Returns the number, for who gets the address next.
    int end(const std::string& pod);

    /// Everybody to everybody on every port, by TCP, UDP and ping in both families, is as the oracle says of what
    /// kubectl gets now. Then also as written by hand.
    void check_matrix(const std::vector<ExpectedCell>& by_hand);

private:
    struct Played {
        Place place;
        int number;
    };

    AgentProcess start(const std::string& node) const;
    void play_resources();
    void play_workloads();
    Json pod_object(const std::string& owner, const std::string& name, const std::string& node) const;
    std::vector<state::Object> objects() const;
    matrix::Scene scene(const std::vector<state::Object>& objects) const;

    Example example_;
    OracleSettings oracle_settings_;
    TwoNodes cluster_;
    AgentProcess agent_a_;
    AgentProcess agent_b_;
    std::map<std::string, Json> templates_; // by owner
    std::map<std::string, Played> pods_;
    std::map<std::string, int> next_number_; // by node
    std::map<std::string, int> next_name_;   // by owner
};

} // namespace bulkhead::test
