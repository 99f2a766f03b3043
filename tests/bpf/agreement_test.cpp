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

bool is_outside(const state::Peer& peer) {
    return std::holds_alternative<state::CidrPeer>(peer) || std::holds_alternative<state::WorldPeer>(peer);
}

/// An empty `from` would be invalid.
void leave_out_outside(std::vector<state::Grant>& grants) {
    for (auto& grant : grants)
        std::erase_if(grant.from, is_outside);
    std::erase_if(grants, [](const auto& grant) { return grant.from.empty(); });
}

/// Without what makes all pods count everywhere.
std::vector<state::Object> without_cidrs(std::vector<state::Object> objects) {
    for (auto& object : objects) {
        if (auto* resource = std::get_if<state::AwsResource>(&object)) leave_out_outside(resource->allow_from);
        auto* tenant = std::get_if<state::Tenant>(&object);
        if (tenant == nullptr) continue;
        leave_out_outside(tenant->allow_from);
        for (auto& allowed : tenant->allow_to)
            std::erase_if(allowed.to, is_outside);
        std::erase_if(tenant->allow_to, [](const auto& allowed) { return allowed.to.empty(); });
    }
    std::erase_if(objects, [](const auto& object) {
        if (const auto* resource = std::get_if<state::AwsResource>(&object))
            return !std::ranges::all_of(resource->cidrs, &Cidr::is_single);
        const auto* grant = std::get_if<state::AccessGrant>(&object);
        return grant != nullptr && std::ranges::any_of(grant->grant.from, is_outside);
    });
    return objects;
}

bool has_slice(const state::Pod& pod) {
    return !pod.finished && !pod.common->host_network;
}

/// Of other nodes' pods only those that `stage`'s node needs to hear of. Returns how many it doesn't.
size_t narrow(Stage& stage, const std::vector<state::Object>& objects, const Oracle& oracle, const std::string& node) {
    const auto interest = stage.interest();
    if (!interest.in_all.empty()) return 0;
    size_t dropped = 0;
    for (const auto& object : objects) {
        const auto* pod = std::get_if<state::Pod>(&object);
        if (pod == nullptr || pod->node == node || !has_slice(*pod)) continue;
        if (interest.tenants.contains(oracle.tenant_of_namespace(pod->ns))) continue;
        stage.remove(key_of(object));
        ++dropped;
    }
    return dropped;
}

} // namespace

TEST_CASE("with --slice-scope relevant a node's verdicts are those of one that knows all pods") {
    size_t compared = 0;
    size_t dropped = 0;
    for (uint64_t seed = 1; seed <= 2 * kClusters; ++seed) {
        RandomCluster cluster = random_cluster(seed);
        if (seed % 2 == 0) cluster.objects = without_cidrs(std::move(cluster.objects));
        const Oracle oracle(cluster.objects, cluster.settings);
        const auto questions = random_questions(cluster, kQuestions, seed);
        for (const std::string node : {"node-a", "node-b"}) {
            Stage stage(cluster.objects, cluster.settings, node);
            const auto unheard = narrow(stage, cluster.objects, oracle, node);
            if (unheard == 0) continue;
            dropped += unheard;
            for (const Question& question : questions) {
                const auto heard = as_heard(stage, question);
                if (!heard) continue;
                const auto expected = oracle.ask(*heard);
                REQUIRE(expected);
                INFO("seed " << seed << " on " << node << ": " << words(*heard));
                const auto line = label(stage.by_rule(*heard));
                CHECK((expected->line == "elsewhere" ? line != "confined" : line == expected->line));
                ++compared;
            }
        }
    }
    WARN(compared << " questions compared, " << dropped << " pods not heard of");
    CHECK(compared >= kClusters * kQuestions / 2);
    CHECK(dropped >= kClusters);
}

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
