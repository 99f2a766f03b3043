// SPDX-License-Identifier: Apache-2.0
//
// What is told of packets that are refused, and of which packets at all: the first at once, further ones together, and
// in a storm as much as is allowed, with the rest counted to the last packet.
#include <sched.h>

#include <numeric>
#include <thread>

#include "bpf/packets_table.h"
#include "datapath/counters.h"
#include "datapath/events.h"
#include "support/deadline.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kSoon = 20s;

/// A machine of its own, since each test tells of other things.
struct Scene {
    explicit Scene(datapath::Telling telling)
        : machine(datapath::Kernel::open_private(
                      {.pin_dir = {}, .sizes = {.flow_sets = 64}, .telling = telling, .features = {}})
                      .value()),
          wire(machine),
          ring(datapath::Events::create(maps(), [this](const bh_event& one) { seen.push_back(one); }).value()) {}

    const datapath::Maps& maps() const { return machine.kernel().maps(); }
    uint64_t statistic(bh_statistic which) const { return wire.statistic(which); }

    /// That came since the last time.
    std::vector<bh_event> events() {
        seen.clear();
        REQUIRE(ring.consume());
        return seen;
    }
    std::vector<bh_event> rest() {
        REQUIRE(datapath::tell_rest(machine.kernel().programs()));
        return events();
    }

    uint64_t refused(const std::string& pod, bh_direction direction, bh_reason reason) const {
        const auto slot = static_cast<uint16_t>(wire.stage.ifindex(pod) - 100);
        return datapath::read_counters(maps(), slot).value()[direction][reason].packets;
    }

    Machine machine;
    Wire wire;
    std::vector<bh_event> seen;
    datapath::Events ring;
};

uint64_t packets_in(const std::vector<bh_event>& events) {
    return std::accumulate(events.begin(), events.end(), uint64_t{0},
                           [](uint64_t sum, const bh_event& event) { return sum + event.packets; });
}

Bytes knock(unsigned port = 41000) {
    return ip("10.0.2.1", "10.0.1.2").tcp(static_cast<uint16_t>(port), 22, kSyn).bytes();
}

/// Everything that waits to be told, once the second of the storm is over; the ring is read meanwhile.
uint64_t packets_told_later(Scene& scene) {
    uint64_t sum = packets_in(scene.events());
    const auto quiet = [&] {
        const auto rest = scene.rest();
        sum += packets_in(rest);
        return rest.empty();
    };
    std::this_thread::sleep_for(1200ms); // the interval of one second, and a tick
    REQUIRE(wait_until(quiet, after(kSoon)));
    return sum;
}

} // namespace

TEST_CASE("of a refused conversation the first packet is told at once, further ones with the next after a while") {
    Scene scene({.repeat_seconds = 1});
    for (int i = 0; i < 3; ++i)
        scene.wire.to(kLedger, knock());
    const auto first = scene.events();
    REQUIRE(first.size() == 1);
    CHECK(first[0].packets == 1);
    CHECK(first[0].bytes == knock().size());
    CHECK(first[0].first == first[0].time);

    std::vector<bh_event> later;
    uint64_t sent = 2; // which were only counted
    REQUIRE(wait_until(
        [&] {
            scene.wire.to(kLedger, knock());
            ++sent;
            later = scene.events();
            return !later.empty();
        },
        after(kSoon)));
    REQUIRE(later.size() == 1);
    CHECK(later[0].packets == sent);
    CHECK(later[0].bytes == sent * knock().size());
    CHECK(later[0].first > first[0].time);
    CHECK(later[0].time - first[0].time > 900'000'000);
    CHECK(later[0].src_port == 41000);
    CHECK(later[0].reason == BH_REASON_NOT_GRANTED);
}

TEST_CASE("what is left to tell of a refused conversation is told when it fell silent, and once") {
    Scene scene({.repeat_seconds = 1});
    for (int i = 0; i < 3; ++i)
        scene.wire.to(kLedger, knock());
    CHECK(scene.events().size() == 1);
    CHECK(scene.rest().empty()); // not yet
    std::vector<bh_event> rest;
    REQUIRE(wait_until([&] { return !(rest = scene.rest()).empty(); }, after(kSoon)));
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].packets == 2);
    CHECK(rest[0].dst_port == 22);
    std::this_thread::sleep_for(1200ms);
    CHECK(scene.rest().empty());
}

TEST_CASE("conversations are told apart by port, reason and pod") {
    Scene scene({});
    scene.wire.to(kLedger, knock(41000));
    scene.wire.to(kLedger, knock(41001));
    scene.wire.to(kGate, ip("10.0.2.1", "10.0.1.4").tcp(41000, 22, kSyn).bytes());
    scene.wire.sent_by(kWeb, ip("10.0.2.1", "10.0.1.2").tcp(41000, 22, kSyn).bytes()); // forged
    CHECK(scene.events().size() == 4);
}

TEST_CASE("what a slot's next pod is refused doesn't add to what its last one was, and each is told by its device") {
    Scene scene({});
    const auto old_veth = scene.wire.stage.ifindex(kLedger);
    REQUIRE(scene.maps().interfaces.put(kUnknownIfindex, scene.maps().interfaces.find(old_veth).value()) == 0);
    scene.wire.to(kLedger, knock());
    scene.wire.to(kLedger, knock());
    scene.machine.run(scene.machine.kernel().programs().to_pod, knock(),
                      {.ifindex = kUnknownIfindex, .ingress_ifindex = kUplink});
    const auto events = scene.events();
    REQUIRE(events.size() == 2);
    CHECK(events[0].ifindex == old_veth);
    CHECK(events[1].ifindex == kUnknownIfindex);
    CHECK(events[1].slot == events[0].slot);
    CHECK(events[1].packets == 1);
}

TEST_CASE("what somebody doesn't want to see makes no event") {
    const auto passes = ip("10.0.2.1", "10.0.1.1").tcp(41000, 80, kSyn).bytes();
    const auto count = [&](bh_visibility visibility) {
        Scene scene({.visibility = visibility});
        CHECK(scene.wire.to(kWeb, passes).action == kPasses);
        CHECK(scene.wire.to(kLedger, knock()).action == kDropped);
        const auto events = scene.events();
        CHECK(scene.statistic(BH_STAT_EVENTS) == events.size());
        CHECK(scene.statistic(BH_STAT_EVENTS_LIMITED) == 0);
        return events.size();
    };
    CHECK(count(BH_VISIBLE_CONVERSATIONS) == 2);
    CHECK(count(BH_VISIBLE_DENIED) == 1);
    CHECK(count(BH_VISIBLE_OFF) == 0);
}

TEST_CASE("what would fall is told as what falls: in audit mode, and while nothing is dropped") {
    Scene scene({});
    SECTION("audit") {
        scene.wire.stage.put(audited_namespace("payments"));
        scene.wire.show();
    }
    SECTION("asleep") {
        auto control = scene.maps().control.find(0).value();
        control.armed = 0;
        REQUIRE(scene.maps().control.put(0, control) == 0);
    }
    for (int i = 0; i < 3; ++i)
        CHECK(scene.wire.to(kLedger, knock()).action == kPasses);
    const auto events = scene.events();
    REQUIRE(events.size() == 1);
    CHECK((events[0].reason == BH_REASON_AUDIT || events[0].reason == BH_REASON_ASLEEP));
}

TEST_CASE("a flood from many ports is one row: all its packets are told, by few events") {
    Scene scene({.repeat_seconds = 1, .events_per_second = 10});
    for (unsigned port = 0; port < 20000; ++port)
        scene.wire.to(kLedger, knock(port));
    const uint64_t told = packets_told_later(scene);
    CHECK(told == 20000);
    CHECK(scene.statistic(BH_STAT_REFUSED_UNTOLD) == 0);
    CHECK(scene.statistic(BH_STAT_REFUSED_MERGED) > 10000);
    CHECK(scene.statistic(BH_STAT_EVENTS) < 200);
}

TEST_CASE("a flood under forged addresses is one row too, without any of them") {
    Scene scene({.repeat_seconds = 1, .events_per_second = 10});
    const auto forged = [](unsigned i) {
        const auto address = "192.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
        return ip(address, "10.0.1.2").tcp(41000, 22, kSyn).bytes();
    };
    for (unsigned i = 0; i < 5000; ++i)
        scene.wire.sent_by(kWeb, forged(i));
    CHECK(packets_told_later(scene) == 5000);
    CHECK(scene.statistic(BH_STAT_EVENTS) < 100);
    CHECK(std::ranges::all_of(scene.seen, [](const bh_event& event) { return event.reason == BH_REASON_SPOOFED; }));
}

TEST_CASE("of a scan that no table holds every packet is told, or counted as untold") {
    Scene scene({.repeat_seconds = 1, .events_per_second = 10});
    constexpr unsigned kPorts = 60000; // far more than there are rows
    Bytes packet = knock();
    for (unsigned port = 1; port <= kPorts; ++port) {
        put_port(packet, Family{BH_IPV4}.destination_port(), port);
        scene.wire.to(kLedger, packet);
    }
    const uint64_t told = packets_told_later(scene);
    const uint64_t untold = scene.statistic(BH_STAT_REFUSED_UNTOLD);
    CHECK(untold > 0);
    CHECK(told > BH_TOLD_SETS * BH_TOLD_WAYS / 2);
    CHECK(told + untold == scene.refused(kLedger, BH_INGRESS, BH_REASON_NOT_GRANTED) + 1); // the open door's event
}

TEST_CASE("two CPUs that refuse the same conversation lose no count") {
    Scene scene({.repeat_seconds = 1});
    constexpr int kEach = 20000;
    const auto packet = knock();
    std::vector<std::thread> threads;
    for (unsigned cpu = 0; cpu < 2; ++cpu)
        threads.emplace_back([&scene, &packet, cpu] {
            cpu_set_t only;
            CPU_ZERO(&only);
            CPU_SET(cpu, &only);
            sched_setaffinity(0, sizeof only, &only);
            for (int i = 0; i < kEach; ++i)
                scene.wire.to(kLedger, packet);
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(packets_told_later(scene) == 2 * kEach);
}

TEST_CASE("refused packets leave half of the ring to conversations that pass") {
    Scene scene({.events_per_second = 1u << 30});
    for (unsigned port = 0; port < 20000; ++port)
        scene.wire.to(kLedger, knock(port));
    const auto refused = scene.statistic(BH_STAT_EVENTS);
    CHECK(refused < 10000);
    for (uint16_t port = 1; port <= 1000; ++port)
        scene.wire.to(kWeb, ip("10.0.2.1", "10.0.1.1").tcp(port, 80, kSyn).bytes());
    CHECK(scene.statistic(BH_STAT_EVENTS) - refused == 1000);
    CHECK(scene.statistic(BH_STAT_EVENTS_LOST) == 0);
}

TEST_CASE("a storm of refused packets takes no conversation's event") {
    Scene scene({.events_per_second = 100});
    for (unsigned port = 0; port < 1000; ++port)
        scene.wire.to(kLedger, knock(port));
    for (uint16_t port = 1; port <= 50; ++port)
        scene.wire.to(kWeb, ip("10.0.2.1", "10.0.1.1").tcp(port, 80, kSyn).bytes());
    CHECK(scene.statistic(BH_STAT_EVENTS_LIMITED) == 0);
}

TEST_CASE("what leaves the node is told once a conversation, whatever its protocol") {
    Scene scene({});
    const Family family{BH_IPV4};
    const auto leave = [&](const Packet& packet) {
        scene.wire.sent_by(kWeb, packet.bytes());
        scene.wire.off_node(kWeb, packet.bytes());
    };
    SECTION("UDP") {
        for (int i = 0; i < 3; ++i)
            leave(ip("10.0.1.1", family.stranger()).udp(5000, 53));
    }
    SECTION("a SYN that is sent again") {
        for (int i = 0; i < 3; ++i)
            leave(ip("10.0.1.1", family.stranger()).tcp(5000, 443, kSyn));
        leave(ip("10.0.1.1", family.stranger()).tcp(5000, 443, kAck));
    }
    SECTION("a SYN that was held up on its way") {
        scene.wire.off_node(kWeb, ip("10.0.1.1", family.stranger()).tcp(5000, 443, kSyn).bytes());
    }
    SECTION("another pod's packet comes in between") {
        leave(ip("10.0.1.1", family.stranger()).udp(5000, 53));
        scene.wire.sent_by(kLedger, ip("10.0.1.2", family.stranger()).udp(5000, 53).bytes());
        scene.wire.off_node(kWeb, ip("10.0.1.1", family.stranger()).udp(5000, 53).bytes());
    }
    const auto events = scene.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].direction == BH_EGRESS);
    CHECK(events[0].reason == BH_REASON_OPEN);
    CHECK(events[0].ifindex == scene.wire.stage.ifindex(kWeb)); // and not the uplink
}
