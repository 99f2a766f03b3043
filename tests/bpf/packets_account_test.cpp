// SPDX-License-Identifier: Apache-2.0
//
// What is counted and told of packets: one judge counts each, by reason and direction; the first of a
// conversation is an event, and events that are not seen are counted exactly.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bpf/packets_table.h"
#include "datapath/counters.h"
#include "datapath/events.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

uint16_t slot_of(const Wire& wire, const std::string& pod) {
    return static_cast<uint16_t>(wire.stage.ifindex(pod) - 100);
}

/// What counters and events gained since it was made.
class Watch {
public:
    explicit Watch(const Wire& wire)
        : wire_(wire),
          ring_(datapath::Events::create(maps(), [this](const bh_event& one) { seen.push_back(one); }).value()) {
        REQUIRE(ring_.consume());
        seen.clear();
        before_ = statistics();
        for (const auto* pod : {kWeb, kLedger, kJob, kGate})
            counters_[pod] = counters(pod);
    }

    bh_counter counted(const std::string& pod, bh_direction direction, bh_reason reason) const {
        const auto now = counters(pod)[direction][reason];
        const auto then = counters_.at(pod)[direction][reason];
        return {.packets = now.packets - then.packets, .bytes = now.bytes - then.bytes};
    }

    /// By all pods, for all reasons.
    uint64_t counted() const {
        uint64_t sum = 0;
        for (const auto& [pod, then] : counters_)
            for (const auto direction : {BH_EGRESS, BH_INGRESS})
                for (int reason = 0; reason < BH_REASON_COUNT; ++reason)
                    sum += counted(pod, direction, static_cast<bh_reason>(reason)).packets;
        return sum;
    }

    uint64_t gained(bh_statistic which) const { return statistics()[which] - before_[which]; }

    const std::vector<bh_event>& events() {
        REQUIRE(ring_.consume());
        return seen;
    }

private:
    static const datapath::Maps& maps() { return shared_machine().kernel().maps(); }
    static datapath::Statistics statistics() { return datapath::read_statistics(maps()).value(); }
    datapath::SlotCounters counters(const std::string& pod) const {
        return datapath::read_counters(maps(), slot_of(wire_, pod)).value();
    }

    const Wire& wire_;
    std::vector<bh_event> seen;
    datapath::Events ring_;
    datapath::Statistics before_{};
    std::map<std::string, datapath::SlotCounters> counters_;
};

/// Restores the programs' configuration at its end.
class EventsPerSecond {
public:
    explicit EventsPerSecond(uint32_t most) : before_(*control().find(0)) {
        auto row = before_;
        row.events_per_second = most;
        REQUIRE(control().put(0, row) == 0);
    }
    ~EventsPerSecond() { control().put(0, before_); }

private:
    static const Map<uint32_t, bh_control>& control() { return shared_machine().kernel().maps().control; }
    bh_control before_;
};

} // namespace

TEST_CASE("exactly one hook counts a packet, on the pod's side, by what decided") {
    const Wire wire(shared_machine());
    const auto between = ip("10.0.1.1", "10.0.1.2").tcp(41000, 8443, kSyn);
    const auto off = ip("10.0.1.1", "10.0.200.10").tcp(41000, 5432, kSyn);
    const auto to_node = ip("10.0.1.3", "10.0.0.1").udp(1, 2);
    Watch watch(wire);
    for (const Way& way : {sent_by(kWeb), to(kLedger, kWeb)})
        meet(wire, way, between.bytes());
    CHECK(watch.counted(kLedger, BH_INGRESS, BH_REASON_EXPOSED).packets == 1);
    CHECK(watch.counted(kLedger, BH_INGRESS, BH_REASON_EXPOSED).bytes == between.bytes().size());
    CHECK(watch.counted() == 1);
    for (const Way& way : {sent_by(kWeb), off_node(kWeb)})
        meet(wire, way, off.bytes());
    CHECK(watch.counted(kWeb, BH_EGRESS, BH_REASON_NOT_GRANTED).packets == 1);
    CHECK(watch.counted() == 2);
    meet(wire, sent_by(kJob), to_node.bytes());
    CHECK(watch.counted(kJob, BH_EGRESS, BH_REASON_CONFINED).packets == 1);
    meet(wire, sent_by(kWeb), ip("10.0.1.2", "10.0.1.1").udp(1, 2).bytes());
    CHECK(watch.counted(kWeb, BH_EGRESS, BH_REASON_SPOOFED).packets == 1);
    CHECK(watch.counted() == 4);
}

TEST_CASE("a large segment counts as the packets that it stands for") {
    const Wire wire(shared_machine());
    const auto bytes = ip("10.0.2.1", "10.0.1.1").tcp(41000, 80, kAck).payload(2800).bytes();
    Watch watch(wire);
    __sk_buff context{};
    context.cb[BH_IN_IFINDEX] = wire.stage.ifindex(kWeb);
    context.cb[BH_IN_INGRESS_IFINDEX] = kUplink;
    context.gso_segs = 3;
    context.gso_size = 1400;
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = bytes.data();
    options.data_size_in = static_cast<uint32_t>(bytes.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    REQUIRE(bpf_prog_test_run_opts(shared_machine().kernel().programs().to_pod.get(), &options) == 0);
    CHECK(watch.counted(kWeb, BH_INGRESS, BH_REASON_OPEN).packets == 3);
    CHECK(watch.counted(kWeb, BH_INGRESS, BH_REASON_OPEN).bytes == bytes.size());
}

TEST_CASE("a conversation is one event, whether it passes or is refused") {
    const Wire wire(shared_machine());
    const auto ask = ip("10.0.2.1", "10.0.1.1").udp(41000, 80).bytes();
    // No other test's on this machine: what was told a minute ago is only counted.
    const auto knock = ip("10.0.2.1", "10.0.1.2").tcp(41022, 22, kSyn).bytes();
    Watch watch(wire);
    for (int i = 0; i < 3; ++i)
        meet(wire, to(kWeb), ask);
    REQUIRE(watch.events().size() == 1);
    for (int i = 0; i < 3; ++i)
        meet(wire, to(kLedger), knock);
    REQUIRE(watch.events().size() == 2);

    const bh_event& first = watch.events()[0];
    CHECK(first.reason == BH_REASON_OPEN);
    CHECK(first.verdict == BH_VERDICT_ALLOW);
    CHECK(first.slot == slot_of(wire, kWeb));
    CHECK(first.length == ask.size());
    const bh_event& refused = watch.events()[1];
    CHECK(refused.reason == BH_REASON_NOT_GRANTED);
    CHECK(refused.verdict == BH_VERDICT_DENY);
    CHECK(refused.direction == BH_INGRESS);
    CHECK(refused.family == BH_IPV4);
    CHECK(refused.protocol == BH_TCP);
    CHECK(refused.tcp_flags == kSyn);
    CHECK(refused.src_port == 41022);
    CHECK(refused.dst_port == 22);
    CHECK(refused.src.word[0] == Address::parse("10.0.2.1")->raw4());
    CHECK(refused.ifindex == wire.stage.ifindex(kLedger));
}

TEST_CASE("an event names the object that opened the door") {
    const Wire wire(shared_machine());
    Watch watch(wire);
    meet(wire, to(kLedger), ip("10.0.2.1", "10.0.1.2").tcp(41000, 8443, kSyn).bytes());
    REQUIRE(watch.events().size() == 1);
    const auto& origins = wire.stage.desired().origins;
    const auto origin = origins.find(watch.events()[0].origin);
    REQUIRE(origin != origins.end());
    CHECK(origin->second.find("bulkhead.dev/expose") != std::string::npos);
}

TEST_CASE("events seen, limited and lost are all that were made") {
    const Wire wire(shared_machine());
    const auto begin = [&](int count) {
        Bytes syn = ip("10.0.2.1", "10.0.1.1").tcp(0, 80, kSyn).bytes();
        for (int i = 0; i < count; ++i) {
            put_port(syn, Family{BH_IPV4}.source_port(), static_cast<unsigned>(i));
            meet(wire, to(kWeb), syn);
        }
        return static_cast<uint64_t>(count);
    };
    Watch watch(wire);
    uint64_t made = 0;
    SECTION("when there are more than the limit") {
        const EventsPerSecond few(10);
        made = begin(500);
        CHECK(watch.gained(BH_STAT_EVENTS_LIMITED) > 0);
    }
    SECTION("when nobody reads the ring") {
        const EventsPerSecond many(1u << 30);
        made = begin(500 + (1 << 20) / int{sizeof(bh_event)});
        CHECK(watch.gained(BH_STAT_EVENTS_LOST) > 0);
    }
    const uint64_t seen = watch.events().size();
    CHECK(seen == watch.gained(BH_STAT_EVENTS));
    CHECK(seen + watch.gained(BH_STAT_EVENTS_LIMITED) + watch.gained(BH_STAT_EVENTS_LOST) == made);
}
