// SPDX-License-Identifier: Apache-2.0
//
// A liar who knows all about a TCP connection, its sequence numbers included: in the name of either side he can neither
// end it nor put a word into it, and the very same segments by who they are said to be from do both.
#include <catch2/generators/catch_generators_range.hpp>
#include <linux/tcp.h>
#include <netinet/in.h>

#include "forged_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kClient = 4100, kServer = 5432;
constexpr const char* kWord = "inserted";

uint32_t sequence_in(const Fd& fd, int queue) {
    const int on = 1, off_and_silent = -1; // TCP_REPAIR_OFF_NO_WP
    uint32_t sequence = 0;
    socklen_t size = sizeof sequence;
    const bool read = setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) == 0 &&
                      setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof queue) == 0 &&
                      getsockopt(fd.get(), IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &size) == 0 &&
                      setsockopt(fd.get(), IPPROTO_TCP, TCP_REPAIR, &off_and_silent, sizeof off_and_silent) == 0;
    if (!read) FAIL("a socket doesn't tell its sequence numbers: " << strerror(errno));
    return sequence;
}

/// An idle connection, and segments that fit into it.
struct Connection {
    const Place& client;
    const Place& server;
    uint8_t family;
    Fd listener = require(tcp_listen(server.netns, {server.address(family), kServer}));
    Fd from_client = require(tcp_connect(client.netns, {server.address(family), kServer}, after(10s), kClient));
    Fd from_server = require(tcp_accept(listener, after(10s)));

    const Fd& end_of(const Place& place) const { return &place == &client ? from_client : from_server; }
    const Place& other_than(const Place& place) const { return &place == &client ? server : client; }

    /// Exactly what `speaker` would send next, by way of `sender`'s interface.
    Packet segment(const FrameSender& sender, const Place& speaker, uint8_t flags) const {
        const Fd& end = end_of(speaker);
        const bool is_client = &speaker == &client;
        return between(sender, speaker, other_than(speaker), family)
            .tcp(is_client ? kClient : kServer, is_client ? kServer : kClient, flags, sequence_in(end, TCP_SEND_QUEUE),
                 sequence_in(end, TCP_RECV_QUEUE));
    }

    void check_says(const Place& speaker) const {
        INFO(speaker.name << " says something");
        CHECK(send_all(end_of(speaker), {{1, 2, 3}}, after(5s)));
        const auto heard = receive_exactly(end_of(other_than(speaker)), 3, after(10s));
        CHECK((heard && *heard == Bytes{1, 2, 3}));
    }

    void check_lives() const {
        for (const Place* speaker : {&client, &server})
            check_says(*speaker);
    }
};

void check_no_liar_meddles(const Court& court, const Connection& connection) {
    for (const Place* liar : court.liars()) {
        INFO(liar->name);
        const FrameSender sender(*liar);
        std::vector<Packet> frames;
        for (const Place* name : {&connection.client, &connection.server}) {
            for (const uint8_t flags : std::initializer_list<uint8_t>{kRst, kRst | kAck, kSyn, kFin | kAck})
                frames.push_back(connection.segment(sender, *name, flags));
            frames.push_back(connection.segment(sender, *name, kPsh | kAck).payload(bytes_of(kWord)));
        }
        court.check_refused_where_sent(*liar, frames, "spoofed");
        connection.check_lives(); // and the first thing that each hears is not the word
    }
}

void check_the_truth_does(const Connection& connection) {
    const FrameSender sender(connection.server);
    const Fd& hearing = connection.from_client;
    sender.send(connection.segment(sender, connection.server, kPsh | kAck).payload(bytes_of(kWord)).bytes());
    const auto heard = receive_exactly(hearing, bytes_of(kWord).size(), after(10s));
    CHECK((heard && *heard == bytes_of(kWord)));
    Packet reset = between(sender, connection.server, connection.client, connection.family)
                       .tcp(kServer, kClient, kRst, sequence_in(hearing, TCP_RECV_QUEUE));
    sender.send(reset.bytes());
    CHECK(readable(hearing, after(10s)));
    char byte = 0;
    CHECK(recv(hearing.get(), &byte, 1, 0) == -1);
    CHECK(errno == ECONNRESET);
}

TEST_CASE("a protected pod's connections are neither ended nor added to in anybody's name") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto here = court.agent(kNodeA, attach), there = court.agent(kNodeB, attach);
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const Place* server : {&court.kin, &court.peer}) {
            INFO("with " << server->name << " over IPv" << int{family});
            const Connection connection{court.safe, *server, family};
            connection.check_lives();
            check_no_liar_meddles(court, connection);
            check_the_truth_does(connection);
        }
}

} // namespace
} // namespace bulkhead::test
