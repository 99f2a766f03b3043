// SPDX-License-Identifier: Apache-2.0
//
// A pod with two interfaces, each with addresses of its own: to the rule it is one pod, whichever of them a packet goes
// to or comes from.
#include <catch2/generators/catch_generators_range.hpp>

#include "metrics_support.h"
#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 8080;
// printf vault.safe | sha1sum | cut -c1-11, and of vault.safe.1
constexpr const char* kFirstVeth = "eni05884c50f2a";
constexpr const char* kSecondVeth = "eni96fec8f384f";
constexpr const char* kFirst = "eth0"; // in the pod
constexpr const char* kSecond = "mNicIf1";

/// A pod that is protected, and confined but for one whom it may ask; one of its tenant, on the node that knows all of
/// its addresses by its own routes; and strangers near and far.
struct Station {
    Net net = Net::create();
    Place safe = net.wire(kNodeA, "vault/safe", 20, {"--second", "10.0.1.120", "--second", "fd00:10:0:1::120"});
    Place kin = net.add(kNodeA, "vault/kin", 21);
    Place asked = net.add(kNodeB, "news/asked", 22);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);
    std::vector<EchoServer> servers;

    Station() {
        net.tell(safe); // of its first interface alone, as status.podIPs does
        net.manifests().write("vault.yaml", namespace_text("vault") + "---\n" +
                                                tenant_text("vault", "namespaces: [vault], level: protected, "
                                                                     "confined: true, "
                                                                     "allowTo: [{to: [{namespace: news}]}]"));
        for (const char* ns : {"news", "blog"})
            net.manifests().write(std::string(ns) + ".yaml", namespace_text(ns));
        for (const Place* place : {&safe, &kin, &asked, &near, &far})
            servers.push_back(require(EchoServer::start(place->netns, {kPort})));
    }

    /// Of the first interface and of the second.
    std::pair<Address, Address> addresses(uint8_t family) const {
        return {safe.address(family), require(Address::parse(family == BH_IPV4 ? "10.0.1.120" : "fd00:10:0:1::120"))};
    }
};

void check_one_pod_with_two_guarded_veths(const Station& station, const AgentProcess& agent) {
    Json row;
    const auto holds = [&] {
        row = agent.endpoint(station.safe.name);
        return row.is_object() && row.value("state", "") == "guarded" && row.at("addresses").size() == 4;
    };
    CHECK(wait_until(holds, after(10s)));
    INFO(row.dump());
    CHECK(row.at("interfaces") == Json{kFirstVeth, kSecondVeth});
}

void check_asks(const Place& from, const Address& to, bool expected) {
    INFO(from.name << " to " << to.text());
    const auto limit = [&] { return after(expected ? 10s : 200ms); };
    CHECK(answers_tcp(from.netns, {to, kPort}, limit()) == expected);
    CHECK(answers_ping(from.netns, to, limit()) == expected); // which answers from where it was asked, unlike UDP
}

/// By which interface such a packet leaves, the pod's routes tell by its source.
void check_asks_from(const Place& pod, const Address& from, const Address& to, bool expected) {
    INFO(from.text() << " to " << to.text());
    const Fd fd = require(bound_socket(pod.netns, {from, 0}, SOCK_DGRAM));
    const auto server = SocketAddress::of(to, kPort);
    REQUIRE(connect(fd.get(), server.raw(), server.size) == 0);
    require(send_all(fd, {{1}}, after(1s)));
    CHECK(readable(fd, after(expected ? 10s : 200ms)) == expected);
}

/// A datagram that the pod sends: from one of its interfaces, from an address, to another.
struct Sent {
    const char* what;
    const char* device;
    Address from, to;
    Tap& arrives_at;
    bool passes;
};

void check_sent(const Station& station, const Sent& sent) {
    static int tries = 0;
    INFO(sent.what << ": " << sent.from.text() << " to " << sent.to.text() << " by " << sent.device);
    const std::string marker = "by-either-" + std::to_string(++tries) + ";";
    const FrameSender sender(station.safe, sent.device);
    const Place node = station.net.node(kNodeA);
    const double before = refused(node, "egress", "spoofed");
    sender.send(sender.frame()
                    .ip(sent.from.text(), sent.to.text())
                    .udp(1, 9)
                    .payload(Bytes(marker.begin(), marker.end()))
                    .bytes());
    const auto judged = [&] {
        return sent.passes ? sent.arrives_at.count(marker) == 1 : refused(node, "egress", "spoofed") > before;
    };
    CHECK(wait_until(judged, after(10s), 5ms));
    CHECK(sent.arrives_at.count(marker) == (sent.passes ? 1 : 0));
}

void check_either_interface_sends_for_both(const Station& station) {
    const auto& [net, safe, kin, asked, near, far, servers] = station;
    Tap at_first(safe.netns, kFirst), at_second(safe.netns, kSecond), at_kin(kin.netns);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const auto [first, second] = station.addresses(family);
        const Address& friend_address = kin.address(family);
        const std::initializer_list<Sent> all{
            {"to itself", kFirst, first, second, at_second, true},
            {"to itself, the other way", kSecond, second, first, at_first, true},
            {"the other's address", kFirst, second, friend_address, at_kin, true},
            {"the other's address", kSecond, first, friend_address, at_kin, true},
            {"its neighbour's", kFirst, near.address(family), friend_address, at_kin, false},
            {"its neighbour's", kSecond, near.address(family), friend_address, at_kin, false},
        };
        for (const Sent& sent : all)
            check_sent(station, sent);
    }
}

TEST_CASE("two interfaces of a pod are one pod: both guarded, each reaches the other, no stranger gets in by either") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Station station;
    const auto& [net, safe, kin, asked, near, far, servers] = station;
    const auto here =
        AgentProcess::start(net, net.node(kNodeA), {.attach = attach, .metrics_address = kMetricsAddress});
    const auto there = AgentProcess::start(net, net.node(kNodeB), {.attach = attach});
    check_one_pod_with_two_guarded_veths(station, here);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const auto [first, second] = station.addresses(family);
        for (const Address& own : {first, second}) {
            check_asks(kin, own, true);
            for (const Place* stranger : {&near, &asked})
                check_asks(*stranger, own, false);
            check_asks_from(safe, own, kin.address(family), true);
            check_asks_from(safe, own, asked.address(family), true); // whose answer only the pod's memory lets in
            check_asks_from(safe, own, far.address(family), false);
            check_asks_from(safe, own, near.address(family), false);
        }
    }
    check_either_interface_sends_for_both(station);
}

} // namespace
} // namespace bulkhead::test
