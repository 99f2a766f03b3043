// SPDX-License-Identifier: Apache-2.0
//
// What a pod's flow memory has, with names. tests/node has the memory itself.
#include <arpa/inet.h>

#include <catch2/catch_test_macros.hpp>

#include "compile_world.h"
#include "observe/recollected.h"

namespace bulkhead::observe {
namespace {

using flow::Kind;
using flow::Progress;

constexpr uint16_t kLedgerSlot = 1;
constexpr flow::Time kReadAt{std::chrono::seconds(1'800'000'000)};

/// payments/ledger, protected, in slot 1 of node-a; blog/web on node-b, and a node.
struct LedgersMemory {
    test::World world;
    FlowNames names;
    std::string node = "node-a";
    Beginnings beginnings;

    LedgersMemory() {
        world.protect("payments").ns("blog");
        world.pod("payments/ledger", {"10.0.1.30", "fd00::30"}, {}, "node-a");
        world.pod("blog/web", {"10.0.2.10", "fd00::10"});
        world.local({test::local_pod(kLedgerSlot, "payments/ledger", {"10.0.1.30", "fd00::30"})});
    }

    static bh_recollection told(const char* peer, bool began_here, uint8_t state = 0) {
        bh_recollection one{};
        const auto address = test::address(peer);
        one.peer = address.raw();
        one.local = address.family == BH_IPV6 ? BH_FLOW_IPV6 : 0;
        one.local_port = htons(began_here ? 40000 : 5432);
        one.peer_port = htons(began_here ? 443 : 41000);
        one.protocol = BH_TCP;
        one.state = state;
        one.who = began_here ? BH_FLOW_LOCAL_FIRST : 0;
        one.idle = 7;
        one.left = 100;
        return one;
    }

    flow::Conversation of(const bh_recollection& one) {
        const auto& desired = world.desired();
        names.forget();
        return conversation_of(recollected(one, {.slot = kLedgerSlot, .pod = desired.pods.at(kLedgerSlot)}, names,
                                           {world.cluster, desired, node}, kReadAt),
                               node, beginnings);
    }

    /// The history has a flow of a first packet from blog/web to ledger's port 5432.
    static SeenFlow first_packet(bh_verdict verdict, std::chrono::seconds before, uint16_t src_port = 41000) {
        SeenFlow flow;
        flow.event.family = BH_IPV4;
        flow.event.protocol = BH_TCP;
        flow.event.src = test::address("10.0.2.10").raw();
        flow.event.dst = test::address("10.0.1.30").raw();
        flow.event.src_port = src_port;
        flow.event.dst_port = 5432;
        flow.event.verdict = static_cast<uint8_t>(verdict);
        flow.event.time = flow.event.first = static_cast<uint64_t>((kReadAt - before).time_since_epoch().count());
        return flow;
    }
};

TEST_CASE("recollected: who spoke first is the source, this pod by its slot and the other by its address") {
    LedgersMemory memory;
    const auto came = memory.of(LedgersMemory::told("10.0.2.10", false));
    CHECK(came.flow.direction == BH_INGRESS);
    CHECK(came.flow.source.name == "web");
    CHECK(came.flow.source.port == 41000);
    CHECK(came.flow.destination.name == "ledger");
    CHECK(came.flow.destination.address == test::address("10.0.1.30"));
    CHECK(came.flow.destination.port == 5432);
    CHECK(came.flow.node == "node-a");
    CHECK(came.idle == std::chrono::seconds(7));
    CHECK(came.expires == std::chrono::seconds(100));
    CHECK(came.flow.time == kReadAt - std::chrono::seconds(7));

    const auto went = memory.of(LedgersMemory::told("fd00::10", true));
    CHECK(went.flow.direction == BH_EGRESS);
    CHECK(went.flow.source.name == "ledger");
    CHECK(went.flow.source.address == test::address("fd00::30"));
    CHECK(went.flow.source.port == 40000);
    CHECK(went.flow.destination.name == "web");
    CHECK(went.flow.destination.port == 443);
}

TEST_CASE("recollected: the verdict is what the rule says now, in the direction in which it began") {
    LedgersMemory memory;
    CHECK(memory.of(LedgersMemory::told("10.0.2.10", false)).flow.reason == BH_REASON_NOT_GRANTED);
    CHECK(memory.of(LedgersMemory::told("10.0.2.10", false)).flow.verdict == BH_VERDICT_DENY);
    CHECK(memory.of(LedgersMemory::told("10.0.2.10", true)).flow.reason == BH_REASON_OPEN);
    auto grant = test::named<state::AccessGrant>("for-blog", "payments");
    grant.grant = test::grant({test::from_namespace("blog")});
    memory.world.put(grant);
    CHECK(memory.of(LedgersMemory::told("10.0.2.10", false)).flow.reason == BH_REASON_GRANTED);
}

TEST_CASE("recollected: how far it has come") {
    LedgersMemory memory;
    const auto progress = [&](uint8_t state, uint8_t protocol = BH_TCP) {
        auto one = LedgersMemory::told("10.0.2.10", false, state);
        one.protocol = protocol;
        return memory.of(one).progress;
    };
    CHECK(progress(0) == Progress::kUnanswered);
    CHECK(progress(BH_FLOW_ANSWERED) == Progress::kAnswered);
    CHECK(progress(BH_FLOW_ANSWERED | BH_FLOW_FIN_PEER) == Progress::kClosing);
    CHECK(progress(BH_FLOW_ANSWERED | BH_FLOW_FIN_PEER | BH_FLOW_FIN_LOCAL) == Progress::kClosed);
    CHECK(progress(BH_FLOW_ANSWERED | BH_FLOW_RESET) == Progress::kReset);
    CHECK(progress(BH_FLOW_ANSWERED, BH_UDP) == Progress::kAnswered);
}

TEST_CASE("recollected: a ping has no ports, an unknown address of the pod's own no verdict") {
    LedgersMemory memory;
    auto ping = LedgersMemory::told("10.0.2.10", false);
    ping.protocol = BH_ICMP;
    ping.local_port = ping.peer_port = htons(77);
    const auto pinged = memory.of(ping);
    CHECK(pinged.flow.icmp_type == 8);
    CHECK(pinged.flow.source.port == 0);
    CHECK(pinged.flow.destination.port == 0);

    auto odd = LedgersMemory::told("10.0.2.10", false);
    odd.local = BH_POD_ADDRESSES;
    const auto unknown = memory.of(odd);
    CHECK_FALSE(unknown.is_judged);
    CHECK_FALSE(unknown.flow.destination.has_address());
    CHECK(unknown.flow.destination.name == "ledger");
    CHECK_FALSE(flow::to_json(unknown).contains("verdict"));
}

TEST_CASE("recollected: its age is told while the history has its first packet, and only then") {
    using std::chrono::seconds;
    LedgersMemory memory;
    const auto age = [&](const std::vector<SeenFlow>& history) {
        memory.beginnings = Beginnings(history);
        return memory.of(LedgersMemory::told("10.0.2.10", false)).age;
    };
    CHECK_FALSE(age({}));
    CHECK(age({LedgersMemory::first_packet(BH_VERDICT_ALLOW, seconds(90))}) == seconds(90));
    CHECK(age({LedgersMemory::first_packet(BH_VERDICT_ALLOW, seconds(900)),
               LedgersMemory::first_packet(BH_VERDICT_ALLOW, seconds(90))}) == seconds(90)); // ports anew
    CHECK_FALSE(age({LedgersMemory::first_packet(BH_VERDICT_ALLOW, seconds(90), 41001)}));   // another one
    CHECK_FALSE(age({LedgersMemory::first_packet(BH_VERDICT_DENY, seconds(90))})); // perhaps not its first one
    CHECK(age({LedgersMemory::first_packet(BH_VERDICT_ALLOW, seconds(1))}) ==
          seconds(7));                                                  // not less than it has been idle
    CHECK_FALSE(memory.of(LedgersMemory::told("10.0.2.10", true)).age); // the other way is another conversation
}

TEST_CASE("recollected: the peer's tenant is the one that it had when it began") {
    LedgersMemory memory;
    auto one = LedgersMemory::told("10.0.2.10", false);
    for (const auto& [id, name] : memory.world.desired().tenants)
        if (name == "ns/payments") one.who |= id; // whoever had that address then
    CHECK(memory.of(one).peer_tenant == "ns/payments");
    CHECK(memory.of(one).flow.source.tenant == "ns/blog");
}

} // namespace
} // namespace bulkhead::observe
