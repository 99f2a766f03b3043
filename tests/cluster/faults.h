// SPDX-License-Identifier: Apache-2.0
//
// A node whose agent hears of the cluster through a proxy that makes trouble: a Protected tenant with a server and a
// client, a stranger, and what has to hold all the time.
#pragma once

#include "metrics_support.h"
#include "proxied.h"
#include "support/echo_server.h"
#include "two_nodes.h"

namespace bulkhead::test {

class FaultyCluster {
public:
    /// With the agent, as the admin.
    FaultyCluster();

    ApiServer& server() { return cluster_.server(); }
    const ApiServer& server() const { return cluster_.server(); }
    FaultyProxy& proxy() { return proxy_; }
    AgentProcess& agent() { return *agent_; }
    const Place& host() const { return cluster_.host(); }
    const Place& node() const { return node_; }
    void put(const std::string& yaml) const { cluster_.put(yaml); }

    /// A kubeconfig of that content; "SERVER" in it stands for the proxy's URL, "CA" for the server's CA file.
    std::filesystem::path kubeconfig(const std::string& user, const std::string& scheme = "https") const;
    std::filesystem::path file(const std::string& name) const { return cluster_.net().directory() / name; }

    /// Another agent in the place of the one that runs, killed first: it finds what that one pinned. Need not be ready.
    void replace_agent(const AgentProcess::Options& options);
    void replace_agent() { replace_agent(options()); }
    AgentProcess::Options options() const { return options_; }

    /// What was said holds: the tenant's client reaches its server, the stranger doesn't, and new ones neither.
    void check_enforced() const;
    /// `bulkheadctl status` says this of the API server, sooner or later; the metrics say that we don't hear.
    void check_says(const std::string& words) const;
    /// It has nothing to say, and what kubectl changes reaches the packets.
    void check_follows();

private:
    bool reaches(const Place& from) const;

    TwoNodes cluster_;
    Place node_;
    FaultyProxy proxy_;
    AgentProcess::Options options_;
    std::optional<AgentProcess> agent_;
    Place client_;
    Place stranger_;
    Place ledger_;
    EchoServer echo_;
};

} // namespace bulkhead::test
