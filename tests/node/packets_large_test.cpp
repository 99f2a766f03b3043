// SPDX-License-Identifier: Apache-2.0
//
// What is larger than a packet may be: datagrams that come in fragments, segments of more than 64 KiB at once, and
// connections whose way turns out to be narrower than their ends think.
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "packets_support.h"
#include "support/echo_server.h"
#include "support/netlink.h"

namespace bulkhead::test {
namespace {

constexpr size_t kLarge = 30000;   // bytes: four fragments at the VPC's MTU
constexpr size_t kStream = 300000; // bytes

/// Does a datagram of `size` bytes come back whole?
bool echoes(const Place& from, const Endpoint& to, size_t size, Clock::duration limit) {
    const Fd fd = require(udp_connect(from.netns, to));
    require(send_all(fd, Bytes(size, 0x5a), after(1s)));
    const auto answer = receive_datagram(fd, after(limit));
    return answer && answer->size() == size;
}

TEST_CASE("datagrams in fragments get where their first fragment may go, and their answers come back") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const Fortress fortress;
    const auto& [net, safe, open, near, far] = fortress;
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    const auto protected_server = require(EchoServer::start(safe.netns, {kOpened, kShut}));
    const EchoServer others[] = {require(EchoServer::start(near.netns, {kShut})),
                                 require(EchoServer::start(far.netns, {kShut}))};
    for (const Place* stranger : {&near, &far}) {
        INFO(stranger->name << " over IPv" << int{family});
        CHECK(echoes(*stranger, {safe.address(family), kOpened}, kLarge, 10s));
        CHECK_FALSE(echoes(*stranger, {safe.address(family), kShut}, kLarge, 500ms));
        CHECK(echoes(safe, {stranger->address(family), kShut}, kLarge, 10s));
    }
}

constexpr std::string_view kHonest = "none";

TEST_CASE("a port is found in the largest frames, of which the kernel keeps only the first bytes in one piece") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const Fortress fortress;
    const auto& [net, safe, open, near, far] = fortress;
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    const Fd shut = require(bound_socket(safe.netns, {safe.address(family), kShut}, SOCK_DGRAM));
    const Fd opened = require(bound_socket(safe.netns, {safe.address(family), kOpened}, SOCK_DGRAM));
    constexpr size_t kNearlyAll = 8900; // of the VPC's MTU
    const FrameSender sender(near);
    const auto to_safe = sender.frame().ip(near.address(family).text(), safe.address(family).text());
    sender.send(Packet(to_safe).udp(4000, kShut).payload(kNearlyAll).bytes());
    sender.send(Packet(to_safe).udp(4000, kOpened).payload(kNearlyAll).bytes());
    CHECK(require(receive_datagram(opened, after(5s))).size() == kNearlyAll);
    CHECK_FALSE(readable(shut, after(0s)));
}

/// Fragments that are to be put together otherwise than they were judged.
struct Trick {
    std::string_view description;
    std::vector<Packet> pieces;
};

constexpr size_t kInFirst = 1016; // bytes of the datagram, which says that it is no longer; what follows is cut off

std::vector<Trick> tricks(const Packet& to_safe) {
    const auto first = [&](uint16_t port, uint32_t id) {
        return Packet(to_safe).fragment(0, kMoreFragments, id).udp(4000, port).payload(kInFirst);
    };
    const auto rest = [&](uint16_t offset, uint32_t id) {
        return Packet(to_safe).fragment(offset, kLastFragment, id).protocol(BH_UDP).payload(kInFirst);
    };
    return {
        {kHonest, {first(kOpened, 9), rest(1024, 9)}},
        {"a second first", {first(kOpened, 1), first(kShut, 1), rest(1024, 1)}},
        {"a second first behind the rest", {first(kOpened, 2), rest(1024, 2), first(kShut, 2)}},
        {"a first that overtakes", {first(kShut, 3), first(kOpened, 3), rest(1024, 3)}},
        {"a rest that lies over the first", {first(kShut, 4), first(kOpened, 4), rest(512, 4), rest(1024, 4)}},
        {"a rest that comes first", {rest(1024, 5), first(kShut, 5)}},
        {"a rest on another's note", {first(kOpened, 6), rest(1024, 6), first(kShut, 7), rest(1024, 6)}},
    };
}

TEST_CASE("no trick with fragments gets a datagram to a port that isn't open") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const Fortress fortress;
    const auto& [net, safe, open, near, far] = fortress;
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    const Fd shut = require(bound_socket(safe.netns, {safe.address(family), kShut}, SOCK_DGRAM));
    const Fd opened = require(bound_socket(safe.netns, {safe.address(family), kOpened}, SOCK_DGRAM));
    const FrameSender sender(near);
    const auto to_safe = sender.frame().ip(near.address(family).text(), safe.address(family).text());
    for (const auto& [description, pieces] : tricks(to_safe)) {
        INFO(description << " over IPv" << int{family});
        for (const Packet& piece : pieces)
            sender.send(piece.bytes());
        const Bytes last(8, static_cast<uint8_t>(description[0]));
        sender.send(Packet(to_safe).udp(4000, kOpened).payload(last).bytes());
        std::vector<Bytes> arrived;
        do
            arrived.push_back(require(receive_datagram(opened, after(5s))));
        while (arrived.back() != last); // what came before it has been put together
        if (description == kHonest) CHECK(arrived.front().size() == kInFirst);
        CHECK_FALSE(readable(shut, after(0s)));
    }
}

/// Makes the last link to a pod narrower than its interface, and everybody else, believes it to be.
void narrow(const Net& net, const Place& pod) {
    const Place node = net.node(pod.node);
    const auto [failed, output] = run_in(node.netns, {"ip", "-j", "route", "show", pod.ip4.text()});
    if (failed) FAIL("ip route: " << output);
    const std::string veth = Json::parse(output).at(0).at("dev");
    const auto [refused, complaint] = run_in(node.netns, {"ip", "link", "set", veth, "mtu", "1400"});
    if (refused) FAIL("ip link: " << complaint);
}

TEST_CASE("a protected pod learns of a narrower path, whoever began the connection") {
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const bool safe_begins = GENERATE(true, false);
    const Fortress fortress;
    const auto& [net, safe, open, near, far] = fortress;
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const Place& client = safe_begins ? safe : far;
    const Place& server = safe_begins ? far : safe;
    const Endpoint at{server.address(family), kOpenedTcp};
    const Fd listener = require(tcp_listen(server.netns, at));
    const Fd from_client = require(tcp_connect(client.netns, at, after(10s)));
    const Fd from_server = require(tcp_accept(listener, after(10s)));
    const Fd& sender = safe_begins ? from_client : from_server;
    const Fd& receiver = safe_begins ? from_server : from_client;

    narrow(net, far);

    INFO("over IPv" << int{family} << ", begun by " << client.name);
    bool all_arrived = false;
    std::thread reader([&] { all_arrived = receive_exactly(receiver, kStream, after(20s)).has_value(); });
    CHECK(send_all(sender, Bytes(kStream, 0x5a), after(20s)));
    reader.join();
    CHECK(all_arrived);
}

/// Lets the kernel make segments of more than 64 KiB for that device ("BIG TCP"): those of IPv4 say no total length.
void allow_big_tcp(const Netns& netns, const std::string& device) {
    struct {
        nlmsghdr head;
        ifinfomsg link;
        rtattr gso;
        uint32_t gso_size;
        rtattr gro;
        uint32_t gro_size;
    } request{};
    request.head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
    request.link.ifi_index = netns.run([&] { return static_cast<int>(if_nametoindex(device.c_str())); });
    request.gso = {.rta_len = 8, .rta_type = IFLA_GSO_IPV4_MAX_SIZE};
    request.gro = {.rta_len = 8, .rta_type = IFLA_GRO_IPV4_MAX_SIZE};
    request.gso_size = request.gro_size = 180000;
    require(tell_kernel(netns, NETLINK_ROUTE, &request, sizeof request));
}

TEST_CASE("a stream in segments of more than 64 KiB arrives") {
    const bool exposed = GENERATE(false, true);
    constexpr size_t kBulk = 64 << 20; // bytes: until the window is as wide as it gets
    const Fortress fortress;
    const auto& [net, safe, open, near, far] = fortress;
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const Place& server = exposed ? safe : open;
    allow_big_tcp(near.netns, "eth0");
    for (const Place* pod : {&near, &server})
        allow_big_tcp(net.node(kNodeA).netns, veth_of(agent, *pod));
    const Endpoint at{server.ip4, kOpenedTcp};
    const Fd listener = require(tcp_listen(server.netns, at));
    const Fd client = require(tcp_connect(near.netns, at, after(10s)));
    const Fd accepted = require(tcp_accept(listener, after(10s)));
    const int room = 8 << 20;
    REQUIRE(setsockopt(client.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) == 0);
    bool all_arrived = false;
    std::thread reader([&] { all_arrived = receive_exactly(accepted, kBulk, after(20s)).has_value(); });
    CHECK(send_all(client, Bytes(kBulk, 0x5a), after(20s)));
    reader.join();
    CHECK(all_arrived);
}

} // namespace
} // namespace bulkhead::test
