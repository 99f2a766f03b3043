// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "support/random_cluster.h"

using namespace bulkhead;
using namespace bulkhead::test;

TEST_CASE("random questions over random clusters reach every line of the rule often") {
    constexpr size_t kClusters = 200;
    constexpr size_t kQuestions = 500;
    std::map<std::string, size_t> reached;
    for (uint64_t seed = 1; seed <= kClusters; ++seed) {
        const RandomCluster cluster = random_cluster(seed);
        const Oracle oracle(cluster.objects, cluster.settings);
        for (const Question& question : random_questions(cluster, kQuestions, seed)) {
            const auto answer = oracle.ask(question);
            INFO("seed " << seed << ": " << question.src << " -> " << question.dst);
            REQUIRE(answer);
            ++reached[std::string(answer->line)];
        }
    }
    for (const char* line : {"self", "confined", "open", "same-tenant", "local-host", "exposed", "trusted", "granted",
                             "not-granted", "audit", "confined-audit", "held"}) {
        INFO(line << ": " << reached[line] << " of " << kClusters * kQuestions);
        CHECK(reached[line] * 200 >= kClusters * kQuestions);
    }
}

TEST_CASE("a seed names a random cluster for good") {
    CHECK(random_cluster(7).objects == random_cluster(7).objects);
    CHECK(random_cluster(7).objects != random_cluster(8).objects);
}

TEST_CASE("random questions always have a pod where a hook judges them") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        const RandomCluster cluster = random_cluster(seed);
        std::map<std::string, bool> pods; // own addresses?
        for (const state::Object& object : cluster.objects) {
            if (const auto* pod = std::get_if<state::Pod>(&object)) {
                pods[pod->ns + "/" + pod->name] = !pod->finished && !pod->common->host_network;
            }
        }
        for (const Question& question : random_questions(cluster, 200, seed)) {
            INFO("seed " << seed << ": " << question.src << " -> " << question.dst);
            CHECK((pods[question.src] || pods[question.dst]));
        }
    }
}
