// SPDX-License-Identifier: Apache-2.0
//
// A pod asks somebody on another node, of whose pods its own node knows what their slices tell. The answer gets in if
// the oracle allows the question, or the answer itself as something new; without a question only as something new.
#include <catch2/catch_test_macros.hpp>

#include "bpf/agreement.h"
#include "bpf/stage.h"
#include "compile/label_keys.h"
#include "publish/slices.h"
#include "source/decode.h"
#include "source/reader.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr size_t kClusters = 100;
constexpr size_t kQuestions = 500;

state::Object decoded(std::string text) {
    state::Pool pool;
    std::optional<state::Object> object;
    text.reserve(text.size() + source::kJsonPadding);
    REQUIRE(source::read_json(
        text, [&](const source::Value& document) { object = source::decode(document, "server", pool).object; }));
    REQUIRE(object);
    return std::move(*object);
}

/// Instead of the Pod objects of the other node, of which none but itself hears, what it tells of its pods.
void hear_slices(Stage& stage, const std::vector<state::Object>& objects, const Stage& other) {
    for (const auto& object : objects)
        if (const auto* pod = std::get_if<state::Pod>(&object); pod && pod->node == other.node())
            stage.remove(key_of(object));
    const auto& cluster = other.cluster();
    for (const auto& [name, text] :
         publish::slices_of(cluster, other.desired(), other.node(), compile::label_keys(cluster)))
        stage.put(decoded(text));
}

struct Conversation {
    Bytes question, answer;
};

Conversation conversation(const Address& client, const Address& server, uint8_t protocol, uint16_t from, uint16_t to) {
    const std::string here = client.text(), there = server.text();
    const auto out = packet().eth().ip(here, there), back = packet().eth().ip(there, here);
    switch (protocol) {
    case BH_TCP:
        return {Packet(out).tcp(from, to, kSyn).bytes(), Packet(back).tcp(to, from, kSyn | kAck).bytes()};
    case BH_UDP:
        return {Packet(out).udp(from, to).payload(8).bytes(), Packet(back).udp(to, from).payload(8).bytes()};
    case BH_SCTP:
        return {Packet(out).sctp(from, to).bytes(), Packet(back).sctp(to, from, kSctpInitAck).bytes()};
    default:
        return {Packet(out).echo_request(from).bytes(), Packet(back).echo_reply(from).bytes()};
    }
}

/// What is asked of another node, or of something outside. Slices don't tell of a namespace that nobody knows.
bool is_asked_elsewhere(const Stage& stage, const Question& question) {
    return stage.has_pod(question.src) && !stage.is_here(question.dst, question.family) &&
           !question.dst.starts_with("unborn/");
}

struct Counts {
    size_t let_in = 0;
    size_t only_answers = 0; // of these: as something new they would have been refused
    size_t refused = 0;
};

uint16_t next_port() {
    static uint16_t port = 0;
    return port = port == 60000 ? uint16_t{20000} : std::max<uint16_t>(port + 1, 20000);
}

/// The question leaves its pod, whatever becomes of it; then its answer comes, and one to what was not asked.
void compare(const Stage& stage, const Machine& machine, const Oracle& oracle, const Question& question,
             Counts& counts) {
    const auto from = next_port();
    Question back = question;
    std::swap(back.src, back.dst);
    back.port = from;
    back.side = Side::kDestination;
    const auto asks = oracle.ask(question), answers = oracle.ask(back);
    REQUIRE(asks);
    REQUIRE(answers);

    const auto client = stage.address_of(question.src, question.family);
    const auto server = stage.address_of(question.dst, question.family);
    const auto asked = conversation(client, server, question.protocol, from, question.port);
    const auto unasked = conversation(client, server, question.protocol, next_port(), question.port);
    const auto& programs = machine.kernel().programs();
    const auto ifindex = stage.ifindex(question.src);
    const auto gets_in = [&](const Bytes& packet) {
        return machine.run(programs.to_pod, packet, {.ifindex = ifindex, .ingress_ifindex = kUplink}).action != 2;
    };
    machine.run(programs.from_pod, asked.question, {.ifindex = ifindex});
    const bool passed = gets_in(asked.answer);
    const bool is_new = answers->verdict != Verdict::kDeny;
    CHECK(passed == (is_new || asks->verdict != Verdict::kDeny));
    CHECK(gets_in(unasked.answer) == is_new);
    ++(passed ? counts.let_in : counts.refused);
    counts.only_answers += passed && !is_new;
}

} // namespace

TEST_CASE("a pod gets the answers to what it may ask on another node, and no others", "[random]") {
    Machine machine;
    std::map<uint8_t, Counts> counts; // by protocol
    for (uint64_t seed = 1; seed <= kClusters; ++seed) {
        RandomCluster cluster = random_cluster(seed);
        const auto objects = brought_to_today(cluster);
        const Oracle oracle(objects, cluster.settings);
        const auto questions = random_questions(cluster, kQuestions, seed);
        for (const std::string node : {"node-a", "node-b"}) {
            Stage stage(objects, cluster.settings, node);
            hear_slices(stage, objects, Stage(objects, cluster.settings, node == "node-a" ? "node-b" : "node-a"));
            if (!stage.desired().armed) continue;
            machine.show(stage.desired());
            for (const Question& question : questions) {
                INFO("seed " << seed << " on " << node << ": " << words(question));
                if (is_asked_elsewhere(stage, question))
                    compare(stage, machine, oracle, question, counts[question.protocol]);
            }
        }
    }
    for (const uint8_t protocol : {BH_TCP, BH_UDP, BH_SCTP, BH_ICMP}) {
        const auto& [let_in, only_answers, refused] = counts[protocol];
        WARN("protocol " << +protocol << ": " << let_in << " answers let in, " << only_answers
                         << " of them as nothing else, " << refused << " refused");
        CHECK(only_answers >= kClusters);
        CHECK(refused >= kClusters / 2);
    }
}
