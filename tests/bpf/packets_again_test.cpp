// SPDX-License-Identifier: Apache-2.0
//
// Old entries of the flow memory under new packets: a port used again, an address given away, a clock that
// runs ahead on another CPU, a stranger who tries on.
#include <catch2/generators/catch_generators.hpp>

#include "bpf/flow_table.h"
#include "bpf/packets_table.h"
#include "support/objects.h"

using namespace bulkhead;
using namespace bulkhead::test;

TEST_CASE("a connection on the ports of one that was reset lives as long as any") {
    const Wire wire(shared_machine());
    const auto out = [](uint8_t flags) { return ip("10.0.1.2", "10.0.2.1").tcp(41000, 80, flags); };
    const auto back = [](uint8_t flags) { return ip("10.0.2.1", "10.0.1.2").tcp(80, 41000, flags); };
    check_rows(wire, {
                         {"a connection", sent_by(kLedger), out(kSyn), kLeft},
                         {"accepted", to(kLedger), back(kSyn | kAck), BH_REASON_REPLY},
                         {"reset", sent_by(kLedger), out(kRst), kLeft},
                         {"another", sent_by(kLedger), out(kSyn), kLeft},
                         {"accepted", to(kLedger), back(kSyn | kAck), BH_REASON_REPLY},
                     });
    age(shared_machine(), wire, kLedger, 100);
    check_row(wire, {"a word after 100 s", to(kLedger), back(kAck), BH_REASON_REPLY});
}

TEST_CASE("a reset connection is soon forgotten") {
    const Wire wire(shared_machine());
    check_rows(wire, {
                         {"a connection", sent_by(kLedger), ip("10.0.1.2", "10.0.2.1").tcp(41000, 80, kSyn), kLeft},
                         {"reset", sent_by(kLedger), ip("10.0.1.2", "10.0.2.1").tcp(41000, 80, kRst), kLeft},
                     });
    age(shared_machine(), wire, kLedger, 100);
    check_row(wire, {"a word", to(kLedger), ip("10.0.2.1", "10.0.1.2").tcp(80, 41000, kAck), BH_REASON_NOT_GRANTED});
}

TEST_CASE("a new connection to an address that another tenant got is one with that tenant") {
    Wire wire(shared_machine());
    const auto out = ip("10.0.1.2", "10.0.2.1").tcp(41000, 80, kSyn);
    const auto back = ip("10.0.2.1", "10.0.1.2").tcp(80, 41000, kSyn | kAck);
    check_rows(wire,
               {{"a connection", sent_by(kLedger), out, kLeft}, {"accepted", to(kLedger), back, BH_REASON_REPLY}});
    wire.stage.remove({.kind = "Pod", .ns = "blog", .name = "far"});
    auto heir = ledger_pod("");
    heir.ns = "batch", heir.name = "heir", heir.node = "node-b", heir.ips = {Address::parse("10.0.2.1").value()};
    wire.stage.put(heir);
    wire.show();
    check_rows(wire, {{"the heir's word", to(kLedger), back, BH_REASON_NOT_GRANTED},
                      {"another connection", sent_by(kLedger), out, kLeft},
                      {"accepted by the heir", to(kLedger), back, BH_REASON_REPLY}});
}

TEST_CASE("an entry that another CPU saw a tick later is not weeks old") {
    const Wire wire(shared_machine());
    const auto ask = ip("10.0.2.1", "10.0.1.2").udp(41000, 5300);
    const auto tell = ip("10.0.1.2", "10.0.2.1").udp(5300, 41000);
    check_row(wire, {"a question", to(kLedger), ask, BH_REASON_EXPOSED});
    age(shared_machine(), wire, kLedger, -1);
    check_row(wire, {"its answer", sent_by(kLedger), tell, kLeft});
    for_each_flow(shared_machine(), wire, kLedger,
                  [](const bh_flow& flow) { CHECK(!(flow.who & BH_FLOW_LOCAL_FIRST)); });
}

TEST_CASE("who is refused stays the one who spoke first while he tries, however long the other side pushes") {
    Wire wire(shared_machine());
    const auto ask = ip("10.0.2.1", "10.0.1.2").udp(41000, 5300);
    const auto push = ip("10.0.1.2", "10.0.2.1").udp(5300, 41000);
    check_rows(wire, {{"a question", to(kLedger), ask, BH_REASON_EXPOSED}, {"a push", sent_by(kLedger), push, kLeft}});
    wire.stage.put(ledger_pod(""));
    wire.show();
    for (int minute = 0; minute < 40; ++minute) { // half an idle time each
        age(shared_machine(), wire, kLedger, 61);
        check_row(wire, {"a push", sent_by(kLedger), push, kLeft});
        check_row(wire, {"another question", to(kLedger), ask, BH_REASON_NOT_GRANTED});
    }
}

TEST_CASE("a connection that a pod's peer began stays its peer's, whatever is said to end it") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    struct End {
        const char* description;
        uint8_t flags;
        bool by_peer, by_pod;
    };
    const End ends[] = {
        {"the peer's reset", kRst, true, false},
        {"the pod's reset", kRst, false, true},
        {"both are done", kFin | kAck, true, true},
    };
    for (const End& end : ends) {
        INFO(end.description);
        Wire wire(shared_machine());
        const auto job = family.at(wire.stage, kJob), peer = family.stranger();
        const auto in = [&](uint8_t flags) { return ip(peer, job).tcp(41000, 80, flags); };
        const auto out = [&](uint8_t flags) { return ip(job, peer).tcp(80, 41000, flags); };
        check_rows(wire, {{"a connection", to(kJob), in(kSyn), BH_REASON_OPEN},
                          {"accepted", sent_by(kJob), out(kSyn | kAck), kLeft}});
        if (end.by_peer) check_row(wire, {"its end", to(kJob), in(end.flags), BH_REASON_OPEN});
        if (end.by_pod) check_row(wire, {"its end", sent_by(kJob), out(end.flags), kLeft});
        age(shared_machine(), wire, kJob, 400);
        check_rows(wire, {{"a word all the same", off_node(kJob), out(kAck), BH_REASON_REPLY},
                          {"to another port", off_node(kJob), ip(job, peer).tcp(80, 41001, kAck), BH_REASON_CONFINED},
                          {"a connection of its own", off_node(kJob), out(kSyn), BH_REASON_CONFINED}});
    }
}

TEST_CASE("a connection from the other side on the ports of one that was reset is that side's") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), peer = family.stranger();
    const auto in = [&](uint8_t flags) { return ip(peer, ledger).tcp(41000, 8443, flags); };
    const auto out = [&](uint8_t flags) { return ip(ledger, peer).tcp(8443, 41000, flags); };
    check_rows(wire, {{"a stranger's connection", to(kLedger), in(kSyn), BH_REASON_EXPOSED},
                      {"accepted", sent_by(kLedger), out(kSyn | kAck), kLeft},
                      {"reset", to(kLedger), in(kRst), BH_REASON_EXPOSED}});
    wire.stage.put(ledger_pod(""));
    wire.show();
    age(shared_machine(), wire, kLedger, 100);
    check_rows(wire, {{"the pod's word makes it nobody's answer", sent_by(kLedger), out(kAck), kLeft},
                      {"a word after the expose is gone", to(kLedger), in(kAck), BH_REASON_NOT_GRANTED},
                      {"the pod's own connection", sent_by(kLedger), out(kSyn), kLeft},
                      {"accepted", to(kLedger), in(kSyn | kAck), BH_REASON_REPLY}});
}

TEST_CASE("a datagram conversation with another tenant than it began with is cut for its idle time, and no longer") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), far = family.at(wire.stage, kFar);
    const Row asks{"a question", sent_by(kLedger), ip(ledger, far).udp(41000, 53), kLeft};
    const auto answer = [&](bh_reason expected) {
        return Row{"its answer", to(kLedger), ip(far, ledger).udp(53, 41000), expected};
    };
    check_rows(wire, {asks, answer(BH_REASON_REPLY)});
    auto press = named<state::Tenant>("press"); // the platform declares a tenant for the namespace
    press.namespaces = {"blog"};
    wire.stage.put(press);
    wire.show();
    check_rows(wire, {asks, answer(BH_REASON_NOT_GRANTED)});
    age(shared_machine(), wire, kLedger, 70);
    check_rows(wire, {asks, answer(BH_REASON_NOT_GRANTED)});
    age(shared_machine(), wire, kLedger, 70); // the pod never paused; but the two are strangers for 140 s now
    check_rows(wire, {asks,
                      answer(BH_REASON_REPLY),
                      {"to another port", to(kLedger), ip(far, ledger).udp(53, 41001), BH_REASON_NOT_GRANTED}});
}

TEST_CASE("an SCTP INIT begins an association and answers none") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), far = family.at(wire.stage, kFar);
    const auto back = [&](uint8_t chunk) { return ip(far, ledger).sctp(80, 41000, chunk); };
    check_rows(wire, {
                         {"an association", sent_by(kLedger), ip(ledger, far).sctp(41000, 80, kSctpInit), kLeft},
                         {"its answer", to(kLedger), back(kSctpInitAck), BH_REASON_REPLY},
                         {"its data", to(kLedger), back(kSctpData), BH_REASON_REPLY},
                         {"another from there", to(kLedger), back(kSctpInit), BH_REASON_NOT_GRANTED},
                         {"data all the same", to(kLedger), back(kSctpData), BH_REASON_REPLY},
                     });
}
