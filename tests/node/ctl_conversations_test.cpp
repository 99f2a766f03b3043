// SPDX-License-Identifier: Apache-2.0
//
// bulkheadctl conversations beside real ones: who they are between, and for how long they are remembered.
#include "ctl_support.h"
#include "flows_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr int64_t kDay = 86'400;

std::vector<Json> conversations(const AgentProcess& agent, std::vector<std::string> filters) {
    filters.insert(filters.begin(), {"conversations", "-o", "json"});
    const auto [status, text] = agent.order(filters);
    INFO(text);
    REQUIRE(status == 0);
    return lines_of(text);
}

/// The one conversation in that pod's memory on that port.
Json conversation_of(const AgentProcess& agent, const std::string& direction, uint16_t port) {
    const auto found = conversations(agent, {"--to-port", std::to_string(port), "--direction", direction});
    INFO(Json(found).dump(2));
    REQUIRE(found.size() == 1);
    return found.front();
}

TEST_CASE("a conversation is remembered by both pods with both names, and for days while it is open") {
    const TwoPods pods;
    const auto agent = AgentProcess::start(pods.net, pods.node, {});
    const auto connection = require(tcp_connect(pods.web.netns, {pods.ledger.ip4, 8443}, after(5s)));
    const Json received = conversation_of(agent, "ingress", 8443);
    CHECK(received["node"] == kNodeA);
    CHECK(received["source"]["namespace"] == "blog");
    CHECK(received["source"]["pod"] == "web");
    CHECK(received["source"]["address"] == pods.web.ip4.text());
    CHECK(received["destination"]["namespace"] == "payments");
    CHECK(received["destination"]["pod"] == "ledger-0");
    CHECK(received["destination"]["address"] == pods.ledger.ip4.text());
    CHECK(received["destination"]["port"] == 8443);
    CHECK(received["protocol"] == "TCP");
    CHECK(received["state"] == "answered");
    CHECK(received["verdict"] == "allowed");
    CHECK(received["reason"] == "exposed");
    CHECK(received["peerTenant"] == "ns/blog");
    CHECK(received["ageSeconds"].get<int64_t>() <= 10); // the first packet's flow is in the history
    CHECK(received["idleSeconds"].get<int64_t>() <= 10);
    CHECK(received["expiresInSeconds"].get<int64_t>() > 4 * kDay);
    CHECK(received["expiresInSeconds"].get<int64_t>() <= 5 * kDay);

    const Json sent = conversation_of(agent, "egress", 8443);
    CHECK(sent["source"]["pod"] == "web");
    CHECK(sent["destination"]["pod"] == "ledger-0");
    CHECK(sent["source"]["port"] == received["source"]["port"]);
    CHECK(sent["peerTenant"] == "payments");
    CHECK(conversations(agent, {"--pod", "blog/nobody"}).empty());
    CHECK(conversations(agent, {"--to-port", "8443", "--limit", "1"}).size() == 1);
}

TEST_CASE("what is closed expires within minutes, what nobody answered too") {
    const TwoPods pods;
    const auto agent = AgentProcess::start(pods.net, pods.node, {});
    CHECK(answers_tcp(pods.web.netns, {pods.ledger.ip4, 8443}, after(5s))); // closes it
    const auto is_closed = [&] {
        const auto state = conversation_of(agent, "egress", 8443)["state"];
        return state == "closed" || state == "reset";
    };
    REQUIRE(wait_until(is_closed, after(10s)));
    CHECK(conversation_of(agent, "egress", 8443)["expiresInSeconds"].get<int64_t>() <= 120);

    // Denied: the memory holds what the sender began, and the rule says so of it.
    (void)tcp_connect(pods.web.netns, {pods.ledger.ip6, 22}, after(200ms));
    const Json refused = conversation_of(agent, "egress", 22);
    CHECK(refused["state"] == "unanswered");
    CHECK(refused["verdict"] == "denied");
    CHECK(refused["reason"] == "not-granted");
    CHECK(refused["expiresInSeconds"].get<int64_t>() <= 120);
    CHECK(refused["destination"]["address"] == pods.ledger.ip6.text());
}

TEST_CASE("thousands of conversations are read while the agent does its other work") {
    const TwoPods pods;
    const auto agent = AgentProcess::start(pods.net, pods.node, {});
    constexpr unsigned kMany = 5000;
    Beginner(pods.web, pods.ledger, 5432).begin(kMany, 20us);
    const auto found = conversations(agent, {"--to-port", "5432", "--direction", "egress"});
    // As many as there is room for with one peer: half of each set of eight, so nearly all of them.
    CHECK(found.size() > kMany * 9 / 10);
    std::set<int> ports;
    for (const auto& one : found)
        ports.insert(one["source"]["port"].get<int>());
    CHECK(ports.size() == found.size()); // each once
    CHECK(agent.ask({"status"}).at("ready") == true);
}

} // namespace
} // namespace bulkhead::test
