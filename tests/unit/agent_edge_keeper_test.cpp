// SPDX-License-Identifier: Apache-2.0
//
// The edge table beside its copy on the disk: what is written when, and a disk that doesn't take it for a while.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch_test_macros.hpp>

#include "edge_keeper.h"
#include "flow/edge_json.h"
#include "source_fixture.h"

namespace bulkhead {
namespace {

using namespace std::chrono_literals;

constexpr flow::Time kMorning{std::chrono::seconds(1'800'000'000)};

flow::EdgeKey to_port(uint16_t port) {
    return {.source = {.kind = flow::Kind::kPod, .ns = "blog", .workload = "Deployment/web", .name = {}},
            .destination = {.kind = flow::Kind::kResource, .ns = {}, .workload = {}, .name = "aurora"},
            .protocol = BH_TCP,
            .port = port,
            .verdict = BH_VERDICT_DENY};
}

void see(EdgeKeeper& keeper, uint16_t port) {
    keeper.add(to_port(port), {.count = 1,
                               .first = kMorning,
                               .last = kMorning,
                               .reason = BH_REASON_NOT_GRANTED,
                               .source_tenant = {},
                               .destination_tenant = {}});
}

/// By port.
using Counts = std::map<uint16_t, uint64_t>;

Counts counts_of(const flow::Edges& edges) {
    Counts counts;
    for (const auto& [key, seen] : edges.rows())
        counts[key.port] = seen.count;
    return counts;
}

/// As the next agent has it.
Counts counts_in(const std::string& path) {
    EdgeKeeper next({});
    REQUIRE(next.keep_in(path));
    return counts_of(next.edges());
}

size_t lines_in(const std::string& path) {
    std::ifstream file(path);
    return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

TEST_CASE("edge keeper: a new edge is written at once, by one line, and the counts of all others once a minute") {
    const source::TemporaryDirectory directory;
    const std::string path = directory.at("edges.ndjson");
    EdgeKeeper keeper({});
    REQUIRE(keeper.keep_in(path));
    for (uint16_t port = 1; port <= 10; ++port)
        see(keeper, port);
    keeper.flush();
    CHECK(lines_in(path) == 10);
    for (uint16_t port = 1; port <= 11; ++port)
        see(keeper, port);
    keeper.flush();
    CHECK(lines_in(path) == 11);
    see(keeper, 1);
    keeper.flush();
    CHECK(lines_in(path) == 11);
    keeper.save(kMorning);
    CHECK(lines_in(path) == 21);
    CHECK(counts_in(path) == counts_of(keeper.edges()));
    CHECK(counts_of(keeper.edges()).at(1) == 3);
}

TEST_CASE("edge keeper: a file that can't be opened is tried again, and what it has is counted once") {
    const source::TemporaryDirectory directory;
    const std::string path = directory.at("state/edges.ndjson");
    {
        EdgeKeeper before({});
        REQUIRE(before.keep_in(path));
        see(before, 1);
        see(before, 2);
        before.save(kMorning);
    }
    EdgeKeeper keeper({});
    std::filesystem::rename(directory.at("state"), directory.at("away"));
    SECTION("its directory isn't there, nor can be made") {
        directory.write("state", "no directory");
        REQUIRE_FALSE(keeper.keep_in(path));
        directory.remove("state");
    }
    SECTION("a directory is in its place") {
        std::filesystem::create_directories(directory.at("state/edges.ndjson"));
        REQUIRE_FALSE(keeper.keep_in(path));
        directory.remove("state");
    }
    see(keeper, 2);
    see(keeper, 3);
    keeper.flush();
    CHECK_FALSE(keeper.error().empty());
    std::filesystem::rename(directory.at("away"), directory.at("state"));
    keeper.save(kMorning);
    CHECK(keeper.error().empty());
    CHECK(counts_of(keeper.edges()) == Counts{{1, 1}, {2, 2}, {3, 1}});
    CHECK(counts_in(path) == counts_of(keeper.edges()));
    see(keeper, 4);
    keeper.flush();
    CHECK(counts_in(path).contains(4));
}

} // namespace
} // namespace bulkhead
