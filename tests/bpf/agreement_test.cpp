// SPDX-License-Identifier: Apache-2.0
//
// Three answers to every question: the oracle's, from the text of the design; bh_judge()'s, over the
// compiled maps; the loaded program's. They agree on verdict and line.
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "bpf/stage.h"
#include "bulkhead/reasons.h"
#include "support/random_cluster.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr size_t kClusters = 200;
constexpr size_t kQuestions = 500;

std::string label(bh_reason reason) {
    static const char* const kLabels[] = {
#define X(name, label, verdict, text) label,
        BH_REASONS(X)
#undef X
    };
    return kLabels[reason];
}

std::string words(const Question& question) {
    return question.src + " -> " + question.dst + " protocol " + std::to_string(question.protocol) + " port " +
           std::to_string(question.port) + " family " + std::to_string(question.family);
}

/// The questions that `node` judges, put as it hears them.
std::optional<Question> as_heard(const Stage& stage, Question question) {
    if (stage.has_pod(question.dst)) {
        question.side = stage.has_pod(question.src) ? Side::kBoth : Side::kDestination;
        return question;
    }
    if (!stage.has_pod(question.src)) return std::nullopt;
    question.side = Side::kSource;
    return question;
}

/// Dates as the kernel's clock sees them: the cluster's "now" becomes ours.
std::vector<state::Object> brought_to_today(RandomCluster& cluster) {
    const auto today = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto shift = today - cluster.now;
    const auto move = [&](state::Grant& grant) {
        if (grant.until) *grant.until += shift;
    };
    for (auto& object : cluster.objects) {
        if (auto* grant = std::get_if<state::AccessGrant>(&object)) move(grant->grant);
        if (auto* tenant = std::get_if<state::Tenant>(&object))
            for (auto& one : tenant->allow_from)
                move(one);
        if (auto* resource = std::get_if<state::AwsResource>(&object))
            for (auto& one : resource->allow_from)
                move(one);
    }
    cluster.now = today;
    return cluster.objects;
}

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

TEST_CASE("oracle, rule and program agree on random clusters, packet by packet") {
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
