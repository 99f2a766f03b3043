// SPDX-License-Identifier: Apache-2.0
//
// Break glass, packet by packet: what an override of one tenant lets pass, and what only one of everybody does.
#include <bpf/bpf.h>
#include <catch2/generators/catch_generators.hpp>

#include "bpf/packets_table.h"
#include "support/objects.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace std::chrono_literals;

namespace {

state::Override override_of(const std::string& tenant, std::chrono::seconds length = 1h,
                            const std::string& name = "incident") {
    auto object = named<state::Override>(name);
    object.tenant = tenant;
    object.until = state::Cluster::machine_time() + length;
    object.reason = "ledger can't be reached";
    return object;
}

Packet knock(const Wire& wire, const Family& family, const std::string& from, const std::string& to) {
    return ip(family.at(wire.stage, from), family.at(wire.stage, to)).tcp(41000, 22, kSyn);
}

} // namespace

TEST_CASE("while a tenant is overridden strangers reach its pods and are reported, and nobody else's") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    wire.stage.put(override_of("payments"));
    wire.show();
    check_rows(wire,
               {
                   {"from this node", to(kLedger, kWeb), knock(wire, family, kWeb, kLedger), BH_REASON_AUDIT},
                   {"from another", to(kLedger), knock(wire, family, kFar, kLedger), BH_REASON_AUDIT},
                   {"another tenant's pod", to(kGate), knock(wire, family, kFar, kGate), BH_REASON_NOT_GRANTED},
                   {"its own way out", to(kGate, kLedger), knock(wire, family, kLedger, kGate), BH_REASON_NOT_GRANTED},
                   {"what needs no override", to(kWeb), knock(wire, family, kFar, kWeb), BH_REASON_OPEN},
               });
    wire.stage.remove({.kind = "Override", .ns = "", .name = "incident"});
    wire.show();
    check_row(wire, {"ended", to(kLedger), knock(wire, family, kFar, kLedger), BH_REASON_NOT_GRANTED});
}

TEST_CASE("an override of a tenant lifts neither the source check nor what can't be understood") {
    Wire wire(shared_machine());
    wire.stage.put(override_of("payments"));
    wire.show();
    check_rows(wire, {
                         {"spoofed", sent_by(kLedger), ip("10.0.1.1", "10.0.2.1").udp(1, 2), BH_REASON_SPOOFED},
                         {"held", to(kUnknownVeth), ip("10.0.2.1", "10.0.1.77").udp(1, 2), BH_REASON_HELD},
                         {"another ethertype", sent_by(kLedger), packet().eth().ethertype(0x8847).payload(40),
                          BH_REASON_ETHERTYPE},
                         {"cut short, to others", to(kGate),
                          ip("10.0.2.1", "10.0.1.4").tcp(1, 2, kSyn).claim_header_words(3), BH_REASON_MALFORMED},
                     });
}

TEST_CASE("while everybody is overridden nothing falls, and what would have is reported") {
    Wire wire(shared_machine());
    wire.stage.put(override_of(""));
    wire.show();
    REQUIRE(wire.stage.desired().armed);
    check_rows(
        wire,
        {
            {"a stranger", to(kLedger), ip("10.0.2.1", "10.0.1.2").tcp(1, 22, kSyn), BH_REASON_AUDIT},
            {"to nobody's resource", off_node(kWeb), ip("10.0.1.1", "10.0.200.10").tcp(1, 22, kSyn), BH_REASON_AUDIT},
            {"out of confinement", off_node(kJob), ip("10.0.1.3", "198.51.100.9").udp(1, 53), BH_REASON_CONFINED_AUDIT},
            {"spoofed", sent_by(kWeb), ip("10.0.1.2", "10.0.2.1").udp(1, 2), BH_REASON_ASLEEP},
            {"another ethertype", sent_by(kWeb), packet().eth().ethertype(0x8847).payload(40), BH_REASON_ASLEEP},
            {"held", to(kUnknownVeth), ip("10.0.2.1", "10.0.1.77").udp(1, 2), BH_REASON_AUDIT},
        });
}

TEST_CASE("an overridden tenant's confined pods get out, by every hook that would hold them back") {
    Wire wire(shared_machine());
    wire.stage.put(override_of("batch"));
    wire.show();
    check_rows(
        wire,
        {
            {"off the node", off_node(kJob), ip("10.0.1.3", "198.51.100.9").udp(1, 53), BH_REASON_CONFINED_AUDIT},
            {"to the node", sent_by(kJob), ip("10.0.1.3", "10.0.0.1").udp(1, 53), BH_REASON_CONFINED_AUDIT},
            {"to an open pod", to(kWeb, kJob), ip("10.0.1.3", "10.0.1.1").udp(1, 53), BH_REASON_CONFINED_AUDIT},
            {"to a protected one", to(kLedger, kJob), ip("10.0.1.3", "10.0.1.2").udp(1, 53), BH_REASON_NOT_GRANTED},
        });
}

TEST_CASE("an answer is one, overridden or not: nothing that was allowed becomes an audit's report") {
    Wire wire(shared_machine());
    const auto question = ip("10.0.1.2", "10.0.2.1").udp(41001, 53), answer = ip("10.0.2.1", "10.0.1.2").udp(53, 41001);
    wire.stage.put(override_of("payments"));
    wire.show();
    check_rows(wire, {{"asks", sent_by(kLedger), question, kLeft}, {"answers", to(kLedger), answer, BH_REASON_REPLY}});
    wire.stage.remove({.kind = "Override", .ns = "", .name = "incident"});
    wire.show();
    check_row(wire, {"answers on", to(kLedger), answer, BH_REASON_REPLY});
}

TEST_CASE("an override's end is the kernel's: nobody has to write anything") {
    Wire wire(shared_machine());
    wire.stage.put(override_of("payments", 2s));
    wire.show();
    const auto packet = ip("10.0.2.1", "10.0.1.2").tcp(1, 22, kSyn).bytes();
    REQUIRE(meet(wire, to(kLedger), packet).judged == BH_REASON_AUDIT);
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (meet(wire, to(kLedger), packet).judged == BH_REASON_AUDIT)
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    CHECK(meet(wire, to(kLedger), packet).judged == BH_REASON_NOT_GRANTED);
    CHECK_FALSE(meet(wire, to(kLedger), packet).passes);
}

TEST_CASE("what an override lets pass names the override") {
    Wire wire(shared_machine());
    wire.stage.put(override_of("payments"));
    wire.show();
    const auto& machine = shared_machine();
    const auto rehearsal =
        machine.run(machine.kernel().programs().to_pod, ip("10.0.2.1", "10.0.1.2").tcp(1, 22, kSyn).bytes(),
                    {.ifindex = wire.stage.ifindex(kLedger), .ingress_ifindex = kUplink});
    CHECK(rehearsal.verdict == BH_VERDICT_AUDIT);
    CHECK(wire.stage.desired().origins.at(rehearsal.origin) == "Override incident: ledger can't be reached");
}

TEST_CASE("of two overrides, of who sends and of who receives, the one is named that lets the packet pass") {
    Wire wire(shared_machine());
    wire.stage.put(override_of("batch", 1h, "senders"));
    wire.stage.put(override_of("payments", 1h, "ledgers"));
    wire.stage.put(override_of("blog", 1h, "webs"));
    wire.show();
    const auto origin_of = [&](const char* to, const char* destination) {
        const auto& machine = shared_machine();
        const auto rehearsal =
            machine.run(machine.kernel().programs().to_pod, ip("10.0.1.3", destination).udp(1, 53).bytes(),
                        {.ifindex = wire.stage.ifindex(to), .ingress_ifindex = wire.stage.ifindex(kJob)});
        REQUIRE(rehearsal.verdict == BH_VERDICT_AUDIT);
        return wire.stage.desired().origins.at(rehearsal.origin);
    };
    CHECK(origin_of(kWeb, "10.0.1.1") == "Override senders: ledger can't be reached"); // the web is open to all others
    CHECK(origin_of(kLedger, "10.0.1.2") == "Override ledgers: ledger can't be reached"); // and this one isn't
}
