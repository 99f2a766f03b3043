// SPDX-License-Identifier: Apache-2.0
#include "reuse_scene.h"

namespace bulkhead::test {

Village::Village()
    : safe_a((cluster.put(namespace_text("shop") + "---\n" + protected_namespace_text("bank")),
              cluster.run(kNodeA, "bank/safe-a", 20))),
      safe_b(cluster.run(kNodeB, "bank/safe-b", 20)), echo_a(require(EchoServer::start(safe_a.netns, {kPort}))),
      echo_b(require(EchoServer::start(safe_b.netns, {kPort}))) {}

bool reaches(const Place& from, const Place& to, uint8_t family, bool expected) {
    return answers_udp(from.netns, {to.address(family), kPort}, after(expected ? 2s : 300ms));
}

void check_now(const Place& from, const Place& to, bool expected) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to " << to.name << ", IPv" << (family == BH_IPV4 ? 4 : 6));
        CHECK(reaches(from, to, family, expected) == expected);
    }
}

void check_soon(const Place& from, const Place& to, bool expected) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to " << to.name << ", IPv" << (family == BH_IPV4 ? 4 : 6));
        CHECK(wait_until([&] { return reaches(from, to, family, expected) == expected; }, after(20s), 10ms));
    }
}

void put_slice(const TwoNodes& cluster, const std::string& slice, const std::string& pod, const Pair& addresses,
               const Json& created, const Json& more) {
    const auto slash = pod.find('/');
    const auto ns = pod.substr(0, slash);
    Json endpoint{{"namespace", ns},
                  {"pod", pod.substr(slash + 1)},
                  {"addresses", {addresses.ip4, addresses.ip6}},
                  {"created", created}};
    endpoint.update(more);
    cluster.put(Json{{"apiVersion", "bulkhead.dev/v1alpha1"},
                     {"kind", "IdentitySlice"},
                     {"metadata", {{"name", slice}, {"labels", {{"bulkhead.dev/node", kNodeA}}}}},
                     {"spec",
                      {{"node", kNodeA},
                       {"tenant", "ns/" + ns},
                       {"level", ns == "bank" ? "protected" : "non-protected"},
                       {"endpoints", Json::array({endpoint})}}}}
                    .dump());
}

void remove_slice(const TwoNodes& cluster, const std::string& slice) {
    kubectl(cluster.server(), {"delete", "identityslice", slice});
}

bool is_named(const AgentProcess& agent, const std::string& name, const std::string& address) {
    const auto row = agent.endpoint(name);
    return row.is_object() && row.at("addresses").dump().find("\"" + address + "\"") != std::string::npos;
}

void wait_until_named(const AgentProcess& agent, const std::string& name, const std::string& address) {
    INFO(name);
    CHECK(wait_until([&] { return is_named(agent, name, address); }, after(20s), 10ms));
}

void wait_until_gone(const AgentProcess& agent, const std::string& name) {
    INFO(name);
    CHECK(wait_until([&] { return agent.endpoint(name).is_null(); }, after(20s), 10ms));
}

} // namespace bulkhead::test
