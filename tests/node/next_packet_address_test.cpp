// SPDX-License-Identifier: Apache-2.0
//
// An address goes from a pod of the protected tenant to a pod of somebody else.
#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

struct Vault {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);

    Vault() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }
};

/// Says in one go that the pod is gone and that another one has its address.
void hand_over(const Net& net, const Place& from, const std::string& to) {
    Place heir{from.node, to, from.ip4, from.ip6, require(Netns::open(from.netns.name()))};
    net.manifests().write(file_of(from), pod_text(heir));
}

TEST_CASE("an address elsewhere that goes to another tenant takes no conversation along") {
    const Vault vault;
    const auto& [net, safe] = vault;
    const Place friend_pod = net.add(kNodeB, "vault/friend", 40);
    const Place other_friend = net.add(kNodeB, "vault/other", 41);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    Talks cut = begin_talks(safe, friend_pod, Begun::kByOther);
    append(cut, begin_talks(safe, friend_pod, Begun::kByGuarded, kFirstPort,
                            {{"TCP, server pushes", true, Flow::kServerPushes}, {"TCP, idle", true, Flow::kIdle}}));
    const Talks going_on = begin_talks(safe, other_friend, Begun::kByOther, 7100);

    hand_over(net, friend_pod, "blog/stranger");
    agent.wait_for_verdict("blog/stranger", safe.name + ":7000", "deny");
    check_cut_and_going_on(cut, going_on, Clock::now());
}

/// Sends from the port and to the port that a conversation had, and counts what the pod sees of it.
size_t arrivals_on(const Talk& talk, const Place& stranger, const Place& safe, Tap& tap, const std::string& marker) {
    const FrameSender sender(stranger);
    const bool guarded_first = talk.begun == Begun::kByGuarded;
    const uint16_t client = talk.conversation->client_port();
    const uint16_t server = kFirstPort;
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        auto packet = sender.frame().ip(stranger.address(family).text(), safe.address(family).text());
        const uint16_t from = guarded_first ? server : client;
        const uint16_t to = guarded_first ? client : server;
        talk.kind.stream ? packet.tcp(from, to, kAck | kPsh, 1000, 1000) : packet.udp(from, to);
        sender.send(packet.payload(Bytes(marker.begin(), marker.end())).bytes());
    }
    return tap.count(marker);
}

TEST_CASE("an address of this node that goes to another tenant's pod takes no conversation along") {
    const Vault vault;
    const auto& [net, safe] = vault;
    const Place friend_pod = net.add(kNodeA, "vault/friend", 40);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const std::vector<Kind> tcp{{"TCP, client pushes", true, Flow::kClientPushes}};
    const std::vector<Kind> udp{{"UDP, ping-pong", false, Flow::kPingPong}};
    std::vector<Talks> talks;
    talks.push_back(begin_talks(safe, friend_pod, Begun::kByOther, kFirstPort, tcp));
    talks.push_back(begin_talks(safe, friend_pod, Begun::kByOther, kFirstPort, udp));
    talks.push_back(begin_talks(safe, friend_pod, Begun::kByGuarded, kFirstPort, tcp));
    talks.push_back(begin_talks(safe, friend_pod, Begun::kByGuarded, kFirstPort, udp));

    net.unwire(friend_pod);
    net.manifests().remove(file_of(friend_pod));
    const Place stranger = net.add(kNodeA, "blog/stranger", 40);
    agent.wait_for_verdict(stranger.name, safe.name + ":7000", "deny");
    Tap tap(safe.netns);
    int number = 0;
    for (const Talks& both : talks)
        for (const Talk& talk : both) {
            INFO(talk.what);
            CHECK(arrivals_on(talk, stranger, safe, tap, "from-another-" + std::to_string(++number) + "!") == 0);
        }
    // The same frames arrive once nothing is protected: it was not for their form that they fell.
    net.manifests().write("vault.yaml", namespace_text("vault"));
    agent.wait_for_verdict(stranger.name, safe.name + ":7000", "allow");
    CHECK(arrivals_on(talks.front().front(), stranger, safe, tap, "when-open") > 0);
}

} // namespace
} // namespace bulkhead::test
