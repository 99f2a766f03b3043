// SPDX-License-Identifier: Apache-2.0
//
// Three answers to every question: the oracle's, from the text of the design; bh_judge()'s, over the
// compiled maps; the loaded program's. They agree on verdict and line.
#include <catch2/catch_test_macros.hpp>

#include "bpf/agreement.h"
#include "bpf/stage.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr size_t kClusters = 200;
constexpr size_t kQuestions = 500;

size_t compare(const Stage& stage, const Machine& machine, const Oracle& oracle, const Question& question) {
    const auto expected = oracle.ask(question);
    REQUIRE(expected);
    if (expected->line == "elsewhere") {
        const auto program = stage.by_program(machine, question);
        CHECK(!program);
        return 1;
    }
    CHECK(label(stage.by_rule(question)) == expected->line);
    const auto program = stage.by_program(machine, question);
    if (!program) {
        // A pod towards its own node: judged only where it is confined, else open without a judge.
        CHECK(expected->line == "open");
        return 1;
    }
    if (!stage.desired().armed && expected->verdict == Verdict::kDeny) {
        CHECK(label(program->reason) == "asleep");
    } else {
        CHECK(label(program->reason) == expected->line);
    }
    CHECK(program->action == (expected->verdict == Verdict::kDeny && stage.desired().armed ? 2 : -1));
    return 1;
}

} // namespace

TEST_CASE("oracle, rule and program agree on random clusters, packet by packet", "[random]") {
    Machine machine;
    size_t compared = 0;
    for (uint64_t seed = 1; seed <= kClusters; ++seed) {
        RandomCluster cluster = random_cluster(seed);
        const auto objects = brought_to_today(cluster);
        const Oracle oracle(objects, cluster.settings);
        const auto questions = random_questions(cluster, kQuestions, seed);
        for (const std::string node : {"node-a", "node-b"}) {
            const Stage stage(objects, cluster.settings, node);
            machine.show(stage.desired());
            for (const Question& question : questions) {
                const auto heard = as_heard(stage, question);
                if (!heard) continue;
                INFO("seed " << seed << " on " << node << ": " << words(*heard));
                compared += compare(stage, machine, oracle, *heard);
            }
        }
    }
    WARN(compared << " packets compared");
    CHECK(compared >= kClusters * kQuestions);
}
