// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace bulkhead::bench {

namespace {

constexpr uint32_t kNewConversations = 16384; // in a pass in which each packet begins one
constexpr uint32_t kConnections = 1024;
constexpr uint32_t kChunk = 4096; // fewer events than the ring takes
constexpr uint32_t kSampled = 64;
constexpr uint32_t kNoFlowSets = 0;
constexpr int32_t kUnknownNamespace = -1;

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

size_t wanted_conversations(const Situation& situation) {
    if (situation.is_new_each_time()) return kNewConversations;
    return situation.memory == Memory::kSockets ? kConnections : BENCH_MAX_PACKETS;
}

int program(const datapath::Programs& programs, Hook hook) {
    if (hook == Hook::kToPod) return programs.to_pod.get();
    return hook == Hook::kFromPod ? programs.from_pod.get() : programs.uplink.get();
}

} // namespace

struct Measure::Case {
    const Situation& situation;
    uint8_t family;
    std::vector<Conversation> conversations;
    std::vector<bench_packet> packets;
    std::vector<bench_packet> floor_packets;
    std::vector<std::byte> wire;

    uint32_t packets_per_pass(const Effort& effort) const {
        return situation.is_new_each_time() ? static_cast<uint32_t>(packets.size()) : effort.packets_per_pass;
    }
};

Result<Measurement> Measure::measure(const Situation& situation, uint8_t family) {
    Case now{
        .situation = situation, .family = family, .conversations = {}, .packets = {}, .floor_packets = {}, .wire = {}};
    now.conversations = scene_.conversations(situation.relation, situation.server, situation.server_port,
                                             wanted_conversations(situation));
    if (now.conversations.empty()) return fail(situation.name + ": nobody in this scene is in that situation");
    now.packets = packets_at(situation.hook, now.conversations, family);
    now.floor_packets = packets_at(Hook::kToPod, now.conversations, family); // it looks up the peers' addresses
    now.wire = situation.wire(family).bytes();

    if (auto ready = prepare(now); !ready) return within(situation.name, ready.error());
    if (auto right = check(now); !right) return within(situation.name, right.error());
    Measurement best{.ns = std::numeric_limits<double>::max(),
                     .floor_ns = std::numeric_limits<double>::max(),
                     .nothing_ns = std::numeric_limits<double>::max(),
                     .ratio = 0};
    std::vector<double> ratios;
    for (uint32_t block = 0; block < effort_.blocks; ++block) {
        const auto timed = time_block(now);
        if (!timed) return within(situation.name, timed.error());
        best.ns = std::min(best.ns, timed->ns);
        best.floor_ns = std::min(best.floor_ns, timed->floor_ns);
        best.nothing_ns = std::min(best.nothing_ns, timed->nothing_ns);
        ratios.push_back(timed->ratio);
    }
    best.ratio = median(ratios);
    return best;
}

Result<> Measure::prepare(const Case& now) {
    const uint32_t events = now.situation.events == Events::kAtTheLimit ? 0 : std::numeric_limits<uint32_t>::max();
    if (auto set = scene_.set_asked(now.situation.ask); !set) return set;
    if (auto set = scene_.set_events_per_second(events); !set) return set;
    return now.situation.memory == Memory::kSockets ? prepare_sockets(now) : prepare_tables(now);
}

Result<> Measure::prepare_tables(const Case& now) {
    if (auto set = scene_.set_pods(++generation_, kFlowSets, kUnknownNamespace); !set) return set;
    if (auto renewed = renew(now); !renewed) return renewed;
    if (now.situation.memory == Memory::kConversation)
        return remember(now, now.situation.hook, now.situation.tcp_flags);
    if (now.situation.memory == Memory::kPodFirst) return remember(now, Hook::kFromPod, BH_TCP_SYN);
    return {};
}

Result<> Measure::prepare_sockets(const Case& now) {
    auto connections = Connections::create();
    if (!connections) return tl::unexpected(connections.error());
    connections_ = std::move(*connections);
    if (auto listens = connections_->listen_on(now.situation.server_port); !listens) return listens;
    if (auto connected = connections_->connect(now.conversations, now.family); !connected) return connected;
    return scene_.set_pods(++generation_, kNoFlowSets, connections_->nsid());
}

/// Before each pass of new conversations: tables that know none of them.
Result<> Measure::renew(const Case& now) {
    if (now.situation.memory != Memory::kEvicts) return tables_.make_empty();
    const auto moment = under_test_.kernel.clock().now();
    if (!moment) return tl::unexpected(moment.error());
    return tables_.make_full(moment->jiffies);
}

Result<> Measure::remember(const Case& now, Hook hook, uint8_t tcp_flags) {
    const auto before = entries_written();
    if (!before) return tl::unexpected(before.error());
    const Wire first{.family = now.family, .protocol = now.situation.protocol, .tcp_flags = tcp_flags};
    stage_.set_packets(packets_at(hook, now.conversations, now.family));
    const auto ran =
        stage_.run(program(under_test_.timed, hook), first.bytes(), static_cast<uint32_t>(now.packets.size()), kChunk);
    if (!ran) return tl::unexpected(ran.error());
    return check_entries(now, *before);
}

Result<uint64_t> Measure::entries_written() const {
    const auto values = scene_.maps().statistics.read(BH_STAT_FLOWS_WRITTEN);
    if (!values) return tl::unexpected(values.error());
    return std::accumulate(values->begin(), values->end(), uint64_t{0});
}

/// All but those that found their set full; no more than one in twenty.
Result<> Measure::check_entries(const Case& now, uint64_t before) const {
    const auto after = entries_written();
    if (!after) return tl::unexpected(after.error());
    if ((*after - before) * 20 < now.packets.size() * 19)
        return fail(std::to_string(*after - before) + " entries were written for " +
                    std::to_string(now.packets.size()) + " conversations");
    return {};
}

/// A bench that measures something else than it says is worse than none.
Result<> Measure::check(const Case& now) {
    const bool judged = now.situation.expected != BH_REASON_COUNT;
    stage_.set_packets(now.packets);
    for (uint32_t i = 0; i < kSampled; ++i) {
        const auto ran = stage_.run_one(program(under_test_.kernel.programs(), now.situation.hook), now.wire);
        if (!ran) return tl::unexpected(ran.error());
        const auto& answer = ran->context.cb;
        const uint32_t reason = (answer[BH_OUT_VERDICT] >> 8) & 0xff;
        if ((answer[BH_OUT_JUDGED] != 0) != judged || (judged && reason != now.situation.expected))
            return fail("packet " + std::to_string(i) + " was judged by reason " + std::to_string(reason));
    }
    return {};
}

/// Writing a hundred megabytes of tables leaves nothing else in the caches. Data packets bring back all but the
/// tables, which they don't ask.
Result<> Measure::warm_up(const Case& now) {
    const Wire data{.family = now.family, .protocol = BH_TCP, .tcp_flags = BH_TCP_ACK};
    stage_.set_packets(now.packets);
    const auto ran =
        stage_.run(program(under_test_.timed, now.situation.hook), data.bytes(), now.packets_per_pass(effort_), kChunk);
    if (!ran) return tl::unexpected(ran.error());
    return {};
}

Result<double> Measure::time_program(const Case& now) {
    const bool fresh = now.situation.is_new_each_time();
    const auto before = entries_written();
    if (!before) return tl::unexpected(before.error());
    if (fresh) {
        if (auto renewed = renew(now); !renewed) return tl::unexpected(renewed.error());
        if (auto warmed = warm_up(now); !warmed) return tl::unexpected(warmed.error());
    }
    stage_.set_packets(now.packets);
    const bool drains = fresh || now.situation.expected == BH_REASON_NOT_GRANTED;
    const uint32_t packets = now.packets_per_pass(effort_);
    const auto took =
        stage_.run(program(under_test_.timed, now.situation.hook), now.wire, packets, drains ? kChunk : packets);
    if (took && fresh)
        if (auto wrote = check_entries(now, *before); !wrote) return tl::unexpected(wrote.error());
    return took;
}

/// Medians of a few passes, each of them taken in turn so that all three see the same machine.
Result<Measurement> Measure::time_block(const Case& now) {
    std::vector<double> ours, floors, replays, nothings;
    const uint32_t packets = now.packets_per_pass(effort_);
    for (uint32_t pass = 0; pass < effort_.passes; ++pass) {
        const auto our = time_program(now);
        stage_.set_packets(now.floor_packets);
        const auto floor = stage_.run(stage_.floor(), now.wire, packets, packets);
        const auto replay = stage_.run(stage_.nothing(), now.wire, packets, packets);
        const auto nothing = stage_.run_nothing(now.wire, packets);
        for (const auto* each : {&our, &floor, &replay, &nothing})
            if (!*each) return tl::unexpected(each->error());
        ours.push_back(*our);
        floors.push_back(*floor);
        replays.push_back(*replay);
        nothings.push_back(*nothing);
    }
    const double nothing = median(nothings);
    const double replay = median(replays) - nothing;
    std::vector<double> ratios;
    for (size_t pass = 0; pass < ours.size(); ++pass)
        ratios.push_back((ours[pass] - replay) / (floors[pass] - replay));
    return Measurement{.ns = median(ours) - replay,
                       .floor_ns = median(floors) - replay,
                       .nothing_ns = nothing,
                       .ratio = median(ratios)};
}

} // namespace bulkhead::bench
