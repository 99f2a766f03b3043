// SPDX-License-Identifier: Apache-2.0
//
// /v1/flows as a stream: who follows sees what comes; who is too slow, or goes away, costs nobody anything.
#include "flows_support.h"
#include "metrics_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 7777;

struct Shop {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place web = net.add(kNodeA, "blog/web", 20);
    Place other = net.add(kNodeA, "blog/other", 21);

    Shop() { net.manifests().write("blog.yaml", namespace_text("blog")); }

    AgentProcess start() const {
        return AgentProcess::start(net, node,
                                   {.metrics_address = kMetricsAddress, .more = {"--events-per-second", "100000"}});
    }
};

auto at_least(size_t count) {
    return [count](const std::vector<Json>& records) { return records.size() >= count; };
}

uint64_t readers(const AgentProcess& agent) {
    return agent.ask({"status"}).at("flows").at("readers").get<uint64_t>();
}

TEST_CASE("whoever follows sees each flow that matches, several at once and each its own") {
    const Shop shop;
    const auto agent = shop.start();
    FlowStream one(agent, "follow=true&port=7777"), two(agent, "follow=true&port=8888");
    CHECK(one.status() == 200);
    CHECK(readers(agent) == 2);
    Beginner(shop.web, shop.other, 7777).begin(30);
    Beginner(shop.web, shop.other, 8888).begin(20);
    CHECK(one.read_until(at_least(30), 5s));
    CHECK(two.read_until(at_least(20), 5s));
    CHECK_FALSE(one.read_until(at_least(31), 500ms));
    CHECK_FALSE(two.read_until(at_least(21), 500ms));
    Beginner(shop.web, shop.other, 7777).begin(1); // one of the thirty's ports: no new conversation
    Beginner(shop.other, shop.web, 7777).begin(1);
    CHECK(one.read_until(at_least(31), 5s));
}

TEST_CASE("the newest of what is remembered come first, then what is new") {
    const Shop shop;
    const auto agent = shop.start();
    Beginner beginner(shop.web, shop.other, kPort);
    beginner.begin(100);
    REQUIRE(wait_until([&] { return flows(agent, "port=7777").size() == 100; }, after(5s)));
    FlowStream stream(agent, "follow=true&port=7777&last=10");
    REQUIRE(stream.read_until(at_least(10), 5s));
    beginner.begin(5);
    REQUIRE(stream.read_until(at_least(15), 5s));
    std::vector<int> ports;
    for (const Json& record : stream.records())
        ports.push_back(record.at("source").at("port").get<int>());
    CHECK(std::ranges::is_sorted(ports));
    CHECK(ports.back() - ports.front() == 14);
}

TEST_CASE("whoever follows is told how much is missing, from the first moment on") {
    const Shop shop;
    const auto agent = AgentProcess::start(shop.net, shop.node, {.more = {"--events-per-second", "100"}});
    const auto missing = [&] { return events(agent, "limited") + events(agent, "lost"); };
    Beginner beginner(shop.web, shop.other, kPort);
    beginner.begin(2000); // what was before nobody misses
    const auto before = missing();
    CHECK(before > 0);
    FlowStream stream(agent, "follow=true&port=8888");
    beginner.begin(2000);
    const auto told = [](const std::vector<Json>& lines) {
        uint64_t sum = 0;
        for (const Json& line : lines)
            sum += line.at("lost").get<uint64_t>();
        return sum;
    };
    const auto all = [&](const std::vector<Json>& lines) { return told(lines) >= missing() - before; };
    CHECK(wait_until([&] { return stream.read_until(all, 100ms); }, after(20s)));
    CHECK(missing() > before);
    CHECK(told(stream.records()) == missing() - before);
    CHECK_FALSE(stream.records().at(0).at("because").get<std::string>().empty());
}

TEST_CASE("a reader that doesn't read is cut off, and nobody else notices") {
    const Shop shop;
    const auto agent = shop.start();
    FlowStream slow(agent, "follow=true&port=7777"), quick(agent, "follow=true&port=8888");
    Beginner beginner(shop.web, shop.other, kPort);
    const auto cut = [&] { return metric(shop.node, "bulkhead_flow_readers_cut_off_total") == 1; };
    REQUIRE(wait_until(
        [&] {
            beginner.begin(2000, 50us);
            return cut();
        },
        after(60s)));
    Beginner(shop.web, shop.other, 8888).begin(20);
    CHECK(quick.read_until(at_least(20), 5s));
    // Now it reads what was kept for it, and why there is no more.
    const auto last = slow.all();
    REQUIRE_FALSE(last.empty());
    CHECK(last.back().contains("error"));
    CHECK(wait_until([&] { return readers(agent) == 1; }, after(20s)));
}

TEST_CASE("readers that go away are forgotten, whether or not there is anything to read") {
    const Shop shop;
    const auto agent = shop.start();
    for (int round = 0; round < 3; ++round) {
        std::vector<FlowStream> streams;
        for (int i = 0; i < 16; ++i)
            streams.emplace_back(agent, "follow=true&port=7777");
        CHECK(readers(agent) == 16);
        CHECK(FlowStream(agent, "follow=true").status() == 503); // no more than these
        streams.clear();
        CHECK(wait_until([&] { return readers(agent) == 0; }, after(10s)));
    }
}

TEST_CASE("an agent ends though somebody follows") {
    const Shop shop;
    auto agent = shop.start();
    FlowStream stream(agent, "follow=true");
    agent.process().signal(SIGTERM);
    CHECK(agent.process().wait(after(kEnd)) == 0);
    CHECK_FALSE(stream.read_until([](const auto&) { return false; }, 5s));
    CHECK(stream.ended());
}

TEST_CASE("a question that means nothing is refused, with what is wrong with it") {
    const Shop shop;
    const auto agent = shop.start();
    FlowStream stream(agent, "ports=80");
    CHECK(stream.status() == 400);
    CHECK(stream.all().at(0).at("error").get<std::string>().find("ports") != std::string::npos);
}

} // namespace
} // namespace bulkhead::test
