// SPDX-License-Identifier: Apache-2.0
//
// What explain says of a conversation, on the node that judges it and on the other one, is what becomes of its first
// packet on the whole of its way. The way is told here anew: explain's own idea of it is a part of what is tested.
#include <catch2/catch_test_macros.hpp>

#include "bpf/agreement.h"
#include "bpf/stage.h"
#include "observe/explain.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr size_t kClusters = 100;
constexpr size_t kQuestions = 120;
constexpr int32_t kDropped = 2;

const char* protocol_name(uint8_t protocol) {
    return protocol == BH_TCP ? "TCP" : protocol == BH_UDP ? "UDP" : protocol == BH_SCTP ? "SCTP" : "ICMP";
}

/// A node: what it makes of a cluster, the programs as they are attached, and as its agent asks them.
class Node {
public:
    explicit Node(std::string name) : name_(std::move(name)) {
        auto silent = machine_.kernel().load_rehearsal();
        REQUIRE(silent);
        silent_ = std::move(*silent);
    }

    void become(const std::vector<state::Object>& objects, const OracleSettings& settings) {
        stage_.emplace(objects, settings, name_);
        machine_.show(stage_->desired());
    }

    observe::Json explain(const Question& question) const {
        const observe::Stage kernel{
            .rehearse =
                [this](datapath::Hook hook, std::span<const std::byte> packet,
                       const datapath::Circumstances& circumstances) {
                    return datapath::rehearse(datapath::program_of(silent_, hook), packet, circumstances);
                },
            .interface_name = [](uint32_t ifindex) { return std::to_string(ifindex); },
            .uplinks = {kUplink},
            .armed = stage_->desired().armed,
        };
        const bool has_port = question.protocol != BH_ICMP;
        const auto answer =
            observe::explain({.src = question.src,
                              .dst = question.dst,
                              .protocol = protocol_name(question.protocol),
                              .port = has_port ? std::optional(question.port) : std::nullopt,
                              .family = question.family},
                             {.cluster = stage_->cluster(), .desired = stage_->desired(), .node_name = name_}, kernel);
        INFO((answer ? "" : answer.error().text));
        REQUIRE(answer);
        return *answer;
    }

    const std::string& name() const { return name_; }
    const Machine& machine() const { return machine_; }
    const Stage& stage() const { return *stage_; }
    bool owns(const Address& address) const { return stage_->cluster().own_addresses().contains(address); }

private:
    std::string name_;
    Machine machine_;
    datapath::Programs silent_;
    std::optional<Stage> stage_;
};

/// What becomes of a packet, and why: of the hook that dropped it, else of the last that judged it.
struct Fate {
    bool passes = true;
    std::optional<bh_reason> reason;

    std::string text() const {
        return (passes ? "passes, " : "is dropped, ") + (reason ? label(*reason) : "judged by nobody");
    }
};

/// One packet from hook to hook, until one drops it.
class Way {
public:
    explicit Way(Bytes packet) : packet_(std::move(packet)) {}

    void through(const Node& node, datapath::Hook hook, const datapath::Circumstances& circumstances) {
        if (!fate_.passes) return;
        const auto& programs = node.machine().kernel().programs();
        const auto& program = hook == datapath::Hook::kFromPod ? programs.from_pod
                              : hook == datapath::Hook::kToPod ? programs.to_pod
                                                               : programs.uplink;
        const auto answer = node.machine().run(program, packet_, circumstances);
        fate_.passes = answer.action != kDropped;
        if (answer.judged || !fate_.passes) fate_.reason = answer.reason;
    }

    const Fate& fate() const { return fate_; }

private:
    Bytes packet_;
    Fate fate_;
};

class TwoNodes {
public:
    void become(const std::vector<state::Object>& objects, const OracleSettings& settings) {
        for (auto& node : nodes_)
            node.become(objects, settings);
    }

    const std::array<Node, 2>& nodes() const { return nodes_; }

    /// From where the source is to where the destination is, or out of the cluster.
    Fate fate_of(const Question& question) const {
        const auto src = nodes_[0].stage().address_of(question.src, question.family);
        const auto dst = nodes_[0].stage().address_of(question.dst, question.family);
        const auto* from = home_of(question.src, src);
        const auto* to = home_of(question.dst, dst);
        Way way(first_packet(src, dst, question.protocol, question.port));
        const bool sent_by_pod = from != nullptr && from->stage().has_pod(question.src);
        const uint32_t veth = sent_by_pod ? from->stage().ifindex(question.src) : 0;
        if (sent_by_pod) way.through(*from, datapath::Hook::kFromPod, {.ifindex = veth, .ingress_ifindex = veth});
        if (sent_by_pod && from != to)
            way.through(*from, datapath::Hook::kUplink, {.ifindex = kUplink, .ingress_ifindex = veth});
        if (to == nullptr || !to->stage().has_pod(question.dst)) return way.fate();
        const bool made_there = from == to && !sent_by_pod;
        way.through(*to, datapath::Hook::kToPod,
                    {.ifindex = to->stage().ifindex(question.dst),
                     .ingress_ifindex = from != to ? kUplink : veth,
                     .local_socket = made_there});
        return way.fate();
    }

private:
    const Node* home_of(const std::string& party, const Address& address) const {
        const auto found = std::ranges::find_if(
            nodes_, [&](const Node& node) { return node.stage().has_pod(party) || node.owns(address); });
        return found == nodes_.end() ? nullptr : &*found;
    }

    std::array<Node, 2> nodes_{Node("node-a"), Node("node-b")};
};

using Answers = std::map<std::string, observe::Json>; // by node

bool is_definite(const observe::Json& answer) {
    return answer.at("verdict") != "judged elsewhere";
}

/// What is wrong with the answers; empty = nothing. One node at least knows why, and whoever doesn't know names one
/// that does.
std::string complaint(const Answers& answers, const Fate& fate) {
    bool reason_is_told = false;
    for (const auto& [node, answer] : answers) {
        if (!is_definite(answer)) {
            const std::string judge = answer.at("judge").at("node");
            if (judge == node || !answers.contains(judge) || !is_definite(answers.at(judge)))
                return node + " sends whoever asks to " + judge;
            continue;
        }
        if ((answer.at("verdict") != "deny") != fate.passes) return node + " says otherwise";
        reason_is_told |= fate.reason ? answer.value("reason", "") == label(*fate.reason) : !answer.contains("reason");
    }
    return reason_is_told ? "" : "nobody says why";
}

void compare(const TwoNodes& nodes, const Question& question, std::map<std::string, size_t>& seen) {
    const Fate fate = nodes.fate_of(question);
    Answers answers;
    for (const Node& node : nodes.nodes())
        answers.emplace(node.name(), node.explain(question));
    ++seen[fate.reason ? label(*fate.reason) : "nobody"];
    const auto wrong = complaint(answers, fate);
    if (wrong.empty()) return;
    for (const auto& [node, answer] : answers)
        UNSCOPED_INFO("on " << node << ": " << answer.dump(1));
    FAIL_CHECK(words(question) << " " << fate.text() << ": " << wrong);
}

} // namespace

TEST_CASE("explain says of random clusters, on either node, what becomes of the packet on its whole way", "[random]") {
    TwoNodes nodes;
    std::map<std::string, size_t> seen; // by reason
    size_t compared = 0;
    for (uint64_t seed = 1; seed <= kClusters; ++seed) {
        RandomCluster cluster = random_cluster(seed);
        const auto objects = brought_to_today(cluster);
        nodes.become(objects, cluster.settings);
        for (const Question& question : random_questions(cluster, kQuestions, seed)) {
            if (!question.made_by_dst_node) continue; // an address that isn't the sender's own: nobody asks for that
            INFO("seed " << seed);
            compare(nodes, question, seen);
            ++compared;
        }
    }
    std::string all;
    for (const auto& [reason, count] : seen)
        all += " " + reason + " " + std::to_string(count);
    WARN(compared << " conversations explained:" << all);
    for (const char* reason : {"self", "confined", "open", "same-tenant", "local-host", "exposed", "trusted", "granted",
                               "not-granted", "audit", "confined-audit", "held", "nobody"})
        CHECK(seen[reason] >= 10);
}
