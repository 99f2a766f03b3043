// SPDX-License-Identifier: Apache-2.0
//
// Who spoke first: answers come back, nobody gets in on them, and what changes acts on the next packet.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "bpf/flow_table.h"
#include "bpf/small_cluster.h"

using namespace bulkhead;
using namespace bulkhead::test;
using datapath::Rehearsal;

namespace {

constexpr uint16_t kHere = 41000; // the client's port
constexpr unsigned kLate = 2048;  // so many conversations push out the one before them

/// One packet of a conversation that has no handshake.
Bytes datagram(uint8_t protocol, const std::string& src, const std::string& dst, uint16_t from, uint16_t to) {
    auto out = packet().eth().ip(src, dst);
    return protocol == BH_UDP ? out.udp(from, to).payload(12).bytes() : out.sctp(from, to, kSctpData).bytes();
}

} // namespace

TEST_CASE("the answer to a Protected pod's TCP connection passes, and only that") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto ledger = ip.at(wire.stage, kLedger), far = ip.at(wire.stage, kFar), other = ip.stranger();
    const auto answer = packet().eth().ip(far, ledger).tcp(80, kHere, kSyn | kAck).bytes();

    CHECK(wire.to(kLedger, answer).action == kDropped); // nobody asked
    CHECK(wire.sent_by(kLedger, packet().eth().ip(ledger, far).tcp(kHere, 80, kSyn).bytes()).action == kPasses);

    const Rehearsal reply = wire.to(kLedger, answer);
    CHECK(reply.action == kPasses);
    CHECK(reply.reason == BH_REASON_REPLY);
    CHECK(reply.original == BH_REASON_OPEN);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).tcp(80, kHere, kAck).payload(900).bytes()).action == kPasses);

    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).tcp(80, kHere, kSyn).bytes()).action == kDropped);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).tcp(81, kHere, kAck).bytes()).action == kDropped);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).tcp(80, kHere + 1, kAck).bytes()).action == kDropped);
    CHECK(wire.to(kLedger, packet().eth().ip(other, ledger).tcp(80, kHere, kAck).bytes()).action == kDropped);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).udp(80, kHere).bytes()).action == kDropped);
}

TEST_CASE("the answer to a Protected pod's datagram passes, and only that") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const uint8_t protocol = GENERATE(uint8_t{BH_UDP}, uint8_t{BH_SCTP});
    Wire wire(shared_machine());
    const auto ledger = ip.at(wire.stage, kLedger), far = ip.at(wire.stage, kFar), other = ip.stranger();
    const auto answer = datagram(protocol, far, ledger, 53, kHere);

    CHECK(wire.to(kLedger, answer).action == kDropped);
    CHECK(wire.sent_by(kLedger, datagram(protocol, ledger, far, kHere, 53)).action == kPasses);
    CHECK(wire.to(kLedger, answer).reason == BH_REASON_REPLY);
    CHECK(wire.to(kLedger, answer).action == kPasses); // and again

    CHECK(wire.to(kLedger, datagram(protocol, far, ledger, 54, kHere)).action == kDropped);
    CHECK(wire.to(kLedger, datagram(protocol, far, ledger, 53, kHere + 1)).action == kDropped);
    CHECK(wire.to(kLedger, datagram(protocol, other, ledger, 53, kHere)).action == kDropped);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).tcp(53, kHere, kAck).bytes()).action == kDropped);
}

TEST_CASE("an echo reply comes back by its identifier; a request never counts as one") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto ledger = ip.at(wire.stage, kLedger), far = ip.at(wire.stage, kFar);

    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).echo_reply(7).bytes()).action == kDropped);
    CHECK(wire.sent_by(kLedger, packet().eth().ip(ledger, far).echo_request(7).bytes()).action == kPasses);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).echo_reply(7).bytes()).reason == BH_REASON_REPLY);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).echo_reply(8).bytes()).action == kDropped);
    CHECK(wire.to(kLedger, packet().eth().ip(far, ledger).echo_request(7).bytes()).action == kDropped);
}

TEST_CASE("an echo reply that a pod sends does not make it the one who asked") {
    Wire wire(shared_machine());
    CHECK(wire.sent_by(kLedger, packet().eth().ip("10.0.1.2", "10.0.2.1").echo_reply(9).bytes()).action == kPasses);
    CHECK(wire.to(kLedger, packet().eth().ip("10.0.2.1", "10.0.1.2").echo_reply(9).bytes()).action == kDropped);
}

TEST_CASE("a spoofed packet leaves no memory that would let an answer in") {
    Wire wire(shared_machine());
    const auto claim = packet().eth().ip("10.0.1.2", "10.0.2.1").udp(kHere, 53).bytes();
    CHECK(wire.sent_by(kWeb, claim).reason == BH_REASON_SPOOFED);
    CHECK(wire.to(kLedger, packet().eth().ip("10.0.2.1", "10.0.1.2").udp(53, kHere).bytes()).action == kDropped);
}

TEST_CASE("a stranger's refused datagram leaves no memory either") {
    Wire wire(shared_machine());
    const auto knock = packet().eth().ip("10.0.2.1", "10.0.1.2").udp(53, 9999).bytes();
    CHECK(wire.to(kLedger, knock).action == kDropped);
    CHECK(wire.sent_by(kLedger, packet().eth().ip("10.0.1.2", "10.0.2.1").udp(9999, 53).bytes()).action == kPasses);
    CHECK(wire.to(kLedger, knock).reason == BH_REASON_REPLY); // now it answers
}

TEST_CASE("a removed expose stops a conversation on its next packet, and the server's data does not revive it") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto ledger = ip.at(wire.stage, kLedger), web = ip.at(wire.stage, kWeb);
    const auto ask = packet().eth().ip(web, ledger).udp(kHere, 5300).payload(4).bytes();
    const auto tell = packet().eth().ip(ledger, web).udp(5300, kHere).payload(4).bytes();
    const auto both_ways = [&] {
        wire.sent_by(kWeb, ask);
        const int action = wire.to(kLedger, ask, kWeb).action;
        CHECK(wire.sent_by(kLedger, tell).action == kPasses);
        CHECK(wire.to(kWeb, tell, kLedger).action == kPasses); // to an open pod
        return action;
    };
    CHECK(both_ways() == kPasses);
    CHECK(both_ways() == kPasses);
    wire.stage.put(ledger_pod(""));
    wire.show();
    for (int round = 0; round < 5; ++round)
        CHECK(both_ways() == kDropped);
}

TEST_CASE("a revoked TCP connection stays stopped while its server pushes") {
    Wire wire(shared_machine());
    const auto data = packet().eth().ip("10.0.1.1", "10.0.1.2").tcp(kHere, 8443, kAck).payload(100).bytes();
    const auto push = packet().eth().ip("10.0.1.2", "10.0.1.1").tcp(8443, kHere, kAck).payload(1000).bytes();
    const auto syn = packet().eth().ip("10.0.1.1", "10.0.1.2").tcp(kHere, 8443, kSyn).bytes();
    const auto syn_ack = packet().eth().ip("10.0.1.2", "10.0.1.1").tcp(8443, kHere, kSyn | kAck).bytes();
    wire.sent_by(kWeb, syn);
    CHECK(wire.to(kLedger, syn, kWeb).reason == BH_REASON_EXPOSED);
    wire.sent_by(kLedger, syn_ack);
    wire.to(kWeb, syn_ack, kLedger);
    CHECK(wire.to(kLedger, data, kWeb).action == kPasses);
    wire.stage.put(ledger_pod(""));
    wire.show();
    for (int round = 0; round < 5; ++round) {
        wire.sent_by(kLedger, push);
        CHECK(wire.to(kLedger, data, kWeb).action == kDropped);
    }
    CHECK(wire.to(kLedger, syn, kWeb).action == kDropped);
}

TEST_CASE("a namespace that turns protected keeps the conversations that it began, and only those") {
    Wire wire(shared_machine());
    // web asked the stranger; the other stranger asked web. Both were allowed, in both directions.
    const auto ask = packet().eth().ip("10.0.1.1", "198.51.100.9").udp(kHere, 53).bytes();
    const auto answer = packet().eth().ip("198.51.100.9", "10.0.1.1").udp(53, kHere).bytes();
    const auto knock = packet().eth().ip("198.51.100.8", "10.0.1.1").udp(5000, 80).bytes();
    const auto greet = packet().eth().ip("10.0.1.1", "198.51.100.8").udp(80, 5000).bytes();
    wire.sent_by(kWeb, ask);
    CHECK(wire.to(kWeb, answer).reason == BH_REASON_OPEN);
    CHECK(wire.to(kWeb, knock).reason == BH_REASON_OPEN);
    wire.sent_by(kWeb, greet);

    wire.stage.put(blog_namespace(true));
    wire.show();
    CHECK(wire.to(kWeb, answer).reason == BH_REASON_REPLY);
    CHECK(wire.to(kWeb, knock).action == kDropped);
    wire.sent_by(kWeb, greet); // an answer never makes its sender the one who began
    CHECK(wire.to(kWeb, knock).action == kDropped);
}

TEST_CASE("an answer stops when the original direction is no longer allowed") {
    Wire wire(shared_machine());
    wire.stage.put(batch_tenant(true));
    wire.show();
    // job (confined, open) asks ledger's exposed port ... and web asks job, whose answers confinement refuses
    const auto ask = packet().eth().ip("10.0.1.1", "10.0.1.3").udp(kHere, 80).bytes();
    const auto answer = packet().eth().ip("10.0.1.3", "10.0.1.1").udp(80, kHere).bytes();
    wire.sent_by(kWeb, ask);
    CHECK(wire.to(kJob, ask, kWeb).reason == BH_REASON_OPEN);
    wire.sent_by(kJob, answer);
    CHECK(wire.to(kWeb, answer, kJob).reason == BH_REASON_REPLY);
    CHECK(wire.to(kWeb, packet().eth().ip("10.0.1.3", "10.0.1.1").udp(80, kHere + 1).bytes(), kJob).reason ==
          BH_REASON_CONFINED);
}

TEST_CASE("an address that another tenant got does not inherit the answers to it") {
    Wire wire(shared_machine());
    const auto ask = packet().eth().ip("10.0.1.2", "10.0.2.1").udp(kHere, 53).bytes();
    const auto answer = packet().eth().ip("10.0.2.1", "10.0.1.2").udp(53, kHere).bytes();
    wire.sent_by(kLedger, ask);
    CHECK(wire.to(kLedger, answer).reason == BH_REASON_REPLY);
    wire.stage.remove({.kind = "Pod", .ns = "blog", .name = "far"});
    auto heir = ledger_pod("");
    heir.ns = "batch", heir.name = "heir", heir.node = "node-b", heir.ips = {Address::parse("10.0.2.1").value()};
    wire.stage.put(heir);
    wire.show();
    CHECK(wire.to(kLedger, answer).action == kDropped);
}

TEST_CASE("a Protected resource's answer and a pod's answer to it pass at the uplink") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto web = ip.at(wire.stage, kWeb), vault = ip.vault();
    const auto knock = packet().eth().ip(web, vault).tcp(kHere, 5432, kSyn).bytes();
    CHECK(wire.off_node(kWeb, knock).reason == BH_REASON_NOT_GRANTED);
    // The resource (a Lambda, say) calls the open pod; the pod's answers leave, though it may not call itself.
    const auto call = packet().eth().ip(vault, web).tcp(5000, 80, kSyn).bytes();
    const auto answer = packet().eth().ip(web, vault).tcp(80, 5000, kSyn | kAck).bytes();
    CHECK(wire.off_node(kWeb, answer).action == kDropped);
    CHECK(wire.to(kWeb, call).reason == BH_REASON_OPEN);
    wire.sent_by(kWeb, answer);
    CHECK(wire.off_node(kWeb, answer).reason == BH_REASON_REPLY);
    CHECK(wire.off_node(kWeb, packet().eth().ip(web, vault).tcp(80, 5001, kAck).bytes()).action == kDropped);
}

TEST_CASE("a confined pod answers this node's probes and begins nothing towards it") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto job = ip.at(wire.stage, kJob), node = ip.node();
    CHECK(wire.sent_by(kJob, packet().eth().ip(job, node).tcp(kHere, 10250, kSyn).bytes()).reason ==
          BH_REASON_CONFINED);
    const auto answer = packet().eth().ip(job, node).tcp(80, 50000, kSyn | kAck).bytes();
    CHECK(wire.sent_by(kJob, answer).action == kDropped);
    CHECK(wire.from_node_to(kJob, packet().eth().ip(node, job).tcp(50000, 80, kSyn).bytes()).action == kPasses);
    CHECK(wire.sent_by(kJob, answer).reason == BH_REASON_REPLY);
}

TEST_CASE("an answered conversation outlives 65,536 others of the same pod") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine()); // its tables have room for 512
    const auto ledger = ip.at(wire.stage, kLedger), far = ip.at(wire.stage, kFar);
    const auto answer = packet().eth().ip(far, ledger).udp(53, kHere).bytes();
    wire.sent_by(kLedger, packet().eth().ip(ledger, far).udp(kHere, 53).bytes());
    REQUIRE(wire.to(kLedger, answer).reason == BH_REASON_REPLY);
    Bytes other = packet().eth().ip(ledger, far).udp(0, 54).bytes();
    for (unsigned port = 0; port < 65536; ++port) {
        put_port(other, ip.source_port(), port);
        wire.sent_by(kLedger, other);
    }
    CHECK(wire.to(kLedger, answer).reason == BH_REASON_REPLY);
}

TEST_CASE("whoever floods a pod through its open door pushes out nothing that others talk about") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Machine machine; // of its own: this uses up the events of a second
    Wire wire(machine);
    const auto ledger = ip.at(wire.stage, kLedger), web = ip.at(wire.stage, kWeb);
    const std::vector<std::string> asked{ip.at(wire.stage, kJob), ip.stranger()};
    for (const auto& peer : asked) // which none has answered when the flood comes
        wire.sent_by(kLedger, packet().eth().ip(ledger, peer).udp(kHere, 53).bytes());

    const uint64_t before = wire.statistic(BH_STAT_FLOWS_EVICTED);
    Bytes flood = packet().eth().ip(web, ledger).udp(0, 5300).bytes(); // which the ledger exposes
    Bytes answer = packet().eth().ip(ledger, web).udp(5300, 0).bytes();
    for (unsigned port = 0; port < 65536; ++port) {
        put_port(flood, ip.source_port(), port);
        wire.to(kLedger, flood, kWeb);
        put_port(answer, ip.destination_port(), port - kLate); // its entry has given way by then
        wire.sent_by(kLedger, answer);
    }
    CHECK(wire.statistic(BH_STAT_FLOWS_EVICTED) - before > 100000);

    for (const auto& peer : asked) {
        INFO(peer);
        CHECK(wire.to(kLedger, packet().eth().ip(peer, ledger).udp(53, kHere).bytes()).reason == BH_REASON_REPLY);
    }
}

TEST_CASE("a flood that filled the free room gives it back before others lose a conversation") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    // All of a pod's memory is one set: so that no chance decides who shares one.
    Machine machine(datapath::Kernel::open_private({.pin_dir = {}, .sizes = {.flow_sets = 1}}).value());
    Wire wire(machine);
    const auto ledger = ip.at(wire.stage, kLedger), web = ip.at(wire.stage, kWeb);
    const std::vector<std::string> others{ip.stranger(), ip.at(wire.stage, kJob),
                                          ip.family == BH_IPV4 ? "198.51.100.8" : "2001:db8::8"};
    const auto hears = [&](const std::string& other) {
        const auto answer = packet().eth().ip(other, ledger).udp(53, kHere).bytes();
        return wire.to(kLedger, answer).reason == BH_REASON_REPLY;
    };
    const auto flood = [&] {
        for (uint16_t port = 1; port <= 100; ++port) { // what the ledger exposes, and answers
            wire.to(kLedger, packet().eth().ip(web, ledger).udp(port, 5300).bytes(), kWeb);
            wire.sent_by(kLedger, packet().eth().ip(ledger, web).udp(5300, port).bytes());
        }
    };
    const auto remembered = [&] {
        size_t count = 0;
        for_each_flow(machine, wire, kLedger, [&](bh_flow&) { ++count; });
        return count;
    };
    for (size_t i = 0; i < others.size(); ++i) {
        wire.sent_by(kLedger, packet().eth().ip(ledger, others[i]).udp(kHere, 53).bytes());
        for (size_t known = 0; known <= i; ++known) {
            INFO(others[known] << " after " << i << " others came");
            CHECK(hears(others[known]));
        }
        age(machine, wire, kLedger, 10); // the flood's are all younger than any of the others'
        flood();
        CHECK(remembered() == BH_FLOW_WAYS);
    }
    for (const auto& other : others)
        CHECK(hears(other));
}

TEST_CASE("who floods first fragments takes no note that another's allowed datagram needs") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    constexpr unsigned kMoreThanNotes = 20000;
    Machine machine; // of its own: what was allowed elsewhere has left notes too
    const Wire wire(machine);
    const auto ledger = ip.at(wire.stage, kLedger), web = ip.at(wire.stage, kWeb), far = ip.at(wire.stage, kFar);
    const auto rest = [&](uint32_t id) {
        return packet().eth().ip(far, ledger).fragment(1024, kLastFragment, id).protocol(BH_UDP).payload(100).bytes();
    };
    const auto first = packet().eth().ip(far, ledger).fragment(0, kMoreFragments, 7).udp(9, 5300).payload(1016).bytes();
    REQUIRE(wire.to(kLedger, first).reason == BH_REASON_EXPOSED);
    for (unsigned id = 0; id < kMoreThanNotes; ++id) {
        const auto piece = [&](const std::string& src, const std::string& dst) {
            return packet().eth().ip(src, dst).fragment(0, kMoreFragments, id).udp(9, 9).payload(8).bytes();
        };
        wire.sent_by(kWeb, piece(web, far));        // to anybody
        wire.to(kLedger, piece(web, ledger), kWeb); // refused
        wire.to(kWeb, piece(far, web));             // to who is open
    }
    CHECK(wire.to(kLedger, rest(7)).reason == BH_REASON_EXPOSED);
    CHECK(wire.to(kLedger, rest(8)).action == kDropped);
}

TEST_CASE("who began a connection that was reset is remembered as long as there is room for others") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Machine machine(datapath::Kernel::open_private({.pin_dir = {}, .sizes = {.flow_sets = 1}}).value());
    Wire wire(machine); // all of a pod's memory is eight conversations
    const auto job = ip.at(wire.stage, kJob), peer = ip.stranger();
    const auto in = [&](uint16_t from, uint8_t flags) {
        wire.to(kJob, packet().eth().ip(peer, job).tcp(from, 80, flags).bytes());
    };
    const auto word = packet().eth().ip(job, peer).tcp(80, kHere, kAck).bytes();
    in(kHere, kSyn);
    in(kHere, kRst);
    age(machine, wire, kJob, 100);
    for (uint16_t others = 1; others < BH_FLOW_WAYS; ++others)
        in(static_cast<uint16_t>(kHere + others), kSyn);
    CHECK(wire.off_node(kJob, word).reason == BH_REASON_REPLY);
    age(machine, wire, kJob, 20);   // the word was a sign of life
    in(kHere + BH_FLOW_WAYS, kSyn); // and then what ended is the first to go
    CHECK(wire.off_node(kJob, word).reason == BH_REASON_CONFINED);
}
