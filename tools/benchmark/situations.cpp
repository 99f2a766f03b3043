// SPDX-License-Identifier: Apache-2.0
#include "situations.h"

#include <netinet/in.h>

namespace bulkhead::bench {

namespace {

constexpr double kCommon = 1.4, kUdp = 2.5, kFirst = 10, kReplyByEntry = 3, kReplyBySocket = 4, kDenied = 4;

std::vector<Situation> allowed_data() {
    return {
        {.name = "to-pod, TCP data, open", .bound = kCommon},
        {.name = "to-pod, TCP data, same tenant",
         .bound = kCommon,
         .relation = Relation::kSameTenant,
         .expected = BH_REASON_SAME_TENANT},
        {.name = "from-pod, TCP data", .bound = kCommon, .hook = Hook::kFromPod, .expected = BH_REASON_COUNT},
        {.name = "uplink, TCP data, own resource",
         .bound = kCommon,
         .hook = Hook::kUplink,
         .relation = Relation::kOwnResource,
         .server = Server::kPeer,
         .expected = BH_REASON_SAME_TENANT},
        {.name = "uplink, TCP data, own resource by CIDR",
         .hook = Hook::kUplink,
         .relation = Relation::kOwnCidr,
         .server = Server::kPeer,
         .expected = BH_REASON_SAME_TENANT},
        {.name = "to-pod, TCP data, exposed",
         .relation = Relation::kStranger,
         .server_port = kExposedPort,
         .ask = Ask::kExposesAndGrants,
         .expected = BH_REASON_EXPOSED},
        {.name = "to-pod, TCP data, granted",
         .relation = Relation::kGranted,
         .server_port = kGrantedPort,
         .ask = Ask::kExposesAndGrants,
         .expected = BH_REASON_GRANTED},
        {.name = "to-pod, UDP", .bound = kUdp, .protocol = BH_UDP, .memory = Memory::kConversation},
        {.name = "from-pod, UDP",
         .bound = kUdp,
         .hook = Hook::kFromPod,
         .protocol = BH_UDP,
         .memory = Memory::kConversation,
         .expected = BH_REASON_COUNT},
    };
}

std::vector<Situation> first_packets() {
    const Situation to_pod{
        .name = "to-pod, SYN", .bound = kFirst, .tcp_flags = BH_TCP_SYN, .memory = Memory::kMakesEntry};
    Situation to_full = to_pod;
    to_full.name = "to-pod, SYN, full table";
    to_full.memory = Memory::kEvicts;
    Situation from_pod = to_pod;
    from_pod.name = "from-pod, SYN";
    from_pod.hook = Hook::kFromPod;
    from_pod.expected = BH_REASON_COUNT;
    Situation from_full = from_pod;
    from_full.name = "from-pod, SYN, full table";
    from_full.memory = Memory::kEvicts;
    return {to_pod, to_full, from_pod, from_full};
}

std::vector<Situation> replies() {
    const Situation by_entry{.name = "to-pod, reply by entry",
                             .bound = kReplyByEntry,
                             .relation = Relation::kStranger,
                             .server = Server::kPeer,
                             .memory = Memory::kPodFirst,
                             .expected = BH_REASON_REPLY};
    Situation asked = by_entry;
    asked.name = "to-pod, reply by entry, openings asked";
    asked.ask = Ask::kExposesAndGrants;
    Situation by_socket = by_entry;
    by_socket.name = "to-pod, reply by socket";
    by_socket.bound = kReplyBySocket;
    by_socket.memory = Memory::kSockets;
    return {by_entry, asked, by_socket};
}

std::vector<Situation> refusals() {
    const Situation syn{.name = "to-pod, SYN, denied",
                        .bound = kDenied,
                        .tcp_flags = BH_TCP_SYN,
                        .relation = Relation::kStranger,
                        .server_port = 9090,
                        .events = Events::kAtTheLimit,
                        .expected = BH_REASON_NOT_GRANTED};
    Situation asked = syn;
    asked.name = "to-pod, SYN, denied, openings asked";
    asked.ask = Ask::kExposesAndGrants;
    Situation data = syn;
    data.name = "to-pod, TCP data, denied";
    data.tcp_flags = BH_TCP_ACK;
    Situation reported = syn;
    reported.name = "to-pod, SYN, denied and reported";
    reported.bound = kUnbounded;
    reported.events = Events::kUnlimited;
    return {syn, asked, data, reported};
}

bench_packet packet_at(Hook hook, const Conversation& each, uint8_t family) {
    const uint16_t pod_port = htons(each.pod_port);
    const uint16_t peer_port = htons(each.peer_port);
    const bh_addr& pod = each.pod->address(family);
    const bh_addr& peer = each.peer->address(family);
    if (hook == Hook::kToPod)
        return {.ifindex = each.pod->ifindex,
                .ingress_ifindex = each.peer->ifindex,
                .ports = peer_port | uint32_t{pod_port} << 16,
                .src = peer,
                .dst = pod};
    const bool uplink = hook == Hook::kUplink;
    return {.ifindex = uplink ? kUplinkIfindex : each.pod->ifindex,
            .ingress_ifindex = uplink ? each.pod->ifindex : 0,
            .ports = pod_port | uint32_t{peer_port} << 16,
            .src = pod,
            .dst = peer};
}

} // namespace

const std::vector<Situation>& situations() {
    static const std::vector<Situation> all = [] {
        std::vector<Situation> list;
        for (const auto& part : {allowed_data(), first_packets(), replies(), refusals()})
            list.insert(list.end(), part.begin(), part.end());
        return list;
    }();
    return all;
}

std::vector<bench_packet> packets_at(Hook hook, const std::vector<Conversation>& conversations, uint8_t family) {
    std::vector<bench_packet> packets;
    packets.reserve(conversations.size());
    for (const Conversation& each : conversations)
        packets.push_back(packet_at(hook, each, family));
    return packets;
}

} // namespace bulkhead::bench
