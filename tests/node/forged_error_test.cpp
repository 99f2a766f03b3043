// SPDX-License-Identifier: Apache-2.0
//
// ICMP errors of a stranger about what a protected pod says to somebody else: no socket of the pod's hears of them, and
// it hears of the same errors by who may complain.
#include <catch2/generators/catch_generators_range.hpp>
#include <netinet/in.h>

#include "forged_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kOwn = 4200, kTheirs = 53;
constexpr uint32_t kNarrow = 1280; // bytes: the smallest that IPv6 knows, RFC 8200

struct Complaint {
    const char* what;
    uint8_t family, type, code;
    uint32_t rest; // of the ICMP header: the MTU
    int error;     // as the socket hears of it: icmp(7), icmpv6_err_convert()
};

constexpr Complaint kComplaints[] = {
    {"host unreachable", BH_IPV4, 3, 1, 0, EHOSTUNREACH},       {"port unreachable", BH_IPV4, 3, 3, 0, ECONNREFUSED},
    {"fragmentation needed", BH_IPV4, 3, 4, kNarrow, EMSGSIZE}, {"no route", BH_IPV6, 1, 0, 0, ENETUNREACH},
    {"port unreachable", BH_IPV6, 1, 4, 0, ECONNREFUSED},       {"packet too big", BH_IPV6, 2, 0, kNarrow, EMSGSIZE},
};

int error_of(const Fd& fd) {
    int error = 0;
    socklen_t size = sizeof error;
    REQUIRE(getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    return error;
}

/// A socket that has said something to `to`, and hears of errors about it.
Fd talks_to(const Place& from, const Place& to, uint8_t family, uint16_t from_port = 0) {
    Fd fd = require(udp_connect(from.netns, {to.address(family), kTheirs}, from_port));
    const int on = 1;
    const bool v4 = family == BH_IPV4;
    REQUIRE(setsockopt(fd.get(), v4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6}, v4 ? IP_RECVERR : IPV6_RECVERR, &on,
                       sizeof on) == 0);
    require(send_all(fd, {{1}}, after(1s)));
    return fd;
}

/// `complainer` says of what the protected pod sent to `addressee`: it didn't get there.
Packet complaint(const FrameSender& sender, const Place& complainer, const Court& court, const Place& addressee,
                 const Complaint& about) {
    const auto said =
        packet().eth().ip(court.safe.address(about.family).text(), addressee.address(about.family).text());
    return between(sender, complainer, court.safe, about.family)
        .icmp(about.type, about.code, about.rest)
        .quoting(Packet(said).udp(kOwn, kTheirs).payload(8));
}

std::vector<Packet> complaints(const FrameSender& sender, const Place& complainer, const Court& court,
                               const Place& addressee, uint8_t family) {
    std::vector<Packet> frames;
    for (const Complaint& about : kComplaints)
        if (about.family == family) frames.push_back(complaint(sender, complainer, court, addressee, about));
    return frames;
}

void check_hears_of_the_peers_own(const Court& court, const Fd& socket, uint8_t family) {
    const FrameSender peer(court.peer);
    for (const Complaint& about : kComplaints) {
        if (about.family != family) continue;
        INFO(about.what);
        peer.send(complaint(peer, court.peer, court, court.peer, about).bytes());
        int heard = 0;
        CHECK(wait_until([&] { return (heard = error_of(socket)) != 0; }, after(10s)));
        CHECK(heard == about.error);
    }
}

void check_hears_of_what_it_said(const Court& court, const Place& stranger, uint8_t family) {
    const Fd socket = talks_to(court.safe, stranger, family); // where nobody listens
    int heard = 0;
    CHECK(wait_until([&] { return (heard = error_of(socket)) != 0; }, after(10s)));
    CHECK(heard == ECONNREFUSED);
}

TEST_CASE("a protected pod hears a stranger's errors about what it said to him, and about nothing else") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto here = court.agent(kNodeA, attach), there = court.agent(kNodeB, attach);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const Fd ear = require(bound_socket(court.peer.netns, {court.peer.address(family), kTheirs}, SOCK_DGRAM));
        const Fd socket = talks_to(court.safe, court.peer, family, kOwn);
        for (const Place* liar : court.liars()) {
            INFO(liar->name << " over IPv" << int{family});
            const FrameSender sender(*liar);
            const auto as_a_router = complaints(sender, *liar, court, court.peer, family);
            court.check_refused_where_sent(*liar, as_a_router, "unrelated");
            const auto as_the_peer = complaints(sender, court.peer, court, court.peer, family);
            court.check_refused_where_sent(*liar, as_the_peer, "spoofed");
            // As if the pod had said it to the liar: only the pod's own memory knows better.
            const auto as_addressed = complaints(sender, *liar, court, *liar, family);
            court.check_refused_where_it_went(as_addressed.size(), "unrelated", [&] {
                for (const Packet& frame : as_addressed)
                    sender.send(frame.bytes());
            });
            CHECK(error_of(socket) == 0);
            check_hears_of_what_it_said(court, *liar, family);
        }
        check_hears_of_the_peers_own(court, socket, family);
    }
}

} // namespace
} // namespace bulkhead::test
