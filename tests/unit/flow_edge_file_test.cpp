// SPDX-License-Identifier: Apache-2.0
//
// The edge table on the disk: what an agent that ends, is killed or loses power leaves to the next one.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "flow/edge_file.h"
#include "flow/edge_json.h"
#include "source_fixture.h"

namespace bulkhead::flow {
namespace {

using namespace std::chrono_literals;

constexpr Time kMorning{std::chrono::seconds(1'800'000'000)};

EdgeKey key(uint16_t port, const std::string& ns = "blog") {
    return {.source = {.kind = Kind::kPod, .ns = ns, .workload = "Deployment/web", .name = {}},
            .destination = {.kind = Kind::kResource, .ns = {}, .workload = {}, .name = "aurora"},
            .protocol = BH_TCP,
            .port = port,
            .verdict = BH_VERDICT_DENY};
}

Sighting seen(uint64_t count, Time last = kMorning) {
    return {.count = count,
            .first = kMorning,
            .last = last,
            .reason = BH_REASON_NOT_GRANTED,
            .source_tenant = "ns/blog",
            .destination_tenant = "payments",
            .destination_protected = true};
}

std::string text_of(const std::filesystem::path& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::set<EdgeKey> keys_of(const Edges& edges) {
    std::set<EdgeKey> keys;
    for (const auto& [key, seen] : edges.rows())
        keys.insert(key);
    return keys;
}

Edges read(const std::string& path, size_t unreadable = 0) {
    Edges edges;
    const auto file = EdgeFile::open(path, edges);
    REQUIRE(file);
    CHECK(file->unreadable() == unreadable);
    return edges;
}

TEST_CASE("an edge comes back from its line as it was, whatever its parties, port and verdict") {
    auto [edge, sighting] = GENERATE(table<EdgeKey, Sighting>({
        {key(5432), seen(7)},
        {{.source = {.kind = Kind::kWorld, .ns = {}, .workload = {}, .name = "2001:db8::/64"},
          .destination = {.kind = Kind::kPod, .ns = "blog", .workload = {}, .name = {}},
          .protocol = 47,
          .port = 0,
          .verdict = BH_VERDICT_ALLOW},
         {.count = 1,
          .first = kMorning + 1ns,
          .last = kMorning + 5h,
          .reason = BH_REASON_OPEN,
          .source_tenant = {},
          .destination_tenant = "ns/blog",
          .destination_protected = false}},
        {{.source = {.kind = Kind::kHost, .ns = {}, .workload = {}, .name = "node-a"},
          .destination = {.kind = Kind::kClusterDns, .ns = {}, .workload = {}, .name = {}},
          .protocol = BH_UDP,
          .port = 53,
          .verdict = BH_VERDICT_AUDIT},
         seen(UINT64_MAX)},
    }));
    const auto back = parse_edge(to_json(edge, sighting));
    REQUIRE(back);
    CHECK(back->first == edge);
    CHECK(back->second == sighting);
}

TEST_CASE("what is wrong with a line is told with its place") {
    auto json = to_json(key(5432), seen(1));
    const auto [pointer, value, word] = GENERATE(table<const char*, Json, std::string>({
        {"/port", 70000, "port: 70000"},
        {"/verdict", "maybe", "verdict"},
        {"/source/kind", "robot", "source.kind"},
        {"/first", "2027-01-16T08:00:00Z", "first"},
        {"/last", "yesterday", "last"},
        {"/count", -1, "count"},
        {"/destination", 3, "destination"},
    }));
    json[Json::json_pointer(pointer)] = value;
    const auto wrong = parse_edge(json);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text.find(word) != std::string::npos);
}

TEST_CASE("what was appended is there for the next agent, though nobody closed or rewrote the file") {
    const source::TemporaryDirectory directory;
    const std::string path = directory.at("state/edges.ndjson");
    Edges edges;
    auto file = EdgeFile::open(path, edges);
    REQUIRE(file);
    edges.add(key(1), seen(1));
    edges.add(key(2), seen(2));
    REQUIRE(file->append(edges.take_changed()));
    edges.add(key(1), seen(10, kMorning + 1h));
    REQUIRE(file->append(edges.take_changed()));
    const auto back = read(path);
    CHECK(back.rows() == edges.rows());
    CHECK(back.rows().at(key(1)).count == 11);
}

TEST_CASE("a table that is nearly full comes back as it was: what is known isn't made coarser") {
    const source::TemporaryDirectory directory;
    const EdgeLimits limits{.edges = 100, .ports = 8, .networks = 8};
    Edges edges(limits);
    auto file = EdgeFile::open(directory.at("edges"), edges);
    REQUIRE(file);
    for (int i = 0; i < 95; ++i) // of sources with few edges each; from three quarters on by namespaces
        edges.add(key(static_cast<uint16_t>(5432 + i % 2), "ns" + std::to_string(i)), seen(1));
    for (uint16_t port = 1; port <= 12; ++port)
        edges.add(key(port, "ns0"), seen(1));
    REQUIRE(edges.rows().size() > 90);
    REQUIRE(file->rewrite(edges.rows()));
    Edges back(limits);
    REQUIRE(EdgeFile::open(directory.at("edges"), back));
    CHECK(keys_of(back) == keys_of(edges));
    CHECK(back.rows() == edges.rows());
    CHECK(back.take_changed().empty());
    Edges smaller({.edges = 50, .ports = 8, .networks = 8}); // since somebody said so
    REQUIRE(EdgeFile::open(directory.at("edges"), smaller));
    CHECK(smaller.rows().size() == 50);
}

TEST_CASE("nobody but its owner may read who talks to whom") {
    const source::TemporaryDirectory directory;
    Edges edges;
    auto file = EdgeFile::open(directory.at("edges"), edges);
    REQUIRE(file);
    REQUIRE(file->rewrite(edges.rows()));
    struct stat status {};
    REQUIRE(::stat(directory.at("edges").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a line that was cut short is passed over, and the next one doesn't continue it") {
    const source::TemporaryDirectory directory;
    const std::string path = directory.at("edges");
    {
        Edges edges;
        auto file = EdgeFile::open(path, edges);
        REQUIRE(file);
        edges.add(key(1), seen(1));
        REQUIRE(file->append(edges.take_changed()));
    }
    const auto whole = text_of(path);
    const auto length = GENERATE_COPY(range(size_t{1}, whole.size() - 1));
    std::ofstream(path, std::ios::trunc) << whole << whole.substr(0, length);
    Edges edges;
    auto file = EdgeFile::open(path, edges);
    REQUIRE(file);
    CHECK(file->unreadable() == (length == whole.size() - 1 ? 0 : 1));
    edges.add(key(2), seen(2));
    REQUIRE(file->append(edges.take_changed()));
    CHECK(read(path, file->unreadable()).rows() == edges.rows());
}

TEST_CASE("lines of garbage cost themselves alone") {
    const source::TemporaryDirectory directory;
    const std::string path = directory.at("edges");
    const auto good = to_json(key(1), seen(1)).dump();
    std::ofstream(path) << "\x01\x02\n" << good << "\n[]\nnull\n{}\n" << std::string(1 << 20, 'x') << "\n";
    CHECK(read(path, 5).rows().size() == 1);
}

TEST_CASE("rewriting leaves one line for each edge, and what is appended next comes after it") {
    const source::TemporaryDirectory directory;
    const std::string path = directory.at("edges");
    Edges edges;
    auto file = EdgeFile::open(path, edges);
    REQUIRE(file);
    for (int i = 0; i < 2000; ++i) {
        edges.add(key(1), seen(1, kMorning + std::chrono::seconds(i)));
        REQUIRE(file->append(edges.take_changed()));
    }
    CHECK(file->is_mostly_old(edges.rows().size()));
    REQUIRE(file->rewrite(edges.rows()));
    CHECK_FALSE(file->is_mostly_old(edges.rows().size()));
    CHECK(std::ranges::count(text_of(path), '\n') == 1);
    edges.add(key(2), seen(1));
    REQUIRE(file->append(edges.take_changed()));
    CHECK(read(path).rows() == edges.rows());
    CHECK_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_CASE("a file that can't be had is an error with its path") {
    const source::TemporaryDirectory directory;
    directory.write("file", "");
    Edges edges;
    const auto below_a_file = EdgeFile::open(directory.at("file/edges"), edges);
    REQUIRE_FALSE(below_a_file);
    CHECK(below_a_file.error().text.find("file") != std::string::npos);
    const auto directory_itself = EdgeFile::open(directory.path(), edges);
    REQUIRE_FALSE(directory_itself);
    CHECK(directory_itself.error().text.find(directory.path().string()) != std::string::npos);
}

TEST_CASE("a directory that it made, or in which there was nothing, is its owner's alone; another stays as it was") {
    const source::TemporaryDirectory directory;
    const auto mode_of = [](const std::filesystem::path& path) {
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        return status.st_mode & 0777;
    };
    std::filesystem::create_directory(directory.at("empty")); // the kubelet's
    std::filesystem::permissions(directory.at("empty"), std::filesystem::perms(0755));
    std::filesystem::create_directory(directory.at("shared"));
    std::filesystem::permissions(directory.at("shared"), std::filesystem::perms(0755));
    directory.write("shared/others", "");
    for (const char* name : {"made", "empty", "shared"}) {
        Edges edges;
        REQUIRE(EdgeFile::open(directory.at(name) / "edges", edges));
    }
    CHECK(mode_of(directory.at("made")) == 0700);
    CHECK(mode_of(directory.at("empty")) == 0700);
    CHECK(mode_of(directory.at("shared")) == 0755);
}

TEST_CASE("removed, nothing is left of it but what is others'") {
    const source::TemporaryDirectory directory;
    for (const char* name : {"own", "shared"})
        for (const char* file : {"edges", "edges.new"})
            directory.write(std::string(name) + "/" + file, "x");
    directory.write("shared/others", "");
    for (const char* name : {"own", "shared"})
        CHECK(remove_edge_file(directory.at(name) / "edges"));
    CHECK_FALSE(std::filesystem::exists(directory.at("own")));
    CHECK(std::filesystem::exists(directory.at("shared/others")));
    CHECK_FALSE(std::filesystem::exists(directory.at("shared/edges")));
    CHECK_FALSE(std::filesystem::exists(directory.at("shared/edges.new")));
    CHECK(remove_edge_file(directory.at("own/edges"))); // once more is no error
}

} // namespace
} // namespace bulkhead::flow
