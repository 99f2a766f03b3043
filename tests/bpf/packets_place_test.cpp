// SPDX-License-Identifier: Apache-2.0
//
// The same packet at other places: from the device that it really came from, from this node or from
// somebody who would like to be it; through a Service; towards the node; off it.
#include <catch2/generators/catch_generators.hpp>

#include "bpf/packets_table.h"
#include "support/objects.h"

using namespace bulkhead;
using namespace bulkhead::test;

TEST_CASE("only a socket of this node makes a packet the node's own") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), node = family.node();
    const auto probe = [&](const std::string& src) { return ip(src, ledger).tcp(50000, 80, kSyn); };
    const std::string other = family.family == BH_IPV4 ? "10.0.0.2" : "fd00::2";
    check_rows(wire, {
                         {"a probe", to(kLedger, kFromNode), probe(node), BH_REASON_LOCAL_HOST},
                         {"no socket", to(kLedger, kFromNowhere), probe(node), BH_REASON_NOT_GRANTED},
                         {"from the uplink", to(kLedger), probe(node), BH_REASON_NOT_GRANTED},
                         {"from a pod's veth", to(kLedger, kWeb), probe(node), BH_REASON_NOT_GRANTED},
                         {"another node's address", to(kLedger, kFromNode), probe(other), BH_REASON_NOT_GRANTED},
                         {"nobody's address", to(kLedger, kFromNode), probe(family.stranger()), BH_REASON_NOT_GRANTED},
                     });
}

TEST_CASE("the device tells who sent a packet, not its address") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), web = family.at(wire.stage, kWeb);
    const auto remote = family.at(wire.stage, kRemote), node = family.node();
    const auto from = [&](const std::string& src) { return ip(src, ledger).udp(1, 9); };
    check_rows(wire,
               {
                   {"the tenant's own from afar", to(kLedger), from(remote), BH_REASON_SAME_TENANT},
                   {"... said by another pod", to(kLedger, kWeb), from(remote), BH_REASON_NOT_GRANTED},
                   {"itself, through its own Service", to(kLedger, kLedger), from(node), BH_REASON_SELF},
                   {"itself, by its own address", to(kLedger, kLedger), from(ledger), BH_REASON_SELF},
                   {"its address, said by another pod", to(kLedger, kWeb), from(ledger), BH_REASON_NOT_GRANTED},
                   {"its address, from the wire", to(kLedger), from(ledger), BH_REASON_SAME_TENANT},
                   {"a neighbour that lost its device", to(kLedger, kFromNowhere), from(web), BH_REASON_NOT_GRANTED},
                   {"itself, that lost its device", to(kLedger, kFromNowhere), from(ledger), BH_REASON_SELF},
               });
}

TEST_CASE("a confined pod that comes back from outside was judged where it left") {
    const Wire wire(shared_machine());
    check_rows(wire, {
                         {"on this node", to(kWeb, kJob), ip("10.0.1.3", "10.0.1.1").udp(1, 2), BH_REASON_CONFINED},
                         {"through a load balancer", to(kWeb), ip("10.0.1.3", "10.0.1.1").udp(1, 2), BH_REASON_OPEN},
                     });
}

TEST_CASE("a veth whose pod is not known is held") {
    const Wire wire(shared_machine());
    const auto at = [](const char* src) { return ip(src, "10.0.1.77").tcp(1, 80, kSyn); };
    check_rows(wire, {
                         {"from a pod", to(kUnknownVeth, kWeb), at("10.0.1.1"), BH_REASON_HELD},
                         {"from afar", to(kUnknownVeth), at("10.0.2.1"), BH_REASON_HELD},
                         {"from this node", to(kUnknownVeth, kFromNode), at("10.0.0.1"), BH_REASON_LOCAL_HOST},
                         {"what it sends", sent_by(kUnknownVeth), ip("10.0.1.77", "10.0.2.1").tcp(1, 80, kSyn),
                          BH_REASON_SPOOFED},
                     });
}

TEST_CASE("an answer through a Service on the same node comes back whatever its target port") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), gate = family.at(wire.stage, kGate);
    const std::string service = family.family == BH_IPV4 ? "172.20.0.80" : "fd00:5e::80";
    // As each veth sees it: NAT lies between them.
    check_rows(
        wire,
        {
            {"the question", sent_by(kLedger), ip(ledger, service).tcp(41000, 80, kSyn), kLeft},
            {"... at its endpoint", to(kGate, kLedger), ip(ledger, gate).tcp(41000, 8080, kSyn), BH_REASON_EXPOSED},
            {"the answer", to(kLedger, kGate), ip(service, ledger).tcp(80, 41000, kSyn | kAck), BH_REASON_REPLY},
            {"from another pod", to(kLedger, kWeb), ip(service, ledger).tcp(81, 41000, kSyn | kAck),
             BH_REASON_NOT_GRANTED},
            {"a direct question to a closed port", sent_by(kLedger), ip(ledger, gate).tcp(41001, 80, kSyn), kLeft},
            {"... has no answer", to(kLedger, kGate), ip(gate, ledger).tcp(80, 41001, kSyn | kAck),
             BH_REASON_NOT_GRANTED},
        });
}

TEST_CASE("a confined and Protected pod hears what it asked through a Service whose endpoint is elsewhere") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const bool v4 = family.family == BH_IPV4;
    Wire wire(shared_machine());
    const std::string service = v4 ? "172.20.0.53" : "fd00:5e::53", beside = v4 ? "172.20.0.54" : "fd00:5e::54";
    const std::string outside = v4 ? "198.51.100.53" : "2001:db8::53";
    auto dns = named<state::Service>("dns", "batch");
    dns.cluster_ips = {Address::parse(service).value()};
    dns.external_ips = {Address::parse(outside).value()};
    wire.stage.put(dns);
    wire.stage.put(ns("batch", {{"bulkhead.dev/level", "protected"}}));
    wire.show();
    const auto job = family.at(wire.stage, kJob), far = family.at(wire.stage, kFar);
    const auto ask = [&](const std::string& dst) { return ip(job, dst).udp(41000, 53); };
    const auto answer = [&](const std::string& src, uint16_t to = 41000) { return ip(src, job).udp(53, to); };
    const auto about = [&](const std::string& dst) { return ip(far, job).port_unreachable().quoting(ask(dst)); };
    check_rows(
        wire,
        {
            {"an answer to nothing", to(kJob), answer(service), BH_REASON_NOT_GRANTED},
            {"the question", sent_by(kJob), ask(service), kLeft},
            {"... off the node, to an endpoint that is not its tenant's", off_node(kJob), ask(far), BH_REASON_CONFINED},
            {"... where nobody translated it", off_node(kJob), ask(service), BH_REASON_CONFINED},
            {"the answer", to(kJob), answer(service), BH_REASON_REPLY},
            {"an error about it", to(kJob), about(service), BH_REASON_RELATED},
            {"to another port", to(kJob), answer(service, 41001), BH_REASON_NOT_GRANTED},
            {"from this node itself, which no hook judged", to(kJob, kFromNode), answer(service),
             BH_REASON_NOT_GRANTED},
            {"a question by an external address", sent_by(kJob), ask(outside), kLeft},
            {"... is answered", to(kJob), answer(outside), BH_REASON_REPLY},
            {"a question to the address beside", sent_by(kJob), ask(beside), kLeft},
            {"... is not answered", to(kJob), answer(beside), BH_REASON_NOT_GRANTED},
            {"... nor are there errors", to(kJob), about(beside), BH_REASON_UNRELATED},
            {"a question to a stranger's pod", sent_by(kJob), ask(far), kLeft},
            {"... is not answered", to(kJob), answer(far), BH_REASON_NOT_GRANTED},
            {"a connection", sent_by(kJob), ip(job, service).tcp(41000, 443, kSyn), kLeft},
            {"... is accepted", to(kJob), ip(service, job).tcp(443, 41000, kSyn | kAck), BH_REASON_REPLY},
            {"... by nobody else", to(kJob), ip(beside, job).tcp(443, 41000, kSyn | kAck), BH_REASON_NOT_GRANTED},
        });
}

TEST_CASE("the uplink judges what pods send off the node, and nothing else") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto web = family.at(wire.stage, kWeb), job = family.at(wire.stage, kJob);
    const auto vault = family.vault();
    const auto knock = [&](const std::string& src) { return ip(src, vault).tcp(41000, 5432, kSyn); };
    const std::string beside = family.family == BH_IPV4 ? "10.0.200.11" : "fd00:c8::11";
    check_rows(
        wire,
        {
            {"a pod to a Protected resource", off_node(kWeb), knock(web), BH_REASON_NOT_GRANTED},
            {"... under the node's address", off_node(kWeb), knock(family.node()), BH_REASON_NOT_GRANTED},
            {"the address beside", off_node(kWeb), ip(web, beside).tcp(41000, 5432, kSyn), BH_REASON_OPEN},
            {"the node itself", off_node(kFromNode), knock(family.node()), kLeft},
            {"what comes through from elsewhere", off_node(kFromUplink), knock(family.stranger()), kLeft},
            {"to a pod, which its node judges", off_node(kWeb), ip(web, family.at(wire.stage, kRemote)).tcp(1, 2, kSyn),
             kLeft},
            {"confined, to a pod", off_node(kJob), ip(job, family.at(wire.stage, kFar)).tcp(1, 2, kSyn),
             BH_REASON_CONFINED},
            {"malformed, to the resource", off_node(kWeb), ip(web, vault).tcp(41000, 5432, kSyn).claim_header_words(3),
             BH_REASON_MALFORMED},
            {"malformed, beside it", off_node(kWeb), ip(web, beside).tcp(41000, 5432, kSyn).claim_header_words(3),
             BH_REASON_OPEN},
            {"a pod whose device was forgotten", off_node(kFromNowhere), knock(web), BH_REASON_NOT_GRANTED},
            {"... to an open address", off_node(kFromNowhere), ip(web, beside).tcp(41000, 5432, kSyn), BH_REASON_OPEN},
            {"nobody's address without a device", off_node(kFromNowhere), knock(family.stranger()), kLeft},
        });
}

TEST_CASE("the uplink judges what a NodePort of this node leads on to a Protected resource, by whoever began it") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const bool v4 = family.family == BH_IPV4;
    Wire wire(shared_machine());
    auto vault = named<state::AwsResource>("vault");
    vault.cidrs = {cidr("10.0.200.10"), cidr("fd00:c8::10")};
    vault.tenant = "payments";
    auto payments = named<state::Tenant>("payments");
    payments.namespaces = {"payments"};
    payments.level = state::Level::kProtected;
    wire.stage.put(payments);
    wire.stage.put(vault);
    wire.show();
    const auto node = family.node(), far = family.at(wire.stage, kFar), kin = family.at(wire.stage, kRemote);
    const auto through = [&](const std::string& src, uint8_t flags = kSyn) {
        return ip(src, family.vault()).tcp(41000, 5432, flags);
    };
    const std::string beside = v4 ? "10.0.200.11" : "fd00:c8::11", other_node = v4 ? "10.0.0.2" : "fd00::2";
    const Way way = off_node(kFromUplink);
    check_rows(wire,
               {
                   {"masked as this node", way, through(node), BH_REASON_NOT_GRANTED},
                   {"... to the address beside", way, ip(node, beside).tcp(41000, 5432, kSyn), kLeft},
                   {"... an answer to the resource", way, through(node, kSyn | kAck), kLeft},
                   {"... its end", way, through(node, kRst), kLeft},
                   {"... an error about what it asked", way,
                    ip(node, family.vault()).port_unreachable().quoting(ip(family.vault(), node).udp(1, 30080)), kLeft},
                   {"... a datagram, which may be an answer", way, ip(node, family.vault()).udp(1, 2), kLeft},
                   {"... with a header that lies", way, through(node).claim_header_words(3), BH_REASON_MALFORMED},
                   {"... to a pod, which its node judges", way, ip(node, kin).tcp(1, 2, kSyn), kLeft},
                   {"a stranger's pod", way, through(far), BH_REASON_NOT_GRANTED},
                   {"a pod of its tenant", way, through(kin), BH_REASON_SAME_TENANT},
                   {"another node", way, through(other_node), kLeft},
                   {"an address that nobody knows", way, through(family.stranger()), kLeft},
                   {"the node itself", off_node(kFromNode), through(node), kLeft},
               });
}

TEST_CASE("only IPv6's slow path makes a pod's packet that NAT gave the node's address forget its device") {
    const Wire wire(shared_machine());
    const auto from_node = [](const std::string& dst) { return ip("fd00::1", dst).udp(41000, 5432); };
    check_rows(wire,
               {
                   {"a Protected resource", off_node(kFromNowhere), from_node("fd00:c8::10"), BH_REASON_NOT_GRANTED},
                   {"the address beside", off_node(kFromNowhere), from_node("fd00:c8::11"), BH_REASON_OPEN},
                   {"a pod elsewhere", off_node(kFromNowhere), from_node("fd00:2::2"), kLeft},
                   {"the node itself", off_node(kFromNode), from_node("fd00:c8::10"), kLeft},
                   {"IPv4", off_node(kFromNowhere), ip("10.0.0.1", "10.0.200.10").udp(41000, 5432), kLeft},
               });
}

TEST_CASE("an answer that NAT disguises passes the uplink by the mark that its pod's veth gave it") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto job = family.at(wire.stage, kJob), web = family.at(wire.stage, kWeb), node = family.node();
    const auto vault = family.vault(), client = family.stranger();
    const auto as_sent = [](const std::string& pod, const std::string& to) {
        return ip(pod, to).tcp(8080, 41000, kAck);
    };
    const auto as_leaves = [&](const std::string& to) { return ip(node, to).tcp(30080, 41000, kAck); };
    check_rows(wire, {
                         {"a client's SYN", to(kJob), ip(client, job).tcp(41000, 8080, kSyn), BH_REASON_OPEN},
                         {"the answer", sent_by(kJob), as_sent(job, client), kLeft},
                         {"... as it leaves", marked(off_node(kJob)), as_leaves(client), BH_REASON_REPLY},
                         {"... unmarked", off_node(kJob), as_leaves(client), BH_REASON_CONFINED},
                         {"... a SYN is no answer", marked(off_node(kJob)), ip(node, client).tcp(30080, 41000, kSyn),
                          BH_REASON_CONFINED},
                         {"a masked client's", to(kJob), ip(node, job).tcp(41000, 8080, kSyn), BH_REASON_OPEN},
                         {"the answer to the node", sent_by(kJob), as_sent(job, node), BH_REASON_REPLY},
                         {"a resource's SYN", to(kWeb), ip(vault, web).tcp(41000, 8080, kSyn), BH_REASON_OPEN},
                         {"the answer", sent_by(kWeb), as_sent(web, vault), kLeft},
                         {"... as it leaves", marked(off_node(kWeb)), as_leaves(vault), BH_REASON_REPLY},
                         {"... unmarked", off_node(kWeb), as_leaves(vault), BH_REASON_NOT_GRANTED},
                     });
    CHECK(is_marked(wire, sent_by(kJob), as_sent(job, client)));
    CHECK(is_marked(wire, sent_by(kJob), as_sent(job, node)));
    CHECK(is_marked(wire, sent_by(kWeb), as_sent(web, vault)));
    CHECK_FALSE(is_marked(wire, sent_by(kJob), ip(job, client).tcp(8081, 41000, kAck)));
    CHECK_FALSE(is_marked(wire, sent_by(kJob), ip(job, client).udp(8080, 41000)));
    CHECK_FALSE(is_marked(wire, sent_by(kJob), ip(job, client).tcp(8080, 41000, kSyn)));
    CHECK_FALSE(is_marked(wire, sent_by(kWeb), ip(web, vault).tcp(8081, 41000, kAck)));
    CHECK_FALSE(is_marked(wire, sent_by(kWeb), as_sent(web, client))); // nobody would refuse it
    // NAT may take a datagram to this node to anybody, once it has forgotten what it answers.
    check_row(wire, {"a masked datagram", to(kJob), ip(node, job).udp(41000, 8080), BH_REASON_OPEN});
    CHECK_FALSE(is_marked(wire, sent_by(kJob), ip(job, node).udp(8080, 41000)));
    check_row(wire, {"a client's datagram", to(kJob), ip(client, job).udp(42000, 8080), BH_REASON_OPEN});
    CHECK(is_marked(wire, sent_by(kJob), ip(job, client).udp(8080, 42000)));
}

TEST_CASE("a port of a confined pod that nobody serves says so through a NodePort too") {
    const Wire wire(shared_machine());
    const auto question = ip("198.51.100.9", "10.0.1.3").udp(41000, 8080);
    const auto error = ip("10.0.1.3", "198.51.100.9").port_unreachable().quoting(question);
    check_row(wire, {"a question", to(kJob), question, BH_REASON_OPEN});
    CHECK(is_marked(wire, sent_by(kJob), error));
    check_row(
        wire,
        {"the error as it leaves", marked(off_node(kJob)),
         ip("10.0.0.1", "198.51.100.9").port_unreachable().quoting(ip("198.51.100.9", "10.0.0.1").udp(41000, 30080)),
         BH_REASON_RELATED});
}

TEST_CASE("a confined pod reaches its node by no address and in no shape") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const bool v4 = family.family == BH_IPV4;
    const Wire wire(shared_machine());
    const auto job = family.at(wire.stage, kJob), web = family.at(wire.stage, kWeb), node = family.node();
    const auto datagram = [&](const std::string& dst) { return ip(job, dst).udp(1, 53); };
    auto long_chain = ip("fd00:1::3", "fd00::1");
    for (int i = 0; i < 9; ++i)
        long_chain.destination_options();
    check_rows(wire,
               {
                   {"its address", sent_by(kJob), datagram(node), BH_REASON_CONFINED},
                   {"... which others reach", sent_by(kWeb), ip(web, node).udp(1, 53), kLeft},
                   {"multicast", sent_by(kJob), datagram(v4 ? "224.0.0.1" : "ff02::1"), BH_REASON_CONFINED},
                   {"... which others reach", sent_by(kWeb), ip(web, v4 ? "224.0.0.1" : "ff02::1").udp(1, 53), kLeft},
                   {"broadcast or link-local", sent_by(kJob), datagram(v4 ? "255.255.255.255" : "fe80::1"),
                    BH_REASON_CONFINED},
                   {"loopback", sent_by(kJob), datagram(v4 ? "127.0.0.1" : "::1"), BH_REASON_CONFINED},
                   {"a header that lies", sent_by(kJob), ip(job, node).tcp(1, 2, kSyn).claim_header_words(3),
                    BH_REASON_MALFORMED},
                   {"too many headers", sent_by(kJob), long_chain.tcp(1, 10250, kSyn), BH_REASON_EXTENSIONS},
                   {"elsewhere: the next hook's", sent_by(kJob), datagram(family.stranger()), kLeft},
                   {"metadata: the uplink's", sent_by(kJob), datagram(v4 ? "169.254.169.254" : "fd00:ec2::254"), kLeft},
               });
}

TEST_CASE("a pod's packet that is not understood does not come from a link-local address") {
    const Wire wire(shared_machine());
    auto hidden = ip("fe80::1:1", "ff02::1");
    for (int i = 0; i < 9; ++i)
        hidden.destination_options();
    check_rows(wire,
               {{"an advertisement behind nine headers", sent_by(kWeb), hidden.icmp(134, 0), BH_REASON_EXTENSIONS}});
}

TEST_CASE("asleep, nothing is dropped, and each would-be drop is named so") {
    Wire wire(shared_machine());
    const auto knock = ip("10.0.2.1", "10.0.1.2").tcp(1, 22, kSyn);
    check_row(wire, {"awake", to(kLedger), knock, BH_REASON_NOT_GRANTED});
    wire.stage.remove({.kind = "AWSResource", .ns = "", .name = "vault"});
    wire.stage.remove({.kind = "Tenant", .ns = "", .name = "batch"});
    wire.stage.put(audited_namespace("payments"));
    wire.stage.put(audited_namespace("accounts"));
    wire.show();
    REQUIRE(!wire.stage.desired().armed);
    check_rows(wire,
               {
                   {"audited", to(kLedger), knock, BH_REASON_AUDIT},
                   {"spoofed", sent_by(kWeb), ip("10.0.1.2", "10.0.2.1").udp(1, 2), BH_REASON_ASLEEP},
                   {"another ethertype", sent_by(kWeb), packet().eth().ethertype(0x8847).payload(40), BH_REASON_ASLEEP},
                   {"held", to(kUnknownVeth), ip("10.0.2.1", "10.0.1.77").udp(1, 2), BH_REASON_ASLEEP},
                   {"a router's", sent_by(kWeb), ip("10.0.1.1", "10.0.2.1").icmp(5, 0), BH_REASON_ASLEEP},
                   {"open as ever", to(kWeb), ip("10.0.2.1", "10.0.1.1").udp(1, 2), BH_REASON_OPEN},
               });
}

TEST_CASE("what comes back under the address that a Service claims does not speak first") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto web = family.at(wire.stage, kWeb), vault = family.vault();
    const auto out = [&](uint8_t flags, uint16_t from = 41000) { return ip(web, vault).tcp(from, 5432, flags); };
    auto claim = named<state::Service>("claim", "blog");
    claim.external_ips = {Address::parse(vault).value()};
    wire.stage.put(claim);
    wire.show();
    check_rows(wire,
               {
                   {"web knocks where its Service is", sent_by(kWeb), out(kSyn), kLeft},
                   {"the endpoint knocks as well", to(kWeb), ip(vault, web).tcp(5432, 41000, kSyn), BH_REASON_OPEN},
                   {"and asks by a datagram", to(kWeb), ip(vault, web).udp(5432, 41000), BH_REASON_OPEN},
               });
    wire.stage.remove({.kind = "Service", .ns = "blog", .name = "claim"});
    wire.show();
    check_rows(wire, {
                         {"TCP to the resource itself", off_node(kWeb), out(kAck), BH_REASON_NOT_GRANTED},
                         {"UDP to it", off_node(kWeb), ip(web, vault).udp(41000, 5432), BH_REASON_NOT_GRANTED},
                         {"the resource itself calls", to(kWeb), ip(vault, web).tcp(5432, 42000, kSyn), BH_REASON_OPEN},
                         {"its answer", off_node(kWeb), out(kSyn | kAck, 42000), BH_REASON_REPLY},
                     });
}

TEST_CASE("nothing to a Service's address is marked as an answer, whoever had that address before") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const auto job = family.at(wire.stage, kJob), client = family.stranger();
    const auto connection = ip(job, client).tcp(80, 41000, kAck), datagram = ip(job, client).udp(80, 41000);
    const auto error = ip(job, client).port_unreachable().quoting(ip(client, job).udp(41000, 80));
    check_rows(wire, {{"a client's SYN", to(kJob), ip(client, job).tcp(41000, 80, kSyn), BH_REASON_OPEN},
                      {"a client's datagram", to(kJob), ip(client, job).udp(41000, 80), BH_REASON_OPEN}});
    for (const auto& answer : {connection, datagram, error})
        CHECK(is_marked(wire, sent_by(kJob), answer));
    auto mine = named<state::Service>("mine", "batch");
    mine.external_ips = {Address::parse(client).value()};
    wire.stage.put(mine);
    wire.show();
    for (const auto& answer : {connection, datagram, error})
        CHECK_FALSE(is_marked(wire, sent_by(kJob), answer));
}
