// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "source/dir_source.h"
#include "source_fixture.h"

namespace bulkhead::source {
namespace {

const std::string kTenant = "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: a}\n";

TEST_CASE("files and directories are read once") {
    TemporaryDirectory directory;
    directory.write("one/a.yaml", kTenant);
    directory.write("one/bad.yaml",
                    "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: b}\nspec: {x: 1}\n");
    directory.write("two.yaml", kTenant);
    std::vector<state::Problem> problems;
    const auto objects =
        read_all({directory.at("one").string(), directory.at("two.yaml").string(), "/no/such.yaml"}, problems);
    CHECK(objects.size() == 1);
    INFO(all_of(problems));
    CHECK(problems.size() == 3);
    CHECK(has_problem(problems, directory.at("one/bad.yaml").string() + ":4 Tenant b spec.x: is an unknown field"));
    CHECK(has_problem(problems, directory.at("two.yaml").string() + ":1 Tenant a: is also in " +
                                    directory.at("one/a.yaml").string()));
    CHECK(has_problem(problems, "/no/such.yaml: cannot be opened: No such file or directory"));
}

/// As `kubectl get pods -A -o json` writes it: items before the kind.
std::string pod_list(int first, int count) {
    std::string text = R"({"apiVersion":"v1","items":[)";
    for (int i = first; i < first + count; ++i) {
        const auto workload = std::to_string(i / 20);
        if (i != first) text += ",";
        text += R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-)" + std::to_string(i) +
                R"(","namespace":"ns-)" + workload + R"(","labels":{"app":"app-)" + workload +
                R"("}},"spec":{"nodeName":"node-)" + std::to_string(i % 50) + R"("},"status":{"podIP":"10.)" +
                std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
                R"("}})";
    }
    return text + R"(],"kind":"List"})";
}

TEST_CASE("many pods are all read, and those of a workload share what they have in common") {
    constexpr int kFiles = 4, kPerFile = 5000;
    TemporaryDirectory directory;
    for (int i = 0; i < kFiles; ++i)
        directory.write("pods-" + std::to_string(i) + ".json", pod_list(i * kPerFile, kPerFile));
    auto source = *DirSource::create(directory.path().string());
    state::Cluster cluster;
    source.update(cluster);
    CHECK(source.problems().empty());
    REQUIRE(cluster.pods().size() == kFiles * kPerFile);
    const auto& first = cluster.pods().at("ns-7/web-140");
    const auto& other = cluster.pods().at("ns-7/web-159");
    CHECK(first.common == other.common);
    CHECK(first.node == "node-40");
    CHECK(other.ips.at(0).text() == "10.0.0.159");

    directory.replace("pods-3.json", pod_list(3 * kPerFile, kPerFile - 1));
    cluster.take_changes();
    source.update(cluster);
    CHECK(cluster.take_changes().pods == std::set<state::PodKey>{"ns-999/web-19999"});
}

} // namespace
} // namespace bulkhead::source
