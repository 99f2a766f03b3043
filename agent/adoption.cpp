// SPDX-License-Identifier: Apache-2.0
#include "adoption.h"

#include <spdlog/spdlog.h>

#include "datapath/adopt.h"

namespace bulkhead {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Some hundred thousand conversations take less; and until then what is to be Protected is not.
constexpr auto kLongest = 10s;

uint8_t state_of(const netlink::Tracked& tracked) {
    int state = tracked.answered ? BH_FLOW_ANSWERED : 0;
    if (tracked.finished) state |= BH_FLOW_FIN_LOCAL | BH_FLOW_FIN_PEER;
    if (tracked.reset) state |= BH_FLOW_RESET;
    return static_cast<uint8_t>(state);
}

/// What a pod's veth sees of the side that spoke first: `first`, its packets there.
bh_adoption adoption_of(const netlink::Tracked& tracked, const netlink::Direction& first, uint16_t slot,
                        bool from_pod) {
    return {.src = first.src.raw(),
            .dst = first.dst.raw(),
            .slot = slot,
            .src_port = first.src_port,
            .dst_port = first.dst_port,
            .family = first.src.family,
            .protocol = tracked.protocol,
            .from_pod = static_cast<uint8_t>(from_pod ? 1 : 0),
            .state = state_of(tracked)};
}

/// How answers come, turned round: how questions arrive.
netlink::Direction reversed(const netlink::Direction& way) {
    return {.src = way.dst, .dst = way.src, .src_port = way.dst_port, .dst_port = way.src_port};
}

struct Tally {
    size_t adopted = 0;
    std::optional<Error> error; // the last one
};

void adopt_one(const netlink::Tracked& tracked, const datapath::Programs& programs, const OlderPods& pods,
               Tally& tally) {
    for (const auto& adoption : adoptions_of(tracked, pods)) {
        const auto adopted = datapath::adopt(programs, adoption);
        if (!adopted) tally.error = adopted.error();
        if (adopted && *adopted) ++tally.adopted;
    }
}

} // namespace

OlderPods older_pods(const std::map<uint16_t, state::LocalPod>& pods) {
    OlderPods found;
    for (const auto& [slot, pod] : pods)
        if (pod.older)
            for (const auto& address : pod.addresses)
                found.emplace(address, slot);
    return found;
}

std::vector<bh_adoption> adoptions_of(const netlink::Tracked& tracked, const OlderPods& pods) {
    std::vector<bh_adoption> adoptions;
    // A pod that began sends before any NAT; a pod that was asked gets what is left after all of it.
    if (const auto pod = pods.find(tracked.original.src); pod != pods.end())
        adoptions.push_back(adoption_of(tracked, tracked.original, pod->second, true));
    if (const auto pod = pods.find(tracked.reply.src); pod != pods.end())
        adoptions.push_back(adoption_of(tracked, reversed(tracked.reply), pod->second, false));
    return adoptions;
}

void adopt_conversations(const datapath::Programs& programs, const OlderPods& pods) {
    if (pods.empty()) return;
    const auto begin = Clock::now();
    Tally tally;
    const auto read = netlink::read_conntrack(
        [&](const netlink::Tracked& tracked) { adopt_one(tracked, programs, pods, tally); }, begin + kLongest);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    if (!read) spdlog::warn("adopts no conversations: {}", read.error().text);
    if (tally.error) spdlog::warn("{}", tally.error->text);
    if (!read) return;
    if (!*read) return spdlog::info("no connection tracking here: only TCP connections are adopted, by pods' sockets");
    spdlog::info("adopted {} conversations of older pods; connection tracking has {} entries, read in {} ms",
                 tally.adopted, (*read)->entries, took.count());
    if (!(*read)->complete)
        spdlog::warn("connection tracking has more entries than can be read in {} s; what the rest tells is lost",
                     kLongest.count());
}

} // namespace bulkhead
