// SPDX-License-Identifier: Apache-2.0
//
// The edge table: what counts for one edge, and what keeps it small.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "flow/edges.h"

namespace bulkhead::flow {
namespace {

using namespace std::chrono_literals;

constexpr Time kMorning{std::chrono::seconds(1'800'000'000)};

End pod(const std::string& ns, const std::string& workload, const std::string& name, const std::string& address) {
    return {.address = Address::parse(address).value(),
            .port = 0,
            .kind = Kind::kPod,
            .ns = ns,
            .name = name,
            .workload = workload.empty() ? Workload{} : Workload{"Deployment", workload},
            .tenant = "ns/" + ns,
            .is_protected = false,
            .labels = {}};
}

End world(const std::string& address) {
    return {.address = Address::parse(address).value(),
            .port = 0,
            .kind = Kind::kWorld,
            .ns = {},
            .name = {},
            .workload = {},
            .tenant = {},
            .is_protected = false,
            .labels = {}};
}

Record flow(const End& source, const End& destination, uint16_t port, Time time = kMorning) {
    Record record;
    record.time = record.first = time;
    record.source = source;
    record.destination = destination;
    record.source.port = 40'000;
    record.destination.port = port;
    record.protocol = BH_TCP;
    record.packets = 1;
    return record;
}

Record denied(Record record, uint64_t packets) {
    record.verdict = BH_VERDICT_DENY;
    record.reason = BH_REASON_NOT_GRANTED;
    record.packets = packets;
    return record;
}

const End kWeb1 = pod("blog", "web", "web-7f-1", "10.0.1.1");
const End kWeb2 = pod("blog", "web", "web-7f-2", "10.0.1.2");
const End kLedger = pod("payments", "ledger", "ledger-0", "10.0.2.1");

TEST_CASE("pods of one workload are one party, whatever their addresses and source ports") {
    Edges edges;
    CHECK(edges.add(flow(kWeb1, kLedger, 5432)).is_new);
    auto again = flow(kWeb2, kLedger, 5432, kMorning + 1h);
    again.source.port = 51'000;
    CHECK_FALSE(edges.add(again).is_new);
    REQUIRE(edges.rows().size() == 1);
    const auto& [key, seen] = *edges.rows().begin();
    CHECK(key.source.workload == "Deployment/web");
    CHECK(key.destination.workload == "Deployment/ledger");
    CHECK(key.port == 5432);
    CHECK(seen.count == 2);
    CHECK(seen.first == kMorning);
    CHECK(seen.last == kMorning + 1h);
}

TEST_CASE("another port, protocol, direction, verdict, workload or namespace is another edge") {
    const auto base = flow(kWeb1, kLedger, 5432);
    auto udp = base;
    udp.protocol = BH_UDP;
    const auto other = GENERATE_COPY(values<Record>({
        flow(kWeb1, kLedger, 5433),
        udp,
        flow(kLedger, kWeb1, 5432),
        denied(base, 1),
        flow(pod("blog", "cron", "cron-1", "10.0.1.1"), kLedger, 5432),
        flow(pod("blog", "", "web-7f-1", "10.0.1.1"), kLedger, 5432),
        flow(pod("shop", "web", "web-7f-1", "10.0.1.1"), kLedger, 5432),
    }));
    Edges edges;
    edges.add(base);
    CHECK(edges.add(other).is_new);
    CHECK(edges.rows().size() == 2);
}

TEST_CASE("refused packets count one by one, and the reason, tenants and level are the last ones") {
    Edges edges;
    edges.add(denied(flow(kWeb1, kLedger, 5432), 1));
    auto later = denied(flow(kWeb1, kLedger, 5432, kMorning + 60s), 41);
    later.reason = BH_REASON_HELD;
    later.destination.tenant = "payments";
    later.destination.is_protected = true;
    edges.add(later);
    const auto& seen = edges.rows().begin()->second;
    CHECK(seen.count == 42);
    CHECK(seen.reason == BH_REASON_HELD);
    CHECK(seen.destination_tenant == "payments");
    CHECK(seen.destination_protected);
}

TEST_CASE("what was seen earlier adds its count and takes nothing from what was seen last") {
    Edges edges;
    auto late = flow(kWeb1, kLedger, 5432, kMorning + 1h);
    late.destination.tenant = "payments";
    edges.add(late);
    edges.add(flow(kWeb1, kLedger, 5432, kMorning));
    const auto& seen = edges.rows().begin()->second;
    CHECK(seen.first == kMorning);
    CHECK(seen.last == kMorning + 1h);
    CHECK(seen.destination_tenant == "payments");
}

TEST_CASE("of ICMP there is no port, though a record has its identifier there") {
    Edges edges;
    for (uint16_t identifier = 1; identifier <= 3; ++identifier) {
        auto ping = flow(kWeb1, kLedger, identifier);
        ping.protocol = BH_ICMP;
        edges.add(ping);
    }
    REQUIRE(edges.rows().size() == 1);
    CHECK(edges.rows().begin()->first.port == 0);
}

TEST_CASE("the world is told by networks: /24 and /64") {
    Edges edges;
    edges.add(flow(world("203.0.113.7"), kWeb1, 443));
    edges.add(flow(world("203.0.113.250"), kWeb1, 443));
    edges.add(flow(world("203.0.114.1"), kWeb1, 443));
    edges.add(flow(world("2001:db8:0:1::7"), kWeb1, 443));
    edges.add(flow(world("2001:db8:0:1:ffff::"), kWeb1, 443));
    std::set<std::string> names;
    for (const auto& [key, seen] : edges.rows())
        names.insert(key.source.name);
    CHECK(names == std::set<std::string>{"203.0.113.0/24", "203.0.114.0/24", "2001:db8:0:1::/64"});
}

TEST_CASE("a port scan takes a bounded number of edges, loses no packet, and hides no other edge") {
    Edges edges({.edges = 1000, .ports = 16, .networks = 8});
    edges.add(flow(kWeb1, kLedger, 5432));
    for (uint32_t port = 1; port <= 65'535; ++port)
        edges.add(denied(flow(kWeb1, kLedger, static_cast<uint16_t>(port)), 1));
    CHECK(edges.rows().size() == 1 + 16 + 1);
    uint64_t refused_packets = 0;
    for (const auto& [key, seen] : edges.rows())
        if (key.verdict == BH_VERDICT_DENY) refused_packets += seen.count;
    CHECK(refused_packets == 65'535);
    CHECK(edges.refused() == 0);
    CHECK(edges.add(flow(kWeb1, kWeb2, 80)).is_new);
}

TEST_CASE("of the world's networks beyond the bound nobody is told by name, but those that are known stay so") {
    Edges edges({.edges = 1000, .ports = 16, .networks = 8});
    for (int i = 0; i < 200; ++i)
        edges.add(flow(world("198.51." + std::to_string(i) + ".1"), kWeb1, 443));
    CHECK(edges.rows().size() == 8 + 1);
    CHECK_FALSE(edges.add(flow(world("198.51.3.99"), kWeb1, 443)).is_new);
    const auto anywhere =
        std::ranges::find_if(edges.rows(), [](const auto& row) { return row.first.source.name.empty(); });
    REQUIRE(anywhere != edges.rows().end());
    CHECK(anywhere->second.count == 192);
    CHECK(edges.add(flow(world("198.51.100.1"), kLedger, 443)).edge->first.source.name == "198.51.100.0/24");
}

TEST_CASE(
    "when it is nearly full, new edges are of namespaces; what was known stays as it is; then nothing more fits") {
    Edges edges({.edges = 100, .ports = 16, .networks = 8});
    const auto of_workload = [](int i) { return pod("blog", "w" + std::to_string(i), "p", "10.0.1.1"); };
    for (int i = 0; i < 500; ++i)
        edges.add(flow(of_workload(i), kLedger, 5432));
    CHECK(edges.rows().size() == 76); // three quarters, and one for all the rest
    CHECK(edges.refused() == 0);
    CHECK_FALSE(edges.add(flow(of_workload(3), kLedger, 5432)).is_new);

    for (int i = 0; i < 500; ++i)
        edges.add(flow(pod("ns" + std::to_string(i), "w", "p", "10.0.1.1"), kLedger, 5432));
    CHECK(edges.rows().size() == 100);
    CHECK(edges.refused() == 500 - 24);
}

TEST_CASE("an edge with any of the world's networks is none of the networks that are told by name") {
    Edges edges({.edges = 1000, .ports = 16, .networks = 2});
    edges.add(flow(world("0.0.0.0"), kWeb1, 443));
    for (const char* address : {"198.51.1.1", "198.51.2.1", "198.51.3.1"})
        edges.add(flow(world(address), kWeb1, 443));
    std::set<std::string> names;
    for (const auto& [key, seen] : edges.rows())
        names.insert(key.source.name);
    CHECK(names == std::set<std::string>{"", "198.51.1.0/24", "198.51.2.0/24"});
}

TEST_CASE("whoever scans everybody takes its own share of the table, and coarsens nobody else's edges") {
    Edges edges({.edges = 800, .ports = 16, .networks = 8});
    const auto target = [](int i) {
        return pod("ns" + std::to_string(i % 50), "w" + std::to_string(i), "p", "10.0.9.1");
    };
    for (int i = 0; i < 5000; ++i)
        edges.add(denied(flow(kWeb1, target(i), 80), 1));
    CHECK(edges.rows().size() == 100 + 50); // an eighth, and one for each namespace
    CHECK(edges.refused() == 0);
    uint64_t packets = 0;
    for (const auto& [key, seen] : edges.rows()) {
        packets += seen.count;
        CHECK(key.source.workload == "Deployment/web"); // who it is stays known
    }
    CHECK(packets == 5000);
    for (int i = 0; i < 5000; ++i) // not by namespaces either
        edges.add(denied(flow(kWeb1, pod("more" + std::to_string(i), "w", "p", "10.0.9.1"), 80), 1));
    CHECK(edges.rows().size() == 200);
    CHECK(edges.refused() == 5000 - 50);
    const auto other = edges.add(flow(pod("shop", "cart", "cart-1", "10.0.3.1"), target(7), 80));
    CHECK(other.edge->first.destination.workload == "Deployment/w7");
    CHECK(other.edge->first.port == 80);
}

TEST_CASE("the whole world has one share: then it is told without networks, but to whom it went") {
    Edges edges({.edges = 800, .ports = 16, .networks = 8});
    for (int i = 0; i < 60; ++i)
        for (int network = 0; network < 8; ++network)
            edges.add(flow(world("198.51." + std::to_string(network) + ".1"),
                           pod("shop", "w" + std::to_string(i), "p", "10.0.9.1"), 443));
    CHECK(edges.rows().size() < 200);
    std::set<std::string> targets;
    for (const auto& [key, seen] : edges.rows()) {
        targets.insert(key.destination.workload);
        CHECK(key.port == 443); // no rule that names a port says anything of a row without one
    }
    CHECK(targets.size() == 60);
    for (uint16_t port = 1; port <= 1000; ++port)
        edges.add(flow(world("203.0.113.1"), pod("shop", "late", "p", "10.0.9.1"), port));
    CHECK(std::ranges::count(edges.rows(), "Deployment/late", [](const auto& row) {
              return row.first.destination.workload;
          }) == 16 + 1); // ports, and all others together
    CHECK(edges.refused() == 0);
}

TEST_CASE("edges that nobody used for long are gone, and make room for ports and networks of their own") {
    Edges edges({.edges = 1000, .ports = 2, .networks = 2});
    for (uint16_t port = 1; port <= 3; ++port)
        edges.add(flow(kWeb1, kLedger, port, kMorning));
    for (const char* address : {"198.51.1.1", "198.51.2.1", "198.51.3.1"})
        edges.add(flow(world(address), kWeb1, 443, kMorning));
    edges.add(flow(kWeb1, kLedger, 2, kMorning + 24h));
    edges.forget_before(kMorning + 1h);
    REQUIRE(edges.rows().size() == 1);
    CHECK(edges.rows().begin()->first.port == 2);
    CHECK(edges.add(flow(kWeb1, kLedger, 9)).edge->first.port == 9);
    CHECK(edges.add(flow(kWeb1, kLedger, 10)).edge->first.port == 0);
    CHECK(edges.add(flow(world("198.51.9.1"), kWeb1, 443)).edge->first.source.name == "198.51.9.0/24");
}

TEST_CASE("of the world without an address nobody knows which network it was") {
    Edges edges;
    edges.add(flow(world("0.0.0.0"), kWeb1, 443));
    edges.add(flow(world("::"), kWeb1, 443));
    REQUIRE(edges.rows().size() == 1);
    CHECK(edges.rows().begin()->first.source.name.empty());
}

} // namespace
} // namespace bulkhead::flow
