// SPDX-License-Identifier: Apache-2.0
//
// The edge table outlives the agent and the node's kernel, and what is too much to be told costs no edge.
#include <catch2/generators/catch_generators.hpp>
#include <fstream>

#include "edges_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kDoor = 7000;

struct Yard {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    std::vector<Place> pods;
    std::string file = net.directory() / "state/edges.ndjson";

    explicit Yard(int count, const Labels& labels = {}) {
        net.manifests().write("yard.yaml", namespace_text("yard", labels));
        for (int i = 0; i < count; ++i)
            pods.push_back(add_pod_of(net, kNodeA, "yard", name(i), 20 + i));
    }
    static std::string name(int i) { return "w" + std::to_string(i); }
    static std::string text(int from, int to, uint16_t port) {
        return "yard/Deployment/" + name(from) + " -> yard/Deployment/" + name(to) + " " + std::to_string(port) +
               "/UDP";
    }
    AgentProcess start(std::vector<std::string> more = {}) const {
        more.insert(more.end(), {"--edges-file", file});
        return AgentProcess::start(net, node, {.more = more});
    }
};

/// Of pods, by text: count and first seen.
std::map<std::string, std::pair<uint64_t, std::string>> seen_in(const Json& edges) {
    std::map<std::string, std::pair<uint64_t, std::string>> seen;
    for (const Json& edge : edges)
        if (edge.at("destination").at("kind") == "pod")
            seen[edge_text(edge) + " " + edge.at("verdict").get<std::string>()] = {edge.at("count"), edge.at("first")};
    return seen;
}

/// What the file says last of an edge.
uint64_t count_in_file(const std::string& file, const std::string& text) {
    uint64_t count = 0;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const Json edge = Json::parse(line, nullptr, false);
        if (edge.is_object() && edge_text(edge) == text) count = edge.at("count");
    }
    return count;
}

TEST_CASE("the edge table survives kill -9 and a reboot, with its counts and since when") {
    const Yard yard(2);
    auto agent = yard.start();
    Beginner(yard.pods[0], yard.pods[1], kDoor).begin(7);
    const auto edge = Yard::text(0, 1, kDoor);
    REQUIRE(wait_until([&] { return count_in_file(yard.file, edge) == 7; }, after(90s), 200ms)); // written each minute
    const auto before = seen_in(edges_of(agent));
    REQUIRE(before.at(edge + " allowed").first == 7);

    agent.process().signal(SIGKILL);
    REQUIRE(agent.process().wait(after(kEnd)));
    {
        auto next = yard.start();
        CHECK(seen_in(edges_of(next)) == before);
        Beginner(yard.pods[0], yard.pods[1], kDoor + 1).begin(1); // is written at once
        REQUIRE(wait_until([&] { return count_in_file(yard.file, Yard::text(0, 1, kDoor + 1)) == 1; }, after(10s)));
        next.process().signal(SIGKILL);
        REQUIRE(next.process().wait(after(kEnd)));
        const auto [failed, said] = next.detach(); // nothing of the kernel's outlives a reboot
        INFO(said);
        REQUIRE(failed == 0);
    }
    CHECK(attachments_in(yard.node.netns).empty());
    const auto last = yard.start();
    const auto after_reboot = seen_in(edges_of(last));
    CHECK(after_reboot.at(edge + " allowed") == before.at(edge + " allowed"));
    CHECK(after_reboot.contains(Yard::text(0, 1, kDoor + 1) + " allowed"));
    CHECK(after_reboot.size() == before.size() + 1);
}

TEST_CASE("an agent that ends well leaves every count on the disk") {
    const Yard yard(2);
    auto agent = yard.start();
    Beginner(yard.pods[0], yard.pods[1], kDoor).begin(23);
    REQUIRE(wait_until([&] { return count_of(edges_of(agent), Yard::text(0, 1, kDoor)) == 23; }, after(20s)));
    REQUIRE(agent.process().stop(after(kEnd)) == 0);
    CHECK(count_in_file(yard.file, Yard::text(0, 1, kDoor)) == 23);
}

TEST_CASE("a port scan takes a bounded number of edges, and every packet of it counts") {
    const Yard yard(3);
    const auto agent = yard.start({"--edges", "1000"});
    constexpr uint16_t kPorts = 20000;
    knock_on(yard.pods[0], yard.pods[1], 1, kPorts);
    Beginner(yard.pods[2], yard.pods[1], kDoor).begin(1);
    const auto others = "yard/Deployment/w0 -> yard/Deployment/w1 UDP";
    Json edges;
    const auto of_the_scan = [&] {
        edges = edges_of(agent);
        uint64_t sum = 0;
        for (const Json& edge : edges)
            if (edge_text(edge).starts_with("yard/Deployment/w0 ")) sum += edge.at("count").get<uint64_t>();
        return sum;
    };
    REQUIRE(wait_until([&] { return of_the_scan() == kPorts; }, after(30s), 200ms));
    CHECK(edges.size() < 100);
    CHECK(count_of(edges, others) == kPorts - 64);
    CHECK(count_of(edges, Yard::text(2, 1, kDoor)) == 1);
}

TEST_CASE("a burst of which hardly anything is told: each pair is an edge, with each of its ports and every packet") {
    const std::string verdict = GENERATE("allowed", "denied");
    INFO(verdict);
    constexpr int kPods = 5;
    constexpr uint16_t kPorts = 20;
    const Yard yard(2 * kPods);
    if (verdict == "denied") yard.net.manifests().write("yard.yaml", protected_namespace_text("yard"));
    // In namespaces of their own, which are strangers to the yard.
    std::vector<Place> guests;
    for (int i = 0; i < kPods; ++i)
        guests.push_back(add_pod_of(yard.net, kNodeB, "guests", Yard::name(i), 40 + i));
    const auto agent = yard.start({"--events-per-second", "1", "--flow-repeat", "1"});
    const auto told_before = events(agent, "written");
    std::set<std::string> expected;
    for (int from = 0; from < kPods; ++from)
        for (const auto& to : yard.pods) {
            knock_on(guests[static_cast<size_t>(from)], to, kDoor, kDoor + kPorts - 1);
            const auto at = static_cast<int>(&to - yard.pods.data());
            for (uint16_t port = kDoor; port < kDoor + kPorts; ++port)
                expected.insert("guests" + Yard::text(from, at, port).substr(4));
        }
    Json edges;
    uint64_t count = 0;
    const auto all_there = [&] {
        edges = edges_of(agent);
        count = 0;
        for (const auto& text : expected)
            count += count_of(edges, text);
        return count >= expected.size();
    };
    CHECK(wait_until(all_there, after(30s), 200ms));
    const auto known = texts_of(edges, [&](const Json& edge) { return edge.at("verdict") == verdict; });
    for (const auto& text : expected)
        if (!known.contains(text)) FAIL_CHECK(text << " is missing");
    CHECK(count == expected.size());
    if (verdict == "allowed") CHECK(events(agent, "written") - told_before < expected.size() / 4);
}

TEST_CASE("a scan that is too much to be told hides no other pair") {
    const std::string verdict = GENERATE("allowed", "denied");
    INFO(verdict);
    const Yard yard(1);
    if (verdict == "denied") yard.net.manifests().write("yard.yaml", protected_namespace_text("yard"));
    const auto scanner = add_pod_of(yard.net, kNodeA, "guests", "scanner", 40);
    const auto quiet = add_pod_of(yard.net, kNodeA, "guests", "quiet", 41);
    const auto agent = yard.start({"--events-per-second", "1"});
    knock_on(scanner, yard.pods[0], 1, 30000);
    Beginner(quiet, yard.pods[0], kDoor).begin(1);
    knock_on(scanner, yard.pods[0], 30001, 60000); // far more than there are rows of refused conversations
    const auto is_there = [&] {
        return edges_of(agent, verdict).contains("guests/Deployment/quiet -> yard/Deployment/w0 7000/UDP");
    };
    CHECK(wait_until(is_there, after(20s), 200ms));
}

} // namespace
} // namespace bulkhead::test
