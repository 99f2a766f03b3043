// SPDX-License-Identifier: Apache-2.0
//
// What is too much for any event to tell of it is summed up by who, whom and what: so that nobody who talks to somebody
// is missing, and nobody takes the room of all.
#include "bpf/packets_table.h"
#include "datapath/counters.h"
#include "datapath/events.h"
#include "support/objects.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

/// Where nothing may be told.
struct Silence {
    Machine machine{
        datapath::Kernel::open_private(
            {.pin_dir = {}, .sizes = {.flow_sets = 64}, .telling = {.events_per_second = 0}, .features = {}})
            .value()};
    Wire wire{machine};

    std::vector<bh_event> take() const {
        std::vector<bh_event> sums;
        std::optional<uint32_t> place;
        do
            REQUIRE(datapath::take_untold(machine.kernel().maps(), place,
                                          [&](const bh_event& sum) { sums.push_back(sum); }));
        while (place);
        return sums;
    }

    void call(const std::string& from, uint16_t port, uint16_t own_port = 40000) {
        wire.to(kWeb, ip(from, "10.0.1.1").tcp(own_port, port, kSyn).bytes());
    }
};

uint64_t packets_of(const std::vector<bh_event>& sums) {
    uint64_t packets = 0;
    for (const auto& sum : sums)
        packets += sum.packets;
    return packets;
}

std::string source_of(const bh_event& sum) {
    return Address::from(sum.src, sum.family).text();
}

} // namespace

TEST_CASE("conversations that no event tells of are summed, whatever ports they come from, and taken out once") {
    Silence silence;
    for (uint16_t own = 1000; own < 1010; ++own)
        silence.call("10.0.2.1", 80, own);
    silence.call("10.0.2.1", 81);
    auto sums = silence.take();
    std::ranges::sort(sums, {}, &bh_event::dst_port);
    REQUIRE(sums.size() == 2);
    CHECK(sums[0].dst_port == 80);
    CHECK(sums[0].packets == 10);
    CHECK(sums[0].src_port == 0);
    CHECK(sums[0].first < sums[0].time);
    CHECK(sums[0].verdict == BH_VERDICT_ALLOW);
    CHECK(source_of(sums[0]) == "10.0.2.1");
    CHECK(sums[1].dst_port == 81);
    CHECK(sums[1].packets == 1);
    CHECK(silence.take().empty());
    CHECK(silence.wire.statistic(BH_STAT_EVENTS) == 0);
}

TEST_CASE("of two ends so many ports have a sum of their own, all others one: a scan takes no room from anybody") {
    Silence silence;
    for (uint16_t port = 1; port <= 1000; ++port)
        silence.call("10.0.2.1", port);
    const auto sums = silence.take();
    CHECK(sums.size() == BH_UNTOLD_PARTS + 1);
    CHECK(packets_of(sums) == 1000);
    const auto others = std::ranges::find(sums, 0, &bh_event::dst_port);
    REQUIRE(others != sums.end());
    CHECK(others->packets == 1000 - BH_UNTOLD_PARTS);
}

TEST_CASE("the world is summed by networks, and beyond so many as the world") {
    Silence silence;
    silence.call("192.0.2.7", 443);
    silence.call("192.0.2.250", 443);
    const auto one = silence.take();
    REQUIRE(one.size() == 1);
    CHECK(source_of(one[0]) == "192.0.2.0");
    CHECK(one[0].packets == 2);

    for (int network = 0; network < 250; ++network)
        for (const char* host : {".1", ".2"})
            silence.call("198.51." + std::to_string(network) + host, 443);
    const auto sums = silence.take();
    CHECK(sums.size() == BH_UNTOLD_PARTS + 1);
    CHECK(packets_of(sums) == 500);
    CHECK(std::ranges::count(sums, std::string("0.0.0.0"), source_of) == 1);
}

TEST_CASE("what a CIDR names of the world is summed by networks too, an AWSResource by its addresses") {
    Silence silence;
    auto batch = batch_tenant(false);
    batch.allow_to[0].to = {state::CidrPeer{cidr("198.51.100.0/24")}};
    auto resource = named<state::AwsResource>("subnet");
    resource.level = state::Level::kNonProtected;
    resource.cidrs = {cidr("192.0.2.0/24")};
    silence.wire.stage.put(batch);
    silence.wire.stage.put(resource);
    silence.wire.show();
    for (const char* from : {"198.51.100.7", "198.51.100.250", "192.0.2.7", "192.0.2.250"})
        silence.call(from, 443);
    std::set<std::string> sources;
    for (const auto& sum : silence.take())
        sources.insert(source_of(sum));
    CHECK(sources == std::set<std::string>{"198.51.100.0", "192.0.2.7", "192.0.2.250"});
}

TEST_CASE("of refused packets what no row and no event holds is summed, to the last one") {
    Silence silence;
    for (uint32_t port = 1; port <= 60000; ++port) // far more than there are rows
        silence.wire.to(kLedger, ip("10.0.2.1", "10.0.1.2").tcp(41000, static_cast<uint16_t>(port), kSyn).bytes());
    auto sums = silence.take();
    CHECK(std::erase_if(sums, [](const bh_event& sum) { return sum.reason == BH_REASON_EXPOSED; }) ==
          1); // ledger's port
    const auto untold = silence.wire.statistic(BH_STAT_REFUSED_UNTOLD);
    CHECK(untold > 60000 - 2 * BH_TOLD_SETS * BH_TOLD_WAYS);
    CHECK(packets_of(sums) == untold);
    CHECK(sums.size() == BH_UNTOLD_PARTS + 1);
    for (const auto& sum : sums)
        CHECK(sum.reason == BH_REASON_NOT_GRANTED);
}
