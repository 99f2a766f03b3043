// SPDX-License-Identifier: Apache-2.0
//
// Break glass on a node: bulkheadctl override, seen by packets, by status and by Prometheus.
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>

#include "fixture.h"
#include "metrics_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

struct Shop {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place till = net.add(kNodeA, "shop/till", 21);
    Place stranger = net.add(kNodeB, "blog/stranger", 30);
    EchoServer at_safe = require(EchoServer::start(safe.netns, {80}));
    EchoServer at_till = require(EchoServer::start(till.netns, {80}));

    Shop() {
        for (const std::string ns : {"vault", "shop"})
            net.manifests().write(ns + ".yaml", protected_namespace_text(ns));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }

    AgentProcess start() const { return AgentProcess::start(net, node, {.metrics_address = kMetricsAddress}); }
    bool reaches(const Place& pod, Clock::duration limit = 300ms) const {
        return answers_udp(stranger.netns, {pod.ip4, 80}, after(limit));
    }
    bool reaches_soon(const Place& pod) const {
        return wait_until([&] { return reaches(pod); }, after(10s));
    }
};

void kill(AgentProcess& agent) {
    agent.process().signal(SIGKILL);
    REQUIRE(agent.process().wait(after(kEnd)));
}

/// Its exit status and what it says.
std::pair<int, std::string> override_by(const AgentProcess& agent, std::vector<std::string> words) {
    words.insert(words.begin(), "override");
    return agent.order(words);
}

TEST_CASE("an override lets strangers into one tenant, is told everywhere, and ends when somebody says so") {
    const Shop shop;
    const auto agent = shop.start();
    REQUIRE_FALSE(shop.reaches(shop.safe));
    const auto [failed, said] =
        override_by(agent, {"--tenant", "ns/vault", "--for", "1h", "--reason", "the till is down"});
    INFO(said);
    REQUIRE(failed == 0);
    CHECK(shop.reaches_soon(shop.safe));
    CHECK_FALSE(shop.reaches(shop.till));
    CHECK(agent.verdict(shop.stranger.name, shop.safe.name + ":80") == "audit");

    const Json status = agent.ask({"status"});
    REQUIRE(status.at("overrides").size() == 1);
    const Json& told = status.at("overrides").at(0);
    CHECK(told.at("tenant") == "ns/vault");
    CHECK(told.at("scope") == "node");
    CHECK(told.at("reason") == "the till is down");
    CHECK(agent.reports([](const Json& problem) { return problem.at("object") == "Override node-a/ns/vault"; }));
    CHECK(metric(shop.node, "bulkhead_overrides{scope=\"node\"}") == 1);
    const auto until =
        metric(shop.node, "bulkhead_override_until_timestamp_seconds{scope=\"node\",tenant=\"ns/vault\"}");
    REQUIRE(until);
    const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    CHECK(*until > now + 3500);
    CHECK(*until < now + 3601);
    CHECK_THAT(agent.output(), ContainsSubstring("the till is down"));

    CHECK(override_by(agent, {"--tenant", "ns/vault", "--end"}).first == 0);
    CHECK(wait_until([&] { return !shop.reaches(shop.safe); }, after(10s)));
    CHECK(agent.ask({"status"}).at("overrides").empty());
    CHECK(metric(shop.node, "bulkhead_overrides{scope=\"node\"}") == 0);
}

TEST_CASE("an override outlives its agent, is known to the next one without its source, and ends with neither") {
    const Shop shop;
    auto agent = shop.start();
    REQUIRE(override_by(agent, {"--all", "--for", "1h", "--reason", "drill"}).first == 0);
    REQUIRE(shop.reaches_soon(shop.safe));
    kill(agent);
    CHECK(shop.reaches(shop.safe, 5s));

    const fs::path directory = shop.net.manifests().directory(), away = shop.net.directory() / "away";
    fs::rename(directory, away);
    {
        auto next = AgentProcess::launch(shop.net, shop.node, {});
        REQUIRE(wait_until([&] { return next.ask({"status"}).is_object(); }, after(30s)));
        CHECK(next.ask({"status"}).at("overrides").size() == 1);
        CHECK(shop.reaches(shop.safe, 5s));
        // And one that is told while nobody but the agent answers: here it is a shorter one, in the place of the other.
        REQUIRE(override_by(next, {"--tenant", "ns/vault", "--for", "1s", "--reason", "drill 2"}).first == 0);
        REQUIRE(override_by(next, {"--all", "--end"}).first == 0);
        kill(next);
    }
    fs::rename(away, directory);
    {
        const auto last = shop.start();
        CHECK_FALSE(shop.reaches(shop.till));
        REQUIRE(override_by(last, {"--tenant", "ns/vault", "--for", "20s", "--reason", "drill 3"}).first == 0);
        REQUIRE(shop.reaches_soon(shop.safe));
    }
    CHECK(wait_until([&] { return !shop.reaches(shop.safe); }, after(40s)));
}

TEST_CASE("an agent that starts without its source lets pass what it is told to") {
    const Shop shop;
    {
        auto first = shop.start();
        kill(first);
    }
    const fs::path directory = shop.net.manifests().directory();
    fs::rename(directory, shop.net.directory() / "away");
    auto agent = AgentProcess::launch(shop.net, shop.node, {});
    REQUIRE(wait_until([&] { return agent.ask({"status"}).is_object(); }, after(30s)));
    REQUIRE_FALSE(shop.reaches(shop.safe));
    REQUIRE(override_by(agent, {"--tenant", "ns/vault", "--for", "10m", "--reason", "API server down"}).first == 0);
    CHECK(shop.reaches_soon(shop.safe));
    CHECK_FALSE(shop.reaches(shop.till));
}

TEST_CASE("an order for an override that isn't whole is refused, with the words for it, and changes nothing") {
    const Shop shop;
    const auto agent = shop.start();
    struct Order {
        std::vector<std::string> words;
        std::string says;
        int code;
    };
    const std::vector<Order> orders{
        {{"--for", "1h", "--reason", "x"}, "either --tenant or --all", 2},
        {{"--all", "--reason", "x"}, "--for and --reason are needed", 2},
        {{"--all", "--for", "1h"}, "--for and --reason are needed", 2},
        {{"--all", "--for", "soon", "--reason", "x"}, "no length of time", 2},
        {{"--all", "--for", "8d", "--reason", "x"}, "168 hours at most", 4},
        {{"--all", "--end"}, "there is no override of everybody", 4},
    };
    for (const auto& order : orders) {
        const auto [code, said] = override_by(agent, order.words);
        CHECK_THAT(said, ContainsSubstring(order.says));
        CHECK(code == order.code);
    }
    CHECK(agent.ask({"status"}).at("overrides").empty());
    CHECK_FALSE(shop.reaches(shop.safe));
}

TEST_CASE("an Override among the objects is in force like one of the node's own") {
    const Shop shop;
    const auto agent = shop.start();
    const auto [failed, object] =
        override_by(agent, {"--tenant", "ns/vault", "--for", "1h", "--reason", "\"quoted\": yes", "--cluster"});
    REQUIRE(failed == 0);
    CHECK(agent.ask({"status"}).at("overrides").empty()); // it was printed, and nobody was told
    shop.net.manifests().write("override.yaml", object);
    CHECK(shop.reaches_soon(shop.safe));
    const Json told = agent.ask({"status"}).at("overrides").at(0);
    CHECK(told.at("scope") == "cluster");
    CHECK(told.at("reason") == "\"quoted\": yes");
    shop.net.manifests().remove("override.yaml");
    CHECK(wait_until([&] { return !shop.reaches(shop.safe); }, after(10s)));
}

} // namespace
} // namespace bulkhead::test
