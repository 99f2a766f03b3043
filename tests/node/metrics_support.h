// SPDX-License-Identifier: Apache-2.0
//
// What an agent says over HTTP, as its users read it: from within its node's network.
#pragma once

#include "fixture.h"

namespace bulkhead::test {

/// In the node's own namespace, so every test's agent may have the same.
inline const Endpoint kMetrics{require(Address::parse("127.0.0.1")), 9810};
inline const std::string kMetricsAddress = kMetrics.address.text() + ":" + std::to_string(kMetrics.port);

struct Answer {
    int status = 0; // 0 = none came
    std::string content_type;
    std::string body;
};

Answer get(const Place& node, const std::string& path);

/// Of samples by their whole name: bulkhead_interfaces{state="guarded"}.
std::map<std::string, double> samples_in(const std::string& exposition);

/// The value of one of the agent's metrics now; nothing if there is no such sample.
std::optional<double> metric(const Place& node, const std::string& sample);

/// Of all of the family's, whatever their labels.
double sum_of(const Place& node, const std::string& family);

/// How many packets the node's hooks refused, or let pass, so far for a reason: `direction` is "egress" for what its
/// pods send.
double refused(const Place& node, const std::string& direction, const std::string& reason);
double passed(const Place& node, const std::string& direction, const std::string& reason);

} // namespace bulkhead::test
