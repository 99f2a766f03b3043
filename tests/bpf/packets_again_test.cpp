// SPDX-License-Identifier: Apache-2.0
//
// Old entries of the flow memory under new packets: a port used again, an address given away, a clock that
// runs ahead on another CPU, a stranger who tries on.
#include <bpf/bpf.h>

#include <catch2/generators/catch_generators.hpp>
#include <functional>

#include "bpf/packets_table.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

/// Every entry in the memory of a pod of node-a, changed in place.
void for_each_flow(const Wire& wire, const std::string& pod, const std::function<void(bh_flow&)>& change) {
    const auto& maps = shared_machine().kernel().maps();
    const auto id = maps.flows.find(wire.stage.ifindex(pod) - 100);
    REQUIRE(id);
    const Fd table(bpf_map_get_fd_by_id(*id));
    REQUIRE(table.valid());
    for (uint32_t index = 0; index < maps.flow_sets; ++index) {
        bh_flow_set set{};
        REQUIRE(bpf_map_lookup_elem(table.get(), &index, &set) == 0);
        for (bh_flow& flow : set.way)
            if (flow.check) change(flow);
        REQUIRE(bpf_map_update_elem(table.get(), &index, &set, BPF_ANY) == 0);
    }
}

/// As if that long had passed; negative: another CPU is ahead.
void age(const Wire& wire, const std::string& pod, int seconds) {
    const auto hertz = static_cast<int>(shared_machine().kernel().clock().hertz());
    const int ticks = seconds < 0 ? -1 : seconds * hertz >> BH_FLOW_TICK_SHIFT;
    for_each_flow(wire, pod, [&](bh_flow& flow) { flow.stamp -= static_cast<uint32_t>(ticks) << 8; });
}

} // namespace

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
    age(wire, kLedger, 100);
    check_row(wire, {"a word after 100 s", to(kLedger), back(kAck), BH_REASON_REPLY});
}

TEST_CASE("a reset connection is soon forgotten") {
    const Wire wire(shared_machine());
    check_rows(wire, {
                         {"a connection", sent_by(kLedger), ip("10.0.1.2", "10.0.2.1").tcp(41000, 80, kSyn), kLeft},
                         {"reset", sent_by(kLedger), ip("10.0.1.2", "10.0.2.1").tcp(41000, 80, kRst), kLeft},
                     });
    age(wire, kLedger, 100);
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
    age(wire, kLedger, -1);
    check_row(wire, {"its answer", sent_by(kLedger), tell, kLeft});
    for_each_flow(wire, kLedger, [](const bh_flow& flow) { CHECK(!(flow.who & BH_FLOW_LOCAL_FIRST)); });
}

TEST_CASE("who is refused stays the one who spoke first while he tries, however long the other side pushes") {
    Wire wire(shared_machine());
    const auto ask = ip("10.0.2.1", "10.0.1.2").udp(41000, 5300);
    const auto push = ip("10.0.1.2", "10.0.2.1").udp(5300, 41000);
    check_rows(wire, {{"a question", to(kLedger), ask, BH_REASON_EXPOSED}, {"a push", sent_by(kLedger), push, kLeft}});
    wire.stage.put(ledger_pod(""));
    wire.show();
    for (int minute = 0; minute < 40; ++minute) { // half an idle time each
        age(wire, kLedger, 61);
        check_row(wire, {"a push", sent_by(kLedger), push, kLeft});
        check_row(wire, {"another question", to(kLedger), ask, BH_REASON_NOT_GRANTED});
    }
}
