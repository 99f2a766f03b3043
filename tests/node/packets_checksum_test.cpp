// SPDX-License-Identifier: Apache-2.0
//
// Checksums that are still to be written when our programs judge a packet (CHECKSUM_PARTIAL): by a device, or by the
// kernel right before one that can't, as ENA can't for most places. Who sends raw frames says where; over what the
// packet was judged by it must not be.
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cstring>

#include "forged_support.h"
#include "packets_support.h"
#include "support/checksum.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kDatabasePort = 5432;
constexpr uint16_t kIpv6Only = 0x86dd;
constexpr uint16_t kIp = 14, kBehindV4 = 34, kBehindV6 = 54; // where headers begin in a frame

/// The checksum over all from `start` on goes `offset` bytes behind it.
struct Unfinished {
    uint16_t start = 0;
    uint16_t offset = 0;
};

struct VirtioHeader { // struct virtio_net_hdr; linux/virtio_net.h is no C++
    uint8_t flags = 0, gso_type = 0;
    uint16_t header = 0, gso_size = 0, start = 0, offset = 0;
};
constexpr uint8_t kNeedsChecksum = 1;

class UnfinishedSender {
public:
    explicit UnfinishedSender(const Place& from)
        : frames_(from), fd_(from.netns.run([] { return Fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)); })) {
        const unsigned device = from.netns.run([] { return if_nametoindex("eth0"); });
        sockaddr_ll where{};
        where.sll_family = AF_PACKET;
        where.sll_ifindex = static_cast<int>(device);
        const int yes = 1;
        if (setsockopt(fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) != 0 ||
            bind(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
            FAIL("send unfinished checksums: " << strerror(errno));
    }

    Packet frame() const { return frames_.frame(); }
    void send(const Bytes& frame, Unfinished checksum) const {
        const VirtioHeader header{.flags = kNeedsChecksum, .start = checksum.start, .offset = checksum.offset};
        Bytes all(sizeof header + frame.size());
        std::memcpy(all.data(), &header, sizeof header);
        std::copy(frame.begin(), frame.end(), all.begin() + sizeof header);
        const ssize_t sent = ::send(fd_.get(), all.data(), all.size(), 0);
        if (sent != static_cast<ssize_t>(all.size())) FAIL("send: " << strerror(errno));
    }

private:
    FrameSender frames_;
    Fd fd_;
};

void put16(Bytes& frame, size_t at, uint16_t value) {
    frame.at(at) = static_cast<uint8_t>(value >> 8);
    frame.at(at + 1) = static_cast<uint8_t>(value);
}

/// As a socket leaves it to the device: what the pseudo header adds up to stands where the checksum goes.
Bytes left_to_device(Bytes frame, Unfinished checksum) {
    const size_t field = checksum.start + checksum.offset;
    const auto rest = [&] { return Bytes(frame.begin() + checksum.start, frame.end()); };
    const uint16_t finished = static_cast<uint16_t>(frame.at(field) << 8 | frame.at(field + 1));
    put16(frame, field, 0);
    // finished = ~(pseudo + rest)
    const uint32_t pseudo = static_cast<uint16_t>(~finished) + uint32_t{internet_checksum(rest())};
    put16(frame, field, static_cast<uint16_t>((pseudo & 0xffff) + (pseudo >> 16)));
    return frame;
}

/// With its last two bytes such that the checksum over all from `start` on comes out as `wanted`.
Bytes aimed(Bytes frame, size_t start, uint16_t wanted) {
    put16(frame, frame.size() - 2, 0);
    const uint32_t filler = internet_checksum({frame.begin() + static_cast<long>(start), frame.end()}) +
                            uint32_t{static_cast<uint16_t>(~wanted)};
    put16(frame, frame.size() - 2, static_cast<uint16_t>((filler & 0xffff) + (filler >> 16)));
    return frame;
}

/// What has no generic offload has the kernel finish checksums.
void take_offload(const Netns& netns, const std::string& device) {
    const bool taken = netns.run([&] {
        const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ethtool_value off{.cmd = ETHTOOL_STXCSUM, .data = 0};
        ifreq request{};
        device.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_data = reinterpret_cast<char*>(&off);
        return ioctl(fd.get(), SIOCETHTOOL, &request) == 0;
    });
    REQUIRE(taken);
}

/// Text, room for a checksum, and an even length.
Bytes room_and(const std::string& marker) {
    std::string text = std::string(32, '.') + marker;
    text.resize((text.size() + 3) / 2 * 2, '.');
    return bytes_of(text);
}

AgentProcess start_agent(const Fortress& fortress, const std::string& attach) {
    const Place node = fortress.net.node(kNodeA);
    return AgentProcess::start(fortress.net, node, {.attach = attach, .metrics_address = kMetricsAddress});
}

/// It falls where it is sent, for this reason: nobody else gets to see it.
bool falls(const Place& node, const std::function<void()>& send) {
    const double before = refused(node, "egress", "checksum");
    send();
    return wait_until([&] { return refused(node, "egress", "checksum") == before + 1; }, after(10s), 20ms);
}

/// What follows the IP header's addresses, and where the sender wants the checksum.
struct Row {
    const char* what;
    uint8_t family;
    std::function<Packet(Packet)> rest;
    Unfinished checksum;
    bool passes;
};

Packet behind_headers(Packet p, int headers) {
    for (int i = 0; i < headers; ++i)
        p.destination_options();
    return p.udp(1, 9);
}

std::vector<Row> places_in_v4() {
    const auto v4 = BH_IPV4;
    const auto udp = [](Packet p) { return p.udp(1, 9); };
    const auto tcp = [](Packet p) { return p.tcp(1, 9, kAck); };
    const auto optional = [](Packet p) { return p.options(8).udp(1, 9); };
    const auto echo = [](Packet p) { return p.echo_request(1); };
    const auto sctp = [](Packet p) { return p.sctp(1, 9); };
    const auto gre = [](Packet p) { return p.protocol(47); };
    const auto later = [](Packet p) { return p.fragment(64, kLastFragment, 7).protocol(BH_UDP); };
    return {
        {"UDP's own", v4, udp, {kBehindV4, 6}, true},
        {"a tunnel's, in the datagram", v4, udp, {kBehindV4 + 16, 6}, true},
        {"right behind UDP", v4, udp, {kBehindV4, 8}, true},
        {"over UDP's length", v4, udp, {kBehindV4, 5}, false},
        {"over the port", v4, udp, {kBehindV4, 2}, false},
        {"over the sender's port", v4, udp, {kBehindV4, 0}, false},
        {"over the destination", v4, udp, {kIp + 16, 0}, false},
        {"over the source", v4, udp, {kIp + 12, 0}, false},
        {"over the source, begun before it", v4, udp, {kIp + 6, 7}, false},
        {"over the protocol", v4, udp, {kIp + 8, 1}, false},
        {"TCP's own", v4, tcp, {kBehindV4, 16}, true},
        {"a byte before it", v4, tcp, {kBehindV4, 15}, false},
        {"behind TCP", v4, tcp, {kBehindV4, 20}, true},
        {"over the urgent pointer", v4, tcp, {kBehindV4, 18}, false},
        {"over the flags", v4, tcp, {kBehindV4, 12}, false},
        {"UDP's own behind options", v4, optional, {kBehindV4 + 8, 6}, true},
        {"over the options", v4, optional, {kBehindV4, 6}, false},
        {"an echo's own", v4, echo, {kBehindV4, 2}, true},
        {"over its type", v4, echo, {kBehindV4, 0}, false},
        {"over its number", v4, echo, {kBehindV4, 4}, false},
        {"SCTP's", v4, sctp, {kBehindV4, 8}, true},
        {"over its first chunk", v4, sctp, {kBehindV4, 12}, false},
        {"in a packet without ports", v4, gre, {kBehindV4, 0}, true},
        {"over its destination", v4, gre, {kIp + 18, 0}, false},
        {"in a later fragment", v4, later, {kBehindV4, 2}, true},
        {"over its destination", v4, later, {kIp + 18, 0}, false},
    };
}

std::vector<Row> places_in_v6() {
    const auto v6 = BH_IPV6;
    const auto udp = [](Packet p) { return p.udp(1, 9); };
    const auto tcp = [](Packet p) { return p.tcp(1, 9, kAck); };
    const auto echo = [](Packet p) { return p.echo_request(1); };
    const auto behind_one = [](Packet p) { return behind_headers(p, 1); };
    const auto behind_nine = [](Packet p) { return behind_headers(p, 9); };
    return {
        {"UDP's own", v6, udp, {kBehindV6, 6}, true},
        {"over the port", v6, udp, {kBehindV6, 2}, false},
        {"over the destination's end", v6, udp, {kIp + 24, 14}, false},
        {"half over it", v6, udp, {kBehindV6 - 1, 0}, false},
        {"over the source", v6, udp, {kIp + 8, 0}, false},
        {"over the next header", v6, udp, {kIp + 6, 0}, false},
        {"TCP's own", v6, tcp, {kBehindV6, 16}, true},
        {"over the port", v6, tcp, {kBehindV6, 2}, false},
        {"an echo's own", v6, echo, {kBehindV6, 2}, true},
        {"over its type", v6, echo, {kBehindV6, 0}, false},
        {"UDP's own behind an extension header", v6, behind_one, {kBehindV6 + 8, 6}, true},
        {"over that header", v6, behind_one, {kBehindV6, 0}, false},
        {"behind more headers than are read", v6, behind_nine, {kBehindV6 + 72, 6}, true},
        {"over the destination before them", v6, behind_nine, {kIp + 24, 14}, false},
    };
}

TEST_CASE("a pod's checksums are written where they belong, and over nothing that it is judged by") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Fortress fortress;
    const auto agent = start_agent(fortress, attach);
    const Place &near = fortress.near, &open = fortress.open, node = fortress.net.node(kNodeA);
    const UnfinishedSender sender(near);
    Tap tap(open.netns);
    std::vector<Row> rows = places_in_v4();
    const auto more = places_in_v6();
    rows.insert(rows.end(), more.begin(), more.end());
    for (size_t i = 0; i < rows.size(); ++i) {
        const Row& row = rows[i];
        INFO(row.what << " over IPv" << int{row.family});
        const std::string marker = "checksum-" + std::to_string(i) + "!";
        const Packet addressed = sender.frame().ip(near.address(row.family).text(), open.address(row.family).text());
        const Bytes frame = row.rest(addressed).payload(room_and(marker)).bytes();
        const auto send = [&] { sender.send(frame, row.checksum); };
        if (!row.passes) CHECK(falls(node, send));
        if (row.passes) send();
        CHECK(tap.sees(marker, 1, after(row.passes ? 10s : 0s)) == row.passes);
    }
}

/// Neither the node's way off nor its side of these pods' veths finishes checksums: so the kernel does.
void leave_to_kernel(const Place& node, const AgentProcess& agent, std::initializer_list<const Place*> pods) {
    take_offload(node.netns, "eth0");
    for (const Place* pod : pods)
        take_offload(node.netns, veth_of(agent, *pod));
}

TEST_CASE("an unfinished checksum is right where it arrives, whether a device finishes it or the kernel") {
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const bool offload = GENERATE(true, false);
    const Fortress fortress;
    const auto agent = start_agent(fortress, "auto");
    const auto& [net, safe, open, near, far] = fortress;
    if (!offload) leave_to_kernel(net.node(kNodeA), agent, {&safe, &open});
    const UnfinishedSender sender(near);
    Tap answers(near.netns, "eth0", kIpv6Only);
    const uint16_t transport = family == BH_IPV4 ? kBehindV4 : kBehindV6;
    for (const Place* receiver : {&safe, &open, &far}) {
        INFO("to " << receiver->name << " over IPv" << int{family} << (offload ? ", by devices" : ", by the kernel"));
        const auto to = [&] {
            return sender.frame().ip(near.address(family).text(), receiver->address(family).text());
        };
        const Fd server = require(bound_socket(receiver->netns, {receiver->address(family), kOpened}, SOCK_DGRAM));
        const Bytes word = room_and("to " + receiver->name);
        const Unfinished in_udp{transport, 6};
        sender.send(left_to_device(to().udp(1, kOpened).payload(word).bytes(), in_udp), in_udp);
        const auto heard = receive_datagram(server, after(10s)); // only with a right checksum
        CHECK((heard && *heard == word));
        if (family == BH_IPV4 || receiver == &safe) continue;
        const Unfinished in_icmp{transport, 2};
        sender.send(left_to_device(to().echo_request(1).payload(word).bytes(), in_icmp), in_icmp);
        CHECK(answers.sees("to " + receiver->name, 1, after(10s)));
    }
}

TEST_CASE("ordinary sockets talk whether a device finishes their checksums or the kernel") {
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const bool offload = GENERATE(true, false);
    const Fortress fortress;
    const auto agent = start_agent(fortress, "auto");
    const auto& [net, safe, open, near, far] = fortress;
    if (!offload) leave_to_kernel(net.node(kNodeA), agent, {&safe, &near});
    const auto server = require(EchoServer::start(safe.netns, {kOpened, kOpenedTcp}));
    for (const Place* client : {&near, &far}) {
        INFO(client->name << " over IPv" << int{family} << (offload ? ", by devices" : ", by the kernel"));
        CHECK(answers_tcp(client->netns, {safe.address(family), kOpenedTcp}, after(10s)));
        CHECK(answers_udp(client->netns, {safe.address(family), kOpened}, after(10s)));
    }
    CHECK(refused(net.node(kNodeA), "egress", "checksum") == 0);
}

TEST_CASE("no checksum makes the address beside a protected resource the resource's behind the uplink's judgement") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Fortress fortress;
    const Place& near = fortress.near;
    const Place node = fortress.net.node(kNodeA), database = fortress.net.wire(kNodeB, "aws/database", 40);
    fortress.net.manifests().write("database.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\n"
                                                    "metadata: {name: database}\nspec: {addresses: {cidrs: [\"" +
                                                        database.ip6.text() + "/128\"]}}\n");
    const auto agent = start_agent(fortress, attach);
    take_offload(node.netns, "eth0");
    const UnfinishedSender sender(near);
    Tap tap(database.netns);
    REQUIRE(database.ip6.text() == "fd00:10:0:2::40");
    const auto beside = sender.frame().ip(near.ip6.text(), "fd00:10:0:2::41");
    const Bytes frame = Packet(beside).udp(1, kDatabasePort).payload(room_and("round-the-corner")).bytes();
    const Unfinished last_of_destination{kIp + 24, 14};
    CHECK(falls(node, [&] { sender.send(aimed(frame, last_of_destination.start, 0x0040), last_of_destination); }));
    CHECK(tap.count("round-the-corner") == 0);
}

TEST_CASE("no checksum makes the port that a protected pod exposes another behind its veth's judgement") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Fortress fortress;
    const auto agent = start_agent(fortress, attach);
    const auto& [net, safe, open, near, far] = fortress;
    const Place node = net.node(kNodeA);
    take_offload(node.netns, veth_of(agent, safe));
    const UnfinishedSender sender(near);
    const Fd shut = require(bound_socket(safe.netns, {safe.ip4, kShut}, SOCK_DGRAM));
    const auto to_safe = sender.frame().ip(near.ip4.text(), safe.ip4.text());
    Bytes frame = Packet(to_safe).udp(1, kOpened).payload(room_and("round-the-corner")).bytes();
    put16(frame, kBehindV4 + 6, 0); // no checksum (RFC 768): the port may change
    const Unfinished port{kBehindV4, 2};
    CHECK(falls(node, [&] { sender.send(aimed(frame, port.start, kShut), port); }));
    CHECK_FALSE(readable(shut, after(0s)));
}

} // namespace
} // namespace bulkhead::test
