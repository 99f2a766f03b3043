// SPDX-License-Identifier: Apache-2.0
//
// The tools of the node tests, tried on two plain network namespaces joined by a veth, before anything
// relies on them. Denials are played by addresses that lead nowhere.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "support/conversation.h"
#include "support/echo_server.h"
#include "support/objects.h"
#include "support/process.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

struct Pair {
    ScopedNetns client;
    ScopedNetns server;
};

void ip(const Netns& netns, std::vector<std::string> words) {
    words.insert(words.begin(), {"ip", "-n", netns.name()});
    const auto done = run_command(words);
    INFO((done ? "" : done.error().text));
    REQUIRE(done);
}

ScopedNetns scoped(const std::string& hint) {
    auto made = ScopedNetns::create(hint);
    INFO((made ? "" : made.error().text));
    REQUIRE(made);
    return std::move(*made);
}

/// 192.0.2.1 and 2001:db8::1 in one, .2 and ::2 in the other.
Pair joined_pair() {
    if (geteuid() != 0) SKIP("needs root");
    Pair pair{scoped("client"), scoped("server")};
    ip(*pair.client, {"link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", pair.server->name()});
    for (const auto& [netns, last] : {std::pair(&*pair.client, "1"), std::pair(&*pair.server, "2")}) {
        ip(*netns, {"address", "add", "192.0.2." + std::string(last) + "/24", "dev", "v0"});
        ip(*netns, {"address", "add", "2001:db8::" + std::string(last) + "/64", "dev", "v0", "nodad"});
        ip(*netns, {"link", "set", "v0", "up"});
    }
    return pair;
}

const Address kServer4 = address("192.0.2.2");
const Address kServer6 = address("2001:db8::2");
const Address kNobody4 = address("192.0.2.99");

} // namespace

TEST_CASE("an echo server answers TCP, UDP, SCTP and ping in both families") {
    const Pair pair = joined_pair();
    const auto server = EchoServer::start(*pair.server, {80, 81});
    REQUIRE(server);
    for (const Address& to : {kServer4, kServer6}) {
        INFO(to.text());
        CHECK(answers_tcp(*pair.client, {to, 80}, after(5s)));
        CHECK(answers_tcp(*pair.client, {to, 81}, after(5s)));
        CHECK(answers_udp(*pair.client, {to, 80}, after(5s)));
        CHECK(answers_sctp(*pair.client, {to, 5000}, after(5s)));
        CHECK(answers_ping(*pair.client, to, after(5s)));
    }
}

TEST_CASE("where nobody answers, no probe says that somebody did") {
    const Pair pair = joined_pair();
    CHECK_FALSE(answers_tcp(*pair.client, {kServer4, 80}, after(300ms)));
    CHECK_FALSE(answers_udp(*pair.client, {kServer4, 80}, after(300ms)));
    CHECK_FALSE(answers_sctp(*pair.client, {kServer4, 80}, after(300ms)));
    CHECK_FALSE(answers_ping(*pair.client, kNobody4, after(300ms)));
}

TEST_CASE("running in a network namespace leaves the caller's alone") {
    const Pair pair = joined_pair();
    const auto link_count = [] {
        const auto links = run_command({"ip", "-o", "link"});
        return links ? std::count(links->begin(), links->end(), '\n') : -1;
    };
    const auto outside = link_count();
    CHECK(pair.client->run(link_count) == 2); // lo and v0
    CHECK(link_count() == outside);
    CHECK_THROWS_AS(pair.client->run([]() -> int { throw std::runtime_error("out"); }), std::runtime_error);
    CHECK_FALSE(Netns::open("bht-no-such-namespace"));
}

TEST_CASE("a scoped network namespace is gone with its handle") {
    if (geteuid() != 0) SKIP("needs root");
    std::string name;
    {
        const ScopedNetns netns = scoped("gone");
        name = netns->name();
        CHECK(Netns::open(name));
    }
    CHECK_FALSE(Netns::open(name));
}

TEST_CASE("datagram sockets that may choose have a port each, however many there are") {
    const Pair pair = joined_pair();
    std::vector<Fd> sockets;
    std::set<uint16_t> ports;
    for (int i = 0; i < 900; ++i) {
        auto made = udp_connect(*pair.client, {kServer4, 53});
        REQUIRE(made);
        SocketAddress local;
        REQUIRE(getsockname(made->get(), local.raw(), &local.size) == 0);
        ports.insert(local.port());
        sockets.push_back(std::move(*made));
    }
    CHECK(ports.size() == sockets.size());
}

TEST_CASE("conversations keep bytes moving in the direction that was asked for") {
    const Pair pair = joined_pair();
    uint16_t port = 7000;
    for (const Address& server : {kServer4, kServer6}) {
        for (const auto begin : {&Conversation::tcp, &Conversation::udp}) {
            const auto start = [&](Flow flow) {
                auto made = begin(*pair.client, *pair.server, {.flow = flow, .server = {server, ++port}});
                INFO((made ? "" : made.error().text));
                REQUIRE(made);
                return std::move(*made);
            };
            const auto from_client = start(Flow::kClientPushes);
            const auto from_server = start(Flow::kServerPushes);
            const auto both = start(Flow::kPingPong);
            const auto now = Clock::now();
            CHECK(from_client->arrives(End::kServer, now, after(5s)));
            CHECK(from_client->bytes_arrived(End::kClient) == 0);
            CHECK(from_server->arrives(End::kClient, now, after(5s)));
            CHECK(both->arrives(End::kClient, now, after(5s)));
            CHECK(both->arrives(End::kServer, now, after(5s)));
            CHECK(both->last_arrival(End::kServer) >= now);
            CHECK_FALSE(both->broken(End::kClient));
        }
    }
}

TEST_CASE("an idle conversation is silent until it is poked, from either end") {
    const Pair pair = joined_pair();
    for (const auto begin : {&Conversation::tcp, &Conversation::udp}) {
        auto made = begin(*pair.client, *pair.server, {.server = {kServer4, 7000}});
        REQUIRE(made);
        Conversation& idle = **made;
        const auto established = Clock::now();
        CHECK(idle.silent(established, after(100ms)));
        idle.poke(End::kServer);
        CHECK(idle.arrives(End::kClient, established, after(5s)));
        const auto later = Clock::now();
        idle.poke(End::kClient);
        CHECK(idle.arrives(End::kServer, later, after(5s)));
    }
}

TEST_CASE("a conversation tells when its way was cut") {
    const Pair pair = joined_pair();
    for (const auto begin : {&Conversation::tcp, &Conversation::udp}) {
        ip(*pair.server, {"link", "set", "v0", "up"});
        auto made = begin(*pair.client, *pair.server, {.flow = Flow::kPingPong, .server = {kServer4, 7000}});
        REQUIRE(made);
        CHECK_FALSE((*made)->silent(Clock::now(), after(5s)));
        ip(*pair.server, {"link", "set", "v0", "down"});
        const auto cut = Clock::now();
        CHECK((*made)->silent(cut, after(300ms)));
        CHECK((*made)->last_arrival(End::kServer) <= after(0s) - 250ms);
    }
}

TEST_CASE("a pushing TCP conversation survives full buffers with its stamps intact") {
    const Pair pair = joined_pair();
    auto made =
        Conversation::tcp(*pair.client, *pair.server, {.flow = Flow::kServerPushes, .server = {kServer4, 7000}});
    REQUIRE(made);
    ip(*pair.server, {"link", "set", "v0", "down"}); // the sender's buffer fills up
    const auto cut = Clock::now();
    CHECK((*made)->silent(cut, after(500ms)));
    ip(*pair.server, {"link", "set", "v0", "up"});
    const auto mended = Clock::now();
    CHECK((*made)->arrives(End::kClient, mended, after(20s)));
    CHECK((*made)->newest_sent(End::kClient) <= Clock::now()); // a torn stamp would lie far off
}

TEST_CASE("a process hands over its output and status and ends with its handle") {
    auto shell = Process::start({"sh", "-c", "echo ready; echo oops >&2; read line"});
    REQUIRE(shell);
    CHECK(shell->wait_for_output("oops", after(5s)));
    auto sleeper = Process::start({"sleep", "1000"});
    REQUIRE(sleeper);
    CHECK(sleeper->running());
    CHECK(sleeper->stop(after(5s)) == 128 + SIGTERM);
    CHECK_FALSE(sleeper->running());

    pid_t pid = 0;
    {
        auto doomed = Process::start({"sleep", "1000"});
        REQUIRE(doomed);
        pid = doomed->pid();
        CHECK(kill(pid, 0) == 0);
    }
    CHECK(kill(pid, 0) == -1);

    CHECK(run_command({"echo", "hello"}).value() == "hello\n");
    const auto failed = run_command({"sh", "-c", "echo why; exit 3"});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().text.find("exit status 3: why") != std::string::npos);
    CHECK_FALSE(run_command({"no-such-program-here"}));
}

TEST_CASE("a process can start inside a network namespace") {
    const Pair pair = joined_pair();
    auto inside = Process::start({"ip", "-o", "address"}, &*pair.server);
    REQUIRE(inside);
    CHECK(inside->wait(after(5s)) == 0);
    CHECK(inside->output().find("192.0.2.2") != std::string::npos);
}
