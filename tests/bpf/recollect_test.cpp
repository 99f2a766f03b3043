// SPDX-License-Identifier: Apache-2.0
//
// What the programs tell of a pod's flow memory is what its packets left there, each conversation once, and nothing
// that isn't whole or alive any more.
#include <arpa/inet.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "bpf/flow_table.h"
#include "bpf/small_cluster.h"
#include "datapath/recollect.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kAsking = 43000;

/// All of a pod's, read to the end.
std::vector<bh_recollection> recollections(const Machine& machine, const Wire& wire, const std::string& pod) {
    std::vector<bh_recollection> all;
    const auto slot = static_cast<uint16_t>(wire.stage.ifindex(pod) - 100);
    uint32_t set = 0;
    do {
        const auto told = datapath::recollect(machine.kernel().programs(), slot, set);
        REQUIRE(told);
        all.insert(all.end(), told->conversations.begin(), told->conversations.end());
        REQUIRE((told->next == 0 || told->next > set));
        set = told->next;
    } while (set != 0);
    return all;
}

Bytes question(const std::string& src, const std::string& dst, uint16_t from, uint16_t to) {
    return packet().eth().ip(src, dst).udp(from, to).payload(12).bytes();
}

TEST_CASE("a pod's memory is told with both ends, who began, and how long it lasts") {
    const Family ip{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Machine& machine = shared_machine();
    Wire wire(machine);
    const auto ledger = ip.at(wire.stage, kLedger), far = ip.at(wire.stage, kFar);
    REQUIRE(wire.sent_by(kLedger, question(ledger, far, kAsking, 53)).action == kPasses);
    auto told = recollections(machine, wire, kLedger);
    REQUIRE(told.size() == 1);
    CHECK(Address::from(told[0].peer, ip.family).text() == far);
    CHECK(ntohs(told[0].local_port) == kAsking);
    CHECK(ntohs(told[0].peer_port) == 53);
    CHECK(told[0].protocol == BH_UDP);
    CHECK((told[0].who & BH_FLOW_LOCAL_FIRST) != 0);
    CHECK(told[0].state == 0);
    CHECK(told[0].idle <= 1);
    CHECK(told[0].left <= 30); // unanswered
    CHECK(told[0].left >= 28);

    REQUIRE(wire.to(kLedger, question(far, ledger, 53, kAsking)).action == kPasses);
    told = recollections(machine, wire, kLedger);
    REQUIRE(told.size() == 1);
    CHECK(told[0].state == BH_FLOW_ANSWERED);
    age(machine, wire, kLedger, 100);
    told = recollections(machine, wire, kLedger);
    REQUIRE(told.size() == 1);
    CHECK(told[0].idle >= 99);
    CHECK(told[0].idle <= 102);
    CHECK(told[0].left >= 17);
    CHECK(told[0].left <= 21);
    age(machine, wire, kLedger, 30);
    CHECK(recollections(machine, wire, kLedger).empty());
}

TEST_CASE("more conversations than one run tells of are each told once") {
    Machine& machine = shared_machine();
    Wire wire(machine);
    constexpr size_t kMany = 5 * BH_RECOLLECTION_ROOM;
    for (size_t i = 0; i < kMany; ++i)
        REQUIRE(
            wire.sent_by(kLedger, question("10.0.1.2", "10.0.2.1", static_cast<uint16_t>(kAsking + i), 53)).action ==
            kPasses);
    std::set<uint16_t> ports;
    const auto told = recollections(machine, wire, kLedger);
    for (const auto& one : told)
        ports.insert(ntohs(one.local_port));
    size_t kept = 0;
    for_each_flow(machine, wire, kLedger, [&](bh_flow&) { ++kept; });
    CHECK(kept > BH_RECOLLECTION_ROOM);
    CHECK(told.size() == kept);
    CHECK(ports.size() == kept);
}

TEST_CASE("an entry that isn't whole, and a slot without a pod, tell nothing") {
    Machine& machine = shared_machine();
    Wire wire(machine);
    REQUIRE(wire.sent_by(kLedger, question("10.0.1.2", "10.0.2.1", kAsking, 53)).action == kPasses);
    for_each_flow(machine, wire, kLedger, [](bh_flow& flow) { flow.peer_port ^= 1; }); // half written, or another pod's
    CHECK(recollections(machine, wire, kLedger).empty());
    const auto nobody = datapath::recollect(machine.kernel().programs(), 1000, 0);
    REQUIRE(nobody);
    CHECK(nobody->conversations.empty());
    CHECK(nobody->next == 0);
    CHECK(nobody->generation == 0);
}

} // namespace
} // namespace bulkhead::test
