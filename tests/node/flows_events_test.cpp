// SPDX-License-Identifier: Apache-2.0
//
// Every conversation that a node's pods began is a flow, or is counted as one that isn't.
#include <future>

#include "flows_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 7777;

struct Shop {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place web = net.add(kNodeA, "blog/web", 20);
    Place other = net.add(kNodeA, "blog/other", 21);
    Place safe = net.add(kNodeA, "vault/safe", 22);

    Shop() {
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    }

    AgentProcess start(const std::vector<std::string>& more = {}) const {
        return AgentProcess::start(net, node, {.more = more});
    }
};

const std::string kOfPort = "port=" + std::to_string(kPort);

uint64_t packets_in(const std::vector<Json>& flows) {
    uint64_t sum = 0;
    for (const Json& flow : flows)
        sum += flow.at("packets").get<uint64_t>();
    return sum;
}

TEST_CASE("of ten thousand conversations that begin a thousand a second none is missing and none invented") {
    const Shop shop;
    const auto agent = shop.start();
    Beginner beginner(shop.web, shop.other, kPort);
    beginner.begin(10000, 1ms);
    std::vector<Json> seen;
    REQUIRE(wait_until([&] { return (seen = flows(agent, kOfPort)).size() >= 10000; }, after(10s)));
    CHECK(seen.size() == 10000);
    std::set<int> ports;
    for (const Json& flow : seen) {
        ports.insert(flow.at("source").at("port").get<int>());
        CHECK(flow.at("source").at("pod") == "web");
        CHECK(flow.at("destination").at("pod") == "other");
        CHECK(flow.at("verdict") == "allowed");
    }
    CHECK(ports.size() == 10000);
    CHECK(events(agent, "limited") == 0);
    CHECK(events(agent, "lost") == 0);
}

TEST_CASE("a hundred thousand as fast as a machine can begin them: those that are seen, limited and lost are all") {
    const Shop shop;
    const auto agent = shop.start({"--flow-history", "200000", "--flow-history-bytes", "200000000"});
    const auto written = events(agent, "written");
    Beginner one(shop.web, shop.other, kPort), other(shop.web, shop.other, kPort + 1);
    constexpr unsigned kMade = 100000; // one port each of the sender's, of which there are fewer
    const auto started = Clock::now();
    auto beside = std::async(std::launch::async, [&] { other.begin(kMade / 2); });
    one.begin(kMade / 2);
    beside.get();
    const std::chrono::duration<double> took = Clock::now() - started;
    WARN(kMade / took.count() << " conversations a second");
    const auto settled = [&] {
        const auto status = agent.ask({"status"});
        return status.at("flows").at("remembered").get<uint64_t>() == status.at("events").at("written").get<uint64_t>();
    };
    REQUIRE(wait_until(settled, after(20s), 200ms));
    const auto seen = flows(agent, kOfPort + "&port=" + std::to_string(kPort + 1)).size();
    const auto missing = events(agent, "limited") + events(agent, "lost");
    WARN(seen << " seen, " << events(agent, "limited") << " limited, " << events(agent, "lost") << " lost");
    CHECK(seen + missing == kMade);
    CHECK(events(agent, "written") - written >= seen);
    CHECK(seen >= 9000); // a second's
}

TEST_CASE("a refused conversation is told at once, and what follows with its count") {
    const Shop shop;
    const auto agent = shop.start({"--flow-repeat", "2"});
    const auto fd = require(udp_connect(shop.web.netns, {shop.safe.ip4, kPort}));
    for (int i = 0; i < 5; ++i)
        require(send_all(fd, std::vector<uint8_t>{1}, after(1s)));
    std::vector<Json> seen;
    REQUIRE(wait_until([&] { return !(seen = flows(agent, kOfPort)).empty(); }, after(2s)));
    CHECK(seen.at(0).at("verdict") == "denied");
    CHECK(seen.at(0).at("reason") == "not-granted");
    CHECK(seen.at(0).at("packets") == 1);
    REQUIRE(wait_until([&] { return packets_in(seen = flows(agent, kOfPort)) == 5; }, after(10s)));
    CHECK(seen.size() == 2);
}

TEST_CASE("a flood of refused packets is told whole by few flows, and leaves the conversations of others theirs") {
    const Shop shop;
    const auto agent = shop.start({"--flow-repeat", "1", "--events-per-second", "500"});
    Beginner flood(shop.web, shop.safe, kPort), quiet(shop.web, shop.other, kPort + 1);
    flood.begin(50000);
    quiet.begin(100, 1ms);
    const auto quiet_ones = "port=" + std::to_string(kPort + 1);
    CHECK(wait_until([&] { return flows(agent, quiet_ones).size() == 100; }, after(10s), 50ms));
    std::vector<Json> seen;
    const auto whole = [&] { return packets_in(seen = flows(agent, kOfPort)) + events(agent, "untold") >= 50000; };
    REQUIRE(wait_until(whole, after(20s), 200ms));
    CHECK(packets_in(seen) + events(agent, "untold") == 50000);
    CHECK(seen.size() < 5000);
}

TEST_CASE("with --flow-visibility=denied only what is refused is seen, and with off nothing") {
    const Shop shop;
    const auto begin = [&] {
        Beginner(shop.web, shop.other, kPort).begin(5);
        Beginner(shop.web, shop.safe, kPort).begin(5);
    };
    {
        const auto agent = shop.start({"--flow-visibility", "denied"});
        begin();
        std::vector<Json> seen;
        REQUIRE(wait_until([&] { return (seen = flows(agent, kOfPort)).size() >= 5; }, after(5s)));
        CHECK(seen.size() == 5);
        for (const Json& flow : seen)
            CHECK(flow.at("verdict") == "denied");
    }
    const auto agent = shop.start({"--flow-visibility", "off"});
    const auto before = events(agent, "written"); // by the former agent's programs
    begin();
    CHECK(events(agent, "written") == before);
    CHECK(FlowStream(agent, "").status() == 503);
}

} // namespace
} // namespace bulkhead::test
