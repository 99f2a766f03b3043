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

/// Those that the guarded pod began are cut as well: who answers is not whom it talked to. What it goes on sending to
/// the heir, who is open, still arrives there; no answer does. Only of streams that means that both ends hear nothing:
/// of its own datagrams the heir hears every one (see ends_both_ways() in next_packet_support.cpp).
Talks talks_both_ways(const Place& safe, const Place& friend_pod) {
    Talks talks = begin_talks(safe, friend_pod, Begun::kByOther);
    append(talks, begin_talks(safe, friend_pod, Begun::kByGuarded));
    return talks;
}

TEST_CASE("an address elsewhere that goes to another tenant takes no conversation along") {
    const Vault vault;
    const auto& [net, safe] = vault;
    const Place friend_pod = net.add(kNodeB, "vault/friend", 40);
    const Place other_friend = net.add(kNodeB, "vault/other", 41);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    Talks cut = talks_both_ways(safe, friend_pod);
    const Talks going_on = begin_talks(safe, other_friend, Begun::kByOther, 7100);

    hand_over(net, friend_pod, "blog/stranger");
    agent.wait_for_verdict("blog/stranger", safe.name + ":7000", "deny");
    check_cut_and_going_on(cut, going_on, Clock::now());
}

/// On a node: the veth of one pod becomes another's, with its namespace, address and sockets. So whoever spoke there
/// goes on speaking, as the heir. By way of down, since a veth that is up has no other name before Linux 6.2.
void rename_veth(const Place& node, const std::string& from, const std::string& to, const Place& pod) {
    const auto ip = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "ip");
        const auto [status, output] = run_in(node.netns, words);
        if (status != 0) FAIL("ip: " << output);
    };
    ip({"link", "set", from, "down"}); // takes the routes along
    ip({"link", "set", from, "name", to});
    ip({"link", "set", to, "up"});
    ip({"-6", "route", "replace", pod.ip6.text(), "dev", to});
    ip({"route", "replace", pod.ip4.text(), "dev", to, "scope", "link"});
}

TEST_CASE("an address of this node that becomes another tenant's while they talk takes no conversation along") {
    const Vault vault;
    const auto& [net, safe] = vault;
    const Place friend_pod = net.add(kNodeA, "vault/friend", 40);
    const Place other_friend = net.add(kNodeA, "vault/other", 41);
    const Place former = net.add(kNodeA, "blog/stranger", 42); // for the name of its veth
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const Talks cut = talks_both_ways(safe, friend_pod);
    Talks going_on = begin_talks(safe, other_friend, Begun::kByOther, 7100);
    append(going_on, begin_talks(safe, other_friend, Begun::kByGuarded));

    const std::string veth = veth_of(agent, friend_pod);
    const std::string heirs_veth = veth_of(agent, former);
    net.unwire(former);
    net.manifests().remove(file_of(former));
    hand_over(net, friend_pod, "blog/stranger");
    rename_veth(net.node(kNodeA), veth, heirs_veth, friend_pod);
    agent.wait_for_verdict("blog/stranger", safe.name + ":7000", "deny");
    check_cut_and_going_on(cut, going_on, Clock::now());

    // The wire still leads where it did: what was cut goes on once nothing is protected. (Streams have to try again,
    // and wait longer each time; datagrams just come.)
    net.manifests().write("vault.yaml", namespace_text("vault"));
    agent.wait_for_verdict("blog/stranger", safe.name + ":7000", "allow");
    const auto open = Clock::now();
    for (const Talk& talk : cut) {
        INFO(talk.what);
        if (!talk.kind.stream) CHECK(talk.conversation->arrives(talk.guarded_end(), open, after(10s)));
    }
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
