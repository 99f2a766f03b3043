// SPDX-License-Identifier: Apache-2.0
//
// What isn't as it should be: answers of agents and of kubectl, files, and a stdout that takes nothing.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "bulkheadctl_agent.h"

namespace bulkhead::test {
namespace {

constexpr const char* kHonestStatus = R"({"ready":true,"inSync":true,"armed":true,"version":"1","problems":[]})";
constexpr const char* kHonestEdges =
    R"({"edges":[{"source":{"kind":"pod","namespace":"blog","workload":"Deployment/web"},)"
    R"("destination":{"kind":"host"},"protocol":"tcp","port":80,"verdict":"allowed","reason":"open","count":3,)"
    R"("first":"2026-11-01T00:00:00Z","last":"2026-11-02T00:00:00Z"}],"limit":10,"refused":0})";

/// A kubectl with two agents: one answers `honest`, the other one `lie`.
class LyingCluster {
public:
    LyingCluster(const std::string& honest, const std::string& lie, const std::string& pods = "") {
        place_.write("honest", honest);
        place_.write("lie", lie);
        place_.write("pods", pods.empty() ? R"({"items":[{"metadata":{"name":"a"},"spec":{"nodeName":"node-a"}},)"
                                            R"({"metadata":{"name":"b"},"spec":{"nodeName":"node-b"}}]})"
                                          : pods);
        const auto file =
            place_.write("kubectl", "#!/bin/bash\ncase \"$2 $3\" in\n'get pods') cat " + place_.file("pods") +
                                        " ;;\n'exec a') cat " + place_.file("honest") + " ;;\n*) cat " +
                                        place_.file("lie") + " ;;\nesac\n");
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    }

    Ended ask(const std::string& words) const {
        return in_shell("PATH=" + place_.file("") + ":$PATH; bulkheadctl --all-nodes " + words + " 2>&1");
    }

private:
    Place place_;
};

bool has(const Ended& ended, const std::string& text) {
    return ended.output.find(text) != std::string::npos;
}

TEST_CASE("a node whose agent lies is named, and hides no other") {
    const auto lie =
        GENERATE(as<std::string>(), "[]", "\"x\"", "1", "", R"({"edges":[1]})", R"({"edges":[{"source":1}]})",
                 R"({"limit":"many"})", R"({"limit":1e999})", std::string(300'000, '['));
    INFO(lie.substr(0, 100));
    const auto edges = LyingCluster(kHonestEdges, lie).ask("edges");
    INFO(edges.output);
    CHECK(edges.code == 6);
    CHECK(has(edges, "blog/Deployment/web"));
    CHECK(has(edges, "bulkheadctl: node-b: "));
}

TEST_CASE("a status that isn't one stands below the others") {
    const auto lie = GENERATE(as<std::string>(), R"({"ready":"yes"})", R"({"version":1})");
    const auto status = LyingCluster(kHonestStatus, lie).ask("status");
    INFO(status.output);
    CHECK(has(status, "\nnode-a  yes"));
    CHECK(has(status, "\nnode-b: its answer can't be read: "));
}

TEST_CASE("kubectl's list may hold what is no pod") {
    const LyingCluster cluster(kHonestEdges, "",
                               R"({"items":[1,null,{"spec":1},{"spec":{"nodeName":7}},)"
                               R"({"metadata":{"name":"a"},"spec":{"nodeName":"node-a"}}]})");
    const auto edges = cluster.ask("edges");
    INFO(edges.output);
    CHECK(edges.code == 0);
    CHECK(has(edges, "blog/Deployment/web"));
    CHECK(LyingCluster("", "", R"({"items":{"a":1}})").ask("edges").code == 3);
}

TEST_CASE("a saved file that isn't what it should be is complained of, not crashed at") {
    const Place place;
    const auto text = GENERATE(as<std::string>(), R"({"node":1,"edges":[]})", std::string(300'000, '['),
                               R"({"edges":[1]})", R"({"edges":1})", R"({"edges":1e999})");
    const auto ended = in_shell("bulkheadctl advise --input-file " + place.write("seen.json", text) + " 2>&1");
    INFO(ended.output);
    CHECK(ended.code == 1);
    CHECK(ended.output.starts_with("bulkheadctl: " + place.file("seen.json")));
}

TEST_CASE("an agent that answers what no agent does is complained of") {
    const Place place;
    const std::string body = GENERATE(as<std::string>(), R"([1])", R"({"edges":[{}]})", R"({})");
    const ScriptedAgent agent(place.file("agent.sock"), [&](int connection) {
        say(connection, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    const auto ended = in_shell("bulkheadctl --socket " + place.file("agent.sock") + " edges 2>&1");
    INFO(ended.output);
    CHECK((ended.code == 1 || ended.code == 3));
    CHECK(ended.output.starts_with("bulkheadctl: "));
}

TEST_CASE("what couldn't be written isn't done") {
    for (const char* words : {"reasons", "completion bash", "reasons -o json"}) {
        const auto ended = in_shell("bulkheadctl " + std::string(words) + " 2>&1 >/dev/full");
        CHECK(ended.code == 1);
        CHECK(ended.output == "bulkheadctl: write to stdout\n"); // why is lost, where an earlier write failed
    }
}

TEST_CASE("what is of this machine alone isn't asked of another node, by kubectl's plugin either") {
    const Place place;
    std::filesystem::create_symlink(BULKHEADCTL, place.file("kubectl-bulkhead"));
    for (const char* words : {"--on-node a bugreport", "--all-nodes bugreport", "--on-node a override --all"})
        for (const auto& program : {std::string("bulkheadctl"), place.file("kubectl-bulkhead")}) {
            const auto ended = in_shell(program + " " + words + " 2>&1");
            INFO(program << " " << words << ": " << ended.output);
            CHECK(ended.code == 2);
            CHECK(has(ended, "are for questions that agents answer"));
        }
    CHECK(in_shell(place.file("kubectl-bulkhead") + " reasons >/dev/null").code == 0);
}

} // namespace
} // namespace bulkhead::test
