// SPDX-License-Identifier: Apache-2.0
//
// Who talked to whom as the agent has it, and pods that some workload made.
#pragma once

#include "flows_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {

/// Wired, and told of as a pod of that Deployment.
Place add_pod_of(const Net& net, const std::string& node, const std::string& ns, const std::string& deployment,
                 int number);

/// "shop/Deployment/web -> payments/Deployment/ledger 5432/TCP"; of hosts their kind and name.
std::string edge_text(const Json& edge);

/// The texts of the edges of which this is true.
using Picks = std::function<bool(const Json&)>;
std::set<std::string> texts_of(const Json& edges, const Picks& picks);

/// All of the agent's.
Json edges_of(const AgentProcess& agent);
/// Those of one verdict: "allowed", "audit", "denied".
std::set<std::string> edges_of(const AgentProcess& agent, const std::string& verdict);
/// How often it was seen, of whatever verdict.
uint64_t count_of(const Json& edges, const std::string& text);

/// Datagrams to each of these ports, from another one each time.
void knock_on(const Place& from, const Place& to, uint16_t first, uint16_t last);

} // namespace bulkhead::test
