// SPDX-License-Identifier: Apache-2.0
//
// A pod that asks by ARP in the names of thousands, so that its node's table of neighbours has no room for others.
#include <catch2/generators/catch_generators_range.hpp>

#include "forged_support.h"

namespace bulkhead::test {
namespace {

constexpr int kInvented = 2000; // more than a table of the kernel's default size has room for
constexpr uint16_t kArp = 0x0806;
const std::string kAnswer("\0\1\x08\0\6\4\0\2", 8); // RFC 826, for IPv4 over Ethernet

std::string invented(int number) {
    return "10.77." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250);
}

std::string neighbours_of(const Place& node) {
    const auto [status, output] = run_in(node.netns, {"ip", "-4", "neigh", "show", "nud", "all"});
    if (status != 0) FAIL("ip neigh: " << output);
    return output;
}

TEST_CASE("a pod fills its node's table of neighbours with no invented names, and is answered in its own") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto agent = court.agent(kNodeA, attach);
    const Place &near = court.near, node = court.net.node(kNodeA);
    const FrameSender sender(near);
    std::vector<Packet> lies;
    for (int i = 0; i < kInvented; ++i)
        lies.push_back(sender.frame().arp_request(invented(i), node.ip4.text()));
    for (const auto& whom : {court.safe.ip4.text(), node.ip4.text()})
        lies.push_back(sender.frame().arp_reply(whom, node.ip4.text()));
    Tap answers(near.netns, "eth0", kArp);
    court.check_refused_where_sent(near, lies, "spoofed");
    CHECK(answers.count(kAnswer) == 0);
    sender.send(sender.frame().arp_request(near.ip4.text(), node.ip4.text()).bytes());
    CHECK(answers.sees(kAnswer, 1, after(10s)));
    const std::string table = neighbours_of(node);
    CHECK(table.find(near.ip4.text() + " ") != std::string::npos);
    CHECK(table.find("10.77.") == std::string::npos);
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        CHECK(answers_ping(court.near.netns, court.peer.address(family), after(10s)));
}

} // namespace
} // namespace bulkhead::test
