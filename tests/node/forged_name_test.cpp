// SPDX-License-Identifier: Apache-2.0
//
// A stranger speaks in somebody else's name: in the protected pod's own, its neighbour's, its peer's, its node's. Each
// such packet falls at the stranger's own veth, so it leaves no memory and keeps none alive.
#include <catch2/generators/catch_generators_range.hpp>

#include "forged_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kOwn = 4000, kTheirs = 53, kEcho = 9; // the protected pod's ports and its peer's; its ping
constexpr const char* kForged = "forged;";

/// What follows the addresses of a packet to the protected pod.
struct Word {
    const char* what;
    std::function<Packet(Packet)> rest;
    bool answers; // gets in from the peer, whom the protected pod has asked by every protocol
};

std::vector<Word> words() {
    return {
        {"a SYN", [](Packet p) { return p.tcp(kTheirs, kOwn, kSyn); }, false},
        {"a SYN's answer", [](Packet p) { return p.tcp(kTheirs, kOwn, kSyn | kAck); }, true},
        {"TCP data", [](Packet p) { return p.tcp(kTheirs, kOwn, kPsh | kAck); }, true},
        {"a FIN", [](Packet p) { return p.tcp(kTheirs, kOwn, kFin | kAck); }, true},
        {"a RST", [](Packet p) { return p.tcp(kTheirs, kOwn, kRst); }, true},
        {"a datagram", [](Packet p) { return p.udp(kTheirs, kOwn); }, true},
        {"... to the port beside", [](Packet p) { return p.udp(kTheirs, kOwn + 1); }, false},
        {"an SCTP answer", [](Packet p) { return p.sctp(kTheirs, kOwn, kSctpInitAck); }, true},
        {"a ping", [](Packet p) { return p.echo_request(kEcho); }, false},
        {"a ping's answer", [](Packet p) { return p.echo_reply(kEcho); }, true},
        {"GRE", [](Packet p) { return p.protocol(47); }, true},
        {"ESP", [](Packet p) { return p.protocol(50); }, true},
        {"a protocol that nobody knows", [](Packet p) { return p.protocol(253); }, true},
    };
}

/// Asks the peer by every protocol; the handle keeps the TCP connection.
std::vector<Fd> ask(const Court& court, uint8_t family) {
    std::vector<Fd> connection;
    const Endpoint at{court.peer.address(family), kTheirs};
    connection.push_back(require(tcp_listen(court.peer.netns, at)));
    connection.push_back(require(tcp_connect(court.safe.netns, at, after(10s), kOwn)));
    const FrameSender safe(court.safe);
    const auto question = [&] { return between(safe, court.safe, court.peer, family); };
    safe.send(question().udp(kOwn, kTheirs).bytes());
    safe.send(question().sctp(kOwn, kTheirs).bytes());
    safe.send(question().echo_request(kEcho).bytes());
    for (const uint8_t protocol : std::initializer_list<uint8_t>{47, 50, 253})
        safe.send(question().protocol(protocol).payload(8).bytes());
    return connection;
}

/// Every word in every name.
std::vector<Packet> lies(const Court& court, const Place& liar, uint8_t family) {
    const FrameSender sender(liar);
    const Place node = court.net.node(kNodeA);
    std::vector<Packet> frames;
    for (const Place* name : {&court.safe, &court.kin, &court.peer, &node})
        for (const Word& word : words())
            frames.push_back(word.rest(between(sender, *name, court.safe, family)).payload(bytes_of(kForged)));
    return frames;
}

void check_true_words(const Court& court, Tap& tap, uint8_t family) {
    const FrameSender peer(court.peer);
    const auto marker = [&](const Word& word) { return std::string(word.what) + std::to_string(family) + ";"; };
    const auto all = words();
    {
        const OneCpu in_order;
        for (const Word& word : all)
            peer.send(word.rest(between(peer, court.peer, court.safe, family)).payload(bytes_of(marker(word))).bytes());
    }
    CHECK(tap.sees(marker(all.back()), 1, after(10s)));
    for (const Word& word : all) {
        INFO(word.what << " of the peer's own");
        CHECK((tap.count(marker(word)) == 1) == word.answers);
    }
}

TEST_CASE("nobody's name gets a stranger's word into a protected pod, by no protocol") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto here = court.agent(kNodeA, attach), there = court.agent(kNodeB, attach);
    Tap tap(court.safe.netns);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const auto connection = ask(court, family);
        for (const Place* liar : court.liars()) {
            INFO(liar->name << " over IPv" << int{family});
            court.check_refused_where_sent(*liar, lies(court, *liar, family), "spoofed");
            CHECK(tap.count(kForged) == 0);
        }
        check_true_words(court, tap, family);
    }
}

TEST_CASE("a question that a stranger put into a protected pod's mouth lets no answer in") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto here = court.agent(kNodeA, attach), there = court.agent(kNodeB, attach);
    const auto& [net, safe, kin, peer, near, far] = court;
    Tap tap(safe.netns);
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const auto& [liar, accomplice] : {std::pair(&near, &far), std::pair(&far, &near)}) {
            INFO(liar->name << " over IPv" << int{family});
            const FrameSender lies(*liar);
            std::vector<Packet> questions;
            for (const Place* asked : {liar, accomplice}) {
                const auto question = [&, asked = asked] { return between(lies, safe, *asked, family); };
                questions.push_back(question().udp(kOwn, kTheirs));
                questions.push_back(question().tcp(kOwn, kTheirs, kSyn));
                questions.push_back(question().echo_request(kEcho));
            }
            court.check_refused_where_sent(*liar, questions, "spoofed");
            court.check_refused_where_it_went(6, "not-granted", [&, liar = liar, accomplice = accomplice] {
                for (const Place* asked : {liar, accomplice}) {
                    const FrameSender sender(*asked);
                    const auto answer = [&, asked = asked] { return between(sender, *asked, court.safe, family); };
                    sender.send(answer().udp(kTheirs, kOwn).payload(bytes_of(kForged)).bytes());
                    sender.send(answer().tcp(kTheirs, kOwn, kSyn | kAck).payload(bytes_of(kForged)).bytes());
                    sender.send(answer().echo_reply(kEcho).payload(bytes_of(kForged)).bytes());
                }
            });
            CHECK(tap.count(kForged) == 0);

            const std::string marker = liar->name + std::to_string(family) + ";"; // once it did ask
            const FrameSender asks(safe), answers(*liar);
            asks.send(between(asks, safe, *liar, family).udp(kOwn + 2, kTheirs).bytes());
            answers.send(
                between(answers, *liar, safe, family).udp(kTheirs, kOwn + 2).payload(bytes_of(marker)).bytes());
            CHECK(tap.sees(marker, 1, after(10s)));
        }
}

/// What a talk's client would say to its server, by way of somebody else's interface.
Packet in_the_name_of_the_client(const FrameSender& liar, const Court& court, const Talk& talk, uint8_t family,
                                 uint16_t server_port) {
    Packet frame = between(liar, court.peer, court.safe, family);
    const uint16_t client_port = talk.conversation->client_port();
    if (talk.kind.stream) return frame.tcp(client_port, server_port, kPsh | kAck).payload(bytes_of(kForged));
    return frame.udp(client_port, server_port).payload(bytes_of(kForged));
}

TEST_CASE("a conversation is not kept alive in its peer's name, nor taken over once it is revoked") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto tenant = [&](const std::string& more) {
        court.net.manifests().write("tenant.yaml",
                                    tenant_text("vault", "namespaces: [vault], level: protected" + more));
    };
    tenant(", allowFrom: [{from: [{namespace: news}]}]");
    const auto here = court.agent(kNodeA, attach), there = court.agent(kNodeB, attach);
    const std::vector<Kind> kinds{{"TCP, idle", true, Flow::kIdle}, {"UDP, ping-pong", false, Flow::kPingPong}};
    const Talks talks = begin_talks(court.safe, court.peer, Begun::kByOther, kFirstPort, kinds);
    Tap tap(court.safe.netns);
    const auto check_lies_fall = [&] {
        for (const Place* liar : court.liars()) {
            const FrameSender sender(*liar);
            std::vector<Packet> frames;
            for (size_t i = 0; i < talks.size(); ++i)
                frames.push_back(in_the_name_of_the_client(sender, court, talks[i], i < 2 ? BH_IPV4 : BH_IPV6,
                                                           static_cast<uint16_t>(kFirstPort + i)));
            INFO(liar->name);
            court.check_refused_where_sent(*liar, frames, "spoofed");
            CHECK(tap.count(kForged) == 0);
        }
    };
    check_lies_fall();
    check_going_on(talks);
    tenant("");
    here.wait_for_verdict(court.peer.name, court.safe.name + ":7000", "deny");
    check_lies_fall();
    check_cut_and_going_on(talks, {}, Clock::now());
    check_lies_fall();
}

} // namespace
} // namespace bulkhead::test
