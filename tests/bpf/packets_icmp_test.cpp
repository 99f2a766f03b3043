// SPDX-License-Identifier: Apache-2.0
//
// ICMP to Protected pods: errors about their own allowed conversations, and neighbours.
#include <catch2/generators/catch_generators.hpp>

#include "bpf/packets_table.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

struct Errors {
    std::string ledger, far, router, vault;

    Errors(const Wire& wire, const Family& family)
        : ledger(family.at(wire.stage, kLedger)), far(family.at(wire.stage, kFar)), router(family.stranger()),
          vault(family.vault()) {}

    /// From a router on the way.
    Packet about(const Packet& quoted, size_t size = 576) const {
        return ip(router, ledger).port_unreachable().quoting(quoted, size);
    }
};

} // namespace

TEST_CASE("a Protected pod hears of errors in its own conversations, and of no others") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const Errors error(wire, family);
    const auto own = ip(error.ledger, error.far).udp(41000, 53);
    const auto answered = ip(error.ledger, error.far).udp(5300, 42000);
    const size_t header = family.family == BH_IPV4 ? 20 : 40;
    check_rows(wire,
               {
                   {"before it spoke", to(kLedger), error.about(own), BH_REASON_UNRELATED},
                   {"it speaks", sent_by(kLedger), own, kLeft},
                   {"about that", to(kLedger), error.about(own), BH_REASON_RELATED},
                   {"... quoted to the eighth byte", to(kLedger), error.about(own, header + 8), BH_REASON_RELATED},
                   {"... to the seventh", to(kLedger), error.about(own, header + 7), BH_REASON_UNRELATED},
                   {"about another port", to(kLedger), error.about(ip(error.ledger, error.far).udp(41000, 54)),
                    BH_REASON_UNRELATED},
                   {"about another's words", to(kLedger), error.about(ip(error.far, error.router).udp(41000, 53)),
                    BH_REASON_UNRELATED},
                   {"about the answer to it", to(kLedger), error.about(ip(error.far, error.ledger).udp(53, 41000)),
                    BH_REASON_UNRELATED},
                   {"a question to its exposed port", to(kLedger), ip(error.far, error.ledger).udp(42000, 5300),
                    BH_REASON_EXPOSED},
                   {"about its answer", to(kLedger), error.about(answered), BH_REASON_RELATED},
                   {"to an open pod, about anything", to(kWeb),
                    ip(error.router, family.at(wire.stage, kWeb)).port_unreachable().payload(64), BH_REASON_OPEN},
               });
}

TEST_CASE("what was revoked is not heard of any more") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    Wire wire(shared_machine());
    const Errors error(wire, family);
    const auto answer = ip(error.ledger, error.far).udp(5300, 42000);
    const auto barred = ip(error.ledger, error.vault).udp(41000, 5432);
    check_rows(wire, {
                         {"a question", to(kLedger), ip(error.far, error.ledger).udp(42000, 5300), BH_REASON_EXPOSED},
                         {"about the answer", to(kLedger), error.about(answer), BH_REASON_RELATED},
                         {"an attempt at what it may not have", sent_by(kLedger), barred, kLeft},
                         {"about that", to(kLedger), error.about(barred), BH_REASON_UNRELATED},
                     });
    wire.stage.put(ledger_pod(""));
    wire.show();
    check_row(wire, {"about the answer, revoked", to(kLedger), error.about(answer), BH_REASON_UNRELATED});
}

TEST_CASE("an error that a pod sends off the node is about its receiver's conversation, or falls") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto web = family.at(wire.stage, kWeb), vault = family.vault();
    const auto call = ip(vault, web).udp(5000, 9);
    const auto complaint = [&] { return ip(web, vault).port_unreachable().quoting(call); };
    check_rows(wire,
               {
                   {"nobody called", off_node(kWeb), complaint(), BH_REASON_NOT_GRANTED},
                   {"the resource calls", to(kWeb), call, BH_REASON_OPEN},
                   {"nobody listens", off_node(kWeb), complaint(), BH_REASON_RELATED},
                   {"about another call", off_node(kWeb),
                    ip(web, vault).port_unreachable().quoting(ip(vault, web).udp(5001, 9)), BH_REASON_NOT_GRANTED},
               });
}

TEST_CASE("neighbours are this node only") {
    const Wire wire(shared_machine());
    const auto ask = [](const char* src) { return ip(src, "fd00:1::2"); };
    check_rows(wire,
               {
                   {"ARP", to(kLedger, kFromNode), packet().eth().arp_request("10.0.0.1", "10.0.1.2"), kLeft},
                   {"the node asks", to(kLedger, kFromNode), ask("fe80::1").icmp(135, 0), BH_REASON_NEIGHBOR},
                   {"a stranger asks", to(kLedger), ask("fd00:2::1").icmp(135, 0), BH_REASON_NOT_GRANTED},
                   {"a pod of this node asks", to(kLedger, kWeb), ask("fd00:1::1").icmp(135, 0), BH_REASON_NOT_GRANTED},
                   {"a stranger whose device was forgotten", to(kLedger, kFromNowhere),
                    ask("fd00:1::1").icmp(135, 0).payload(2000), BH_REASON_NOT_GRANTED},
                   {"a stranger advertises a route", to(kLedger), ask("fd00:2::1").icmp(134, 0), BH_REASON_NOT_GRANTED},
               });
}

TEST_CASE("an odd ICMP message that a pod sent opens it to no router's") {
    const Wire wire(shared_machine());
    check_rows(wire, {
                         {"a timestamp, please", sent_by(kLedger), ip("10.0.1.2", "10.0.2.1").icmp(13, 0), kLeft},
                         {"here it is", to(kLedger), ip("10.0.2.1", "10.0.1.2").icmp(14, 0), BH_REASON_REPLY},
                         {"and a redirect", to(kLedger), ip("10.0.2.1", "10.0.1.2").icmp(5, 1), BH_REASON_NOT_GRANTED},
                     });
}

TEST_CASE("echo is told apart by type and identifier") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), far = family.at(wire.stage, kFar);
    check_rows(
        wire,
        {
            {"a stranger's", to(kLedger), ip(far, ledger).echo_request(5), BH_REASON_NOT_GRANTED},
            {"the tenant's", to(kLedger), ip(family.at(wire.stage, kRemote), ledger).echo_request(5),
             BH_REASON_SAME_TENANT},
            {"this node's", to(kLedger, kFromNode), ip(family.node(), ledger).echo_request(5), BH_REASON_LOCAL_HOST},
            {"its own", sent_by(kLedger), ip(ledger, far).echo_request(5), kLeft},
            {"the answer", to(kLedger), ip(far, ledger).echo_reply(5), BH_REASON_REPLY},
            {"another answer", to(kLedger), ip(far, ledger).echo_reply(6), BH_REASON_NOT_GRANTED},
            {"a question with its number", to(kLedger), ip(far, ledger).echo_request(5), BH_REASON_NOT_GRANTED},
        });
}

TEST_CASE("an echo with number 0 opens its sender to no other ICMP, nor other ICMP to an echo") {
    const Family family{GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6})};
    const Wire wire(shared_machine());
    const auto ledger = family.at(wire.stage, kLedger), far = family.at(wire.stage, kFar);
    const auto other = family.stranger();
    const uint8_t asks = family.family == BH_IPV4 ? 13 : 139; // a timestamp, a node's name
    const uint8_t tells = asks + 1;
    check_rows(wire,
               {
                   {"a ping with number 0", sent_by(kLedger), ip(ledger, far).echo_request(0), kLeft},
                   {"the answer", to(kLedger), ip(far, ledger).echo_reply(0), BH_REASON_REPLY},
                   {"a question of another kind", to(kLedger), ip(far, ledger).icmp(asks, 0), BH_REASON_NOT_GRANTED},
                   {"an answer of another kind", to(kLedger), ip(far, ledger).icmp(tells, 0), BH_REASON_NOT_GRANTED},
                   {"a question of that kind", sent_by(kLedger), ip(ledger, other).icmp(asks, 0), kLeft},
                   {"the answer", to(kLedger), ip(other, ledger).icmp(tells, 0), BH_REASON_REPLY},
                   {"a ping's with number 0", to(kLedger), ip(other, ledger).echo_reply(0), BH_REASON_NOT_GRANTED},
               });
}
