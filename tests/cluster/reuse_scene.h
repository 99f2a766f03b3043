// SPDX-License-Identifier: Apache-2.0
//
// Two nodes, a Protected tenant with a server on each, and addresses that go from pod to pod.
#pragma once

#include "support/echo_server.h"
#include "two_nodes.h"

namespace bulkhead::test {

inline constexpr uint16_t kPort = 5432;

/// The bank is Protected, the shop isn't.
struct Village {
    TwoNodes cluster{};
    Place safe_a;
    Place safe_b;
    EchoServer echo_a;
    EchoServer echo_b;

    Village();
};

bool reaches(const Place& from, const Place& to, uint8_t family, bool expected);

/// Now, with not one packet of grace.
void check_now(const Place& from, const Place& to, bool expected);
/// Once the news has arrived.
void check_soon(const Place& from, const Place& to, bool expected);

/// Two addresses that go together from pod to pod.
struct Pair {
    std::string ip4, ip6;
};

/// What node-a's agent would write of that pod alone, if one ran there; by the slice of that name.
void put_slice(const TwoNodes& cluster, const std::string& slice, const std::string& pod, const Pair& addresses,
               const Json& created, const Json& more = Json::object());
void remove_slice(const TwoNodes& cluster, const std::string& slice);

/// The agent knows the address by this name.
bool is_named(const AgentProcess& agent, const std::string& name, const std::string& address);
void wait_until_named(const AgentProcess& agent, const std::string& name, const std::string& address);
void wait_until_gone(const AgentProcess& agent, const std::string& name);

} // namespace bulkhead::test
