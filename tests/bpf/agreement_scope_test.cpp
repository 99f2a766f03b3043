// SPDX-License-Identifier: Apache-2.0
//
// A node that isn't told of all pods (--slice-scope relevant): its verdicts are the oracle's, who knows all. Where it
// has to know all and doesn't yet, they are those of a cluster in which CIDRs, networks and the world are named for
// nothing.
#include <catch2/catch_test_macros.hpp>

#include "bpf/agreement.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr size_t kClusters = 200;
constexpr size_t kQuestions = 500;

bool is_outside(const state::Peer& peer) {
    return std::holds_alternative<state::CidrPeer>(peer) || std::holds_alternative<state::WorldPeer>(peer);
}

/// An empty `from` would be invalid.
void leave_out_outside(std::vector<state::Grant>& grants) {
    for (auto& grant : grants)
        std::erase_if(grant.from, is_outside);
    std::erase_if(grants, [](const auto& grant) { return grant.from.empty(); });
}

/// Without peers that are CIDRs or the world.
std::vector<state::Object> without_outside(std::vector<state::Object> objects) {
    for (auto& object : objects) {
        if (auto* grant = std::get_if<state::AccessGrant>(&object)) std::erase_if(grant->grant.from, is_outside);
        if (auto* resource = std::get_if<state::AwsResource>(&object)) leave_out_outside(resource->allow_from);
        auto* tenant = std::get_if<state::Tenant>(&object);
        if (tenant == nullptr) continue;
        leave_out_outside(tenant->allow_from);
        for (auto& allowed : tenant->allow_to)
            std::erase_if(allowed.to, is_outside);
        std::erase_if(tenant->allow_to, [](const auto& allowed) { return allowed.to.empty(); });
    }
    std::erase_if(objects, [](const auto& object) {
        const auto* grant = std::get_if<state::AccessGrant>(&object);
        return grant != nullptr && grant->grant.from.empty();
    });
    return objects;
}

/// Of AWSResources only single addresses.
std::vector<state::Object> without_networks(std::vector<state::Object> objects) {
    for (auto& object : objects)
        if (auto* resource = std::get_if<state::AwsResource>(&object))
            std::erase_if(resource->cidrs, [](const Cidr& cidr) { return !cidr.is_single(); });
    return objects;
}

bool has_slice(const state::Pod& pod) {
    return !pod.finished && !pod.common->host_network;
}

/// Of other nodes' pods only those that `stage`'s node needs to hear of. Returns those that it doesn't.
std::vector<state::Object> narrow(Stage& stage, const std::vector<state::Object>& objects, const Oracle& oracle,
                                  const std::string& node) {
    const auto interest = stage.interest();
    std::vector<state::Object> unheard;
    for (const auto& object : objects) {
        const auto* pod = std::get_if<state::Pod>(&object);
        if (pod == nullptr || pod->node == node || !has_slice(*pod)) continue;
        if (interest.tenants.contains(oracle.tenant_of_namespace(pod->ns))) continue;
        stage.remove(key_of(object));
        unheard.push_back(object);
    }
    return unheard;
}

bool agrees(const std::string& line, std::string_view expected) {
    return expected == "elsewhere" ? line != "confined" : line == expected;
}

/// Returns how many of the questions `stage` judges.
size_t compare(const Stage& stage, const std::vector<Question>& questions, const auto& agree) {
    size_t compared = 0;
    for (const Question& question : questions) {
        const auto heard = as_heard(stage, question);
        if (!heard) continue;
        const auto line = label(stage.by_rule(*heard));
        INFO(words(*heard) << ": " << line);
        CHECK(agree(*heard, line));
        ++compared;
    }
    return compared;
}

auto as_says(const Oracle& oracle) {
    return [&oracle](const Question& question, const std::string& line) {
        const auto answer = oracle.ask(question);
        return answer && agrees(line, answer->line);
    };
}

/// What holds on a node before all pods are known.
class Reserve {
public:
    Reserve(const RandomCluster& cluster, const Stage& stage)
        : inside_(without_networks(without_outside(cluster.objects)), cluster.settings),
          networks_(without_outside(cluster.objects), cluster.settings), stage_(stage) {
        for (const auto& object : cluster.objects)
            if (const auto* resource = std::get_if<state::AwsResource>(&object))
                for (const auto& cidr : resource->cidrs)
                    (cidr.is_single() ? singles_ : cidrs_).push_back(cidr);
    }

    void forget(const state::Object& pod) { unheard_.insert(key_of(pod).ns + "/" + key_of(pod).name); }

    /// A network protects, though it makes nobody anything. Its own tenant gets to it as one that is granted this,
    /// unless it is confined. A pod that isn't heard of is refused in it like the resource.
    bool operator()(const Question& question, const std::string& line) const {
        const auto* dst_network = network_of(question.dst, question.family);
        const bool is_external = Address::parse(question.dst).has_value();
        const bool by_networks = (is_external && dst_network) || is_single(question.src) || is_single(question.dst);
        const auto answer = (by_networks ? networks_ : inside_).ask(question);
        if (!answer) return false;
        if (is_external && dst_network && !is_single(question.dst)) {
            if (line.starts_with("confined")) return answer->line != "elsewhere";
            if (answer->line == "same-tenant") return line == "granted";
        }
        if (unheard_.contains(question.dst) && dst_network && answer->line == "confined-audit")
            return line == "confined-audit" || line == "not-granted" || line == "audit";
        return agrees(line, answer->line);
    }

private:
    const Cidr* network_of(const std::string& party, uint8_t family) const {
        const auto address = stage_.address_of(party, family);
        const auto found = std::ranges::find_if(cidrs_, [&](const Cidr& cidr) { return cidr.contains(address); });
        return found == cidrs_.end() ? nullptr : &*found;
    }

    bool is_single(const std::string& party) const {
        const auto address = Address::parse(party);
        if (!address) return false;
        return party == "169.254.169.254" || party == "fd00:ec2::254" ||
               std::ranges::any_of(singles_, [&](const Cidr& cidr) { return cidr.address == *address; });
    }

    Oracle inside_;
    Oracle networks_;
    const Stage& stage_;
    std::vector<Cidr> cidrs_, singles_;
    std::set<std::string> unheard_;
};

} // namespace

TEST_CASE("with --slice-scope relevant a node's verdicts are those of one that knows all pods", "[random]") {
    size_t compared = 0;
    size_t dropped = 0;
    for (uint64_t seed = 1; seed <= 2 * kClusters; ++seed) {
        RandomCluster cluster = random_cluster(seed);
        if (seed % 2 == 0) cluster.objects = without_networks(without_outside(std::move(cluster.objects)));
        const Oracle oracle(cluster.objects, cluster.settings);
        const auto questions = random_questions(cluster, kQuestions, seed);
        for (const std::string node : {"node-a", "node-b"}) {
            INFO("seed " << seed << " on " << node);
            Stage stage(cluster.objects, cluster.settings, node);
            if (!stage.interest().in_all.empty()) continue;
            stage.set_all_pods_known(false);
            const auto unheard = narrow(stage, cluster.objects, oracle, node);
            if (unheard.empty()) continue;
            dropped += unheard.size();
            compared += compare(stage, questions, as_says(oracle));
        }
    }
    WARN(compared << " questions compared, " << dropped << " pods not heard of");
    CHECK(compared >= kClusters * kQuestions / 4);
    CHECK(dropped >= kClusters);
}

TEST_CASE("before all pods are known nobody is anybody for being in a network or the world, and then it is as ever",
          "[random]") {
    size_t compared = 0;
    size_t dropped = 0;
    for (uint64_t seed = 1; seed <= kClusters; ++seed) {
        const RandomCluster cluster = random_cluster(seed);
        const Oracle oracle(cluster.objects, cluster.settings);
        const auto questions = random_questions(cluster, kQuestions, seed);
        for (const std::string node : {"node-a", "node-b"}) {
            INFO("seed " << seed << " on " << node);
            Stage stage(cluster.objects, cluster.settings, node);
            if (stage.interest().in_all.empty()) continue;
            Reserve reserve(cluster, stage);
            stage.set_all_pods_known(false);
            const auto unheard = narrow(stage, cluster.objects, oracle, node);
            for (const auto& pod : unheard)
                reserve.forget(pod);
            compared += compare(stage, questions, reserve);
            for (const auto& pod : unheard)
                stage.put(pod);
            stage.set_all_pods_known(true);
            compared += compare(stage, questions, as_says(oracle));
            dropped += unheard.size();
        }
    }
    WARN(compared << " questions compared, " << dropped << " pods not heard of");
    CHECK(compared >= kClusters * kQuestions);
    CHECK(dropped >= kClusters);
}
