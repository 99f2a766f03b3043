// SPDX-License-Identifier: Apache-2.0
//
// Two simulated nodes and an API server on one VPC. What an agent there knows, it knows from that server, or from its
// own node's netlink.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cluster_fixture.h"
#include "fixture.h"

namespace bulkhead::test {

class TwoNodes {
public:
    TwoNodes();

    void put(const std::string& yaml) const { test::put(*server_, yaml); }
    const Net& net() const { return net_; }
    ApiServer& server() { return *server_; }
    const ApiServer& server() const { return *server_; }
    /// Where it runs.
    const Place& host() const { return host_; }

    AgentProcess::Options agent_options() const { return {.kubeconfig = server_->kubeconfig()}; }
    /// Ready.
    AgentProcess start(const std::string& node) const {
        return AgentProcess::start(net_, net_.node(node), agent_options());
    }

    /// Its object first, as the scheduler binds it, then its veth, as the CNI makes it.
    Place run(const std::string& node, const std::string& pod, int number) const;

    Json slices() const { return object(*server_, {"identityslices"}).at("items"); }

private:
    Net net_;
    Place host_;
    std::optional<ApiServer> server_;
};

std::string node_text(const Place& node);

/// Bound to its node; nobody ever writes its status.
std::string bound_pod_text(const std::string& node, const std::string& pod);

/// As an AccessGrant's `until` has it.
std::string time_text(std::chrono::sys_seconds time);

} // namespace bulkhead::test
