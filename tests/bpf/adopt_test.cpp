// SPDX-License-Identifier: Apache-2.0
//
// Conversations that the programs did not see begin, told by the agent: what they answer passes from then on.
#include <arpa/inet.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "bpf/flow_table.h"
#include "bpf/small_cluster.h"
#include "datapath/adopt.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr uint16_t kHere = 42000; // a client's port

Address address_of(const std::string& text) {
    return *Address::parse(text);
}

/// Between a pod of this node and `peer`: who spoke first, and from and to which port.
struct Told {
    const char* pod;
    std::string src, dst;
    bool from_pod;
    uint8_t protocol = BH_UDP;
    uint16_t from = kHere, to = 53;
    uint8_t state = BH_FLOW_ANSWERED;
};

bool adopt(const Machine& machine, const Wire& wire, const Told& told) {
    const auto src = address_of(told.src), dst = address_of(told.dst);
    const auto adopted =
        datapath::adopt(machine.kernel().programs(), {.src = src.raw(),
                                                      .dst = dst.raw(),
                                                      .slot = wire.stage.ifindex(told.pod) - 100,
                                                      .src_port = htons(told.from),
                                                      .dst_port = htons(told.to),
                                                      .family = src.family,
                                                      .protocol = told.protocol,
                                                      .from_pod = static_cast<uint8_t>(told.from_pod ? 1 : 0),
                                                      .state = told.state});
    REQUIRE(adopted);
    return *adopted;
}

struct Scene {
    Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Machine& machine = shared_machine();
    Wire wire{machine};
    std::string ledger = ip.at(wire.stage, kLedger), far = ip.at(wire.stage, kFar);

    Bytes answer(uint16_t from = 53, uint16_t to = kHere) const {
        return packet().eth().ip(far, ledger).udp(from, to).bytes();
    }
};

} // namespace

TEST_CASE("of a conversation that a Protected pod began before us the answers pass, and only they") {
    const Scene s;
    REQUIRE(s.wire.to(kLedger, s.answer()).action == kDropped);
    CHECK(adopt(s.machine, s.wire, {.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true}));
    CHECK(s.wire.to(kLedger, s.answer()).reason == BH_REASON_REPLY);
    CHECK(s.wire.to(kLedger, s.answer(54)).action == kDropped);
    CHECK(s.wire.to(kLedger, s.answer(53, kHere + 1)).action == kDropped);
    CHECK(s.wire.to(kLedger, packet().eth().ip(s.far, s.ledger).tcp(53, kHere, kAck).bytes()).action == kDropped);
    CHECK(s.wire.to(kLedger, packet().eth().ip(s.ip.stranger(), s.ledger).udp(53, kHere).bytes()).action == kDropped);
}

TEST_CASE("an adopted TCP connection needs no socket, and an adopted echo is answered by its identifier") {
    const Scene s;
    CHECK(adopt(s.machine, s.wire,
                {.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true, .protocol = BH_TCP, .to = 80}));
    CHECK(s.wire.to(kLedger, packet().eth().ip(s.far, s.ledger).tcp(80, kHere, kAck).bytes()).reason ==
          BH_REASON_REPLY);
    CHECK(s.wire.to(kLedger, packet().eth().ip(s.far, s.ledger).tcp(80, kHere, kSyn).bytes()).action == kDropped);

    const uint8_t icmp = s.ip.family == BH_IPV4 ? BH_ICMP : BH_ICMPV6;
    CHECK(adopt(s.machine, s.wire,
                {.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true, .protocol = icmp, .to = kHere}));
    CHECK(s.wire.to(kLedger, packet().eth().ip(s.far, s.ledger).echo_reply(kHere).bytes()).reason == BH_REASON_REPLY);
    CHECK(s.wire.to(kLedger, packet().eth().ip(s.far, s.ledger).echo_reply(kHere + 1).bytes()).action == kDropped);
}

TEST_CASE("a stranger's conversation that is adopted is a stranger's, whatever the pod says in it") {
    const Scene s;
    CHECK(adopt(s.machine, s.wire, {.pod = kLedger, .src = s.far, .dst = s.ledger, .from_pod = false}));
    const auto question = packet().eth().ip(s.far, s.ledger).udp(kHere, 53).bytes();
    CHECK(s.wire.to(kLedger, question).action == kDropped);
    CHECK(s.wire.sent_by(kLedger, packet().eth().ip(s.ledger, s.far).udp(53, kHere).bytes()).action == kPasses);
    CHECK(s.wire.to(kLedger, question).action == kDropped);
}

TEST_CASE("what a pod was asked before us through an open port it goes on answering to who is Protected") {
    const Scene s;
    const auto gate = s.ip.at(s.wire.stage, kGate);
    const auto answer = packet().eth().ip(s.ledger, gate).udp(5300, kHere).bytes(); // which ledger exposes
    CHECK(s.wire.to(kGate, answer, kLedger).action == kDropped);
    CHECK(adopt(s.machine, s.wire, {.pod = kGate, .src = gate, .dst = s.ledger, .from_pod = true, .to = 5300}));
    CHECK(s.wire.to(kGate, answer, kLedger).reason == BH_REASON_REPLY);
}

TEST_CASE("of datagrams connection tracking knows better who began than the first that was seen; of a SYN it doesn't") {
    Scene s;
    // The far side pushes: open to the pod as long as nothing is protected.
    s.wire.stage.put(audited_namespace("payments"));
    s.wire.show();
    CHECK(s.wire.to(kLedger, s.answer()).action == kPasses);
    s.wire.stage.become(small_cluster());
    s.wire.show();
    REQUIRE(s.wire.to(kLedger, s.answer()).action == kDropped);
    CHECK(adopt(s.machine, s.wire, {.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true}));
    CHECK(s.wire.to(kLedger, s.answer()).reason == BH_REASON_REPLY);

    const auto syn = packet().eth().ip(s.ledger, s.far).tcp(kHere, 80, kSyn).bytes();
    REQUIRE(s.wire.sent_by(kLedger, syn).action == kPasses);
    CHECK_FALSE(adopt(s.machine, s.wire,
                      {.pod = kLedger,
                       .src = s.far,
                       .dst = s.ledger,
                       .from_pod = false,
                       .protocol = BH_TCP,
                       .from = 80,
                       .to = kHere}));
}

TEST_CASE("who says the same again changes nothing, and a pod without a memory adopts nothing") {
    const Scene s;
    const Told told{.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true};
    CHECK(adopt(s.machine, s.wire, told));
    const auto written = s.wire.statistic(BH_STAT_FLOWS_WRITTEN);
    CHECK(adopt(s.machine, s.wire, told));
    CHECK(s.wire.statistic(BH_STAT_FLOWS_WRITTEN) == written);
    const auto none = datapath::adopt(s.machine.kernel().programs(), {.slot = 4000, .family = BH_IPV4});
    REQUIRE(none);
    CHECK_FALSE(*none);
}

TEST_CASE("an adopted conversation lasts as long as any other of its kind: answered, unanswered, ended") {
    const Scene s;
    const auto [state, seconds] = GENERATE(std::pair(uint8_t{BH_FLOW_ANSWERED}, 120), std::pair(uint8_t{0}, 30));
    CHECK(adopt(s.machine, s.wire, {.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true, .state = state}));
    age(s.machine, s.wire, kLedger, seconds + 2);
    CHECK(s.wire.to(kLedger, s.answer()).action == kDropped);
    CHECK(adopt(s.machine, s.wire, {.pod = kLedger, .src = s.ledger, .dst = s.far, .from_pod = true, .state = state}));
    age(s.machine, s.wire, kLedger, seconds - 5);
    CHECK(s.wire.to(kLedger, s.answer()).reason == BH_REASON_REPLY);
}
