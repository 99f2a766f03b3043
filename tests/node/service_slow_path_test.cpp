// SPDX-License-Identifier: Apache-2.0
//
// A datagram over IPv6 that its node puts together, sends on to a Service's endpoint under its own address, and takes
// apart again by the kernel's slow path, because its first fragment has a header more than the others. What comes out
// has no device, and looks like the node's own but for the socket.
#include <catch2/generators/catch_generators_range.hpp>

#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kNodePortOfSafe = 30080, kNodePortOfOpen = 30081, kTargetPort = 8080;
constexpr uint16_t kPiece = 1200, kHeader = 8; // bytes, of each fragment and of UDP

struct SlowPath {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place open = net.add(kNodeA, "news/open", 21);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);

    SlowPath() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        for (const char* ns : {"news", "blog"})
            net.manifests().write(std::string(ns) + ".yaml", namespace_text(ns));
        const auto rule = [&](uint16_t port, const Place& pod) {
            return "ip6 daddr " + node.ip6.text() + " udp dport " + std::to_string(port) + " dnat ip6 to [" +
                   pod.ip6.text() + "]:" + std::to_string(kTargetPort) + "\n";
        };
        const std::string table = "table ip6 services {\nchain pre { type nat hook prerouting priority dstnat\n" +
                                  rule(kNodePortOfSafe, safe) + rule(kNodePortOfOpen, open) +
                                  "}\nchain post { type nat hook postrouting priority srcnat\n"
                                  "ct status dnat masquerade\n}\n}\n";
        const auto [status, output] = run_in(node.netns, {"nft", table});
        if (status != 0) FAIL("nft: " << output);
        // Fragments are made by hand here, each without the others' part of the checksum.
        const auto [refused, complaint] =
            run_in(node.netns, {"sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0"});
        if (refused) FAIL("sysctl: " << complaint);
    }
};

/// `marker` is in both halves; the slow path cuts where it likes.
void send_in_two(const Place& from, const Place& node, uint16_t port, const std::string& marker, bool uneven) {
    static uint16_t id = 1000;
    ++id;
    const FrameSender sender(from);
    const auto whole = [&] { return sender.frame().ip(from.ip6.text(), node.ip6.text()); };
    Bytes half(marker.begin(), marker.end());
    half.resize(kPiece, 'x');
    Packet first = whole();
    if (uneven) first.hop_by_hop();
    first.fragment(0, kMoreFragments, id).udp(id, port);
    sender.send(first.claim_length(kHeader + 2 * kPiece).payload(half).bytes());
    sender.send(whole().fragment(kHeader + kPiece, kLastFragment, id).protocol(BH_UDP).payload(half).bytes());
}

TEST_CASE("a stranger's datagram that the slow path takes apart under the node's address is not the node's own") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const SlowPath path;
    const auto agent = AgentProcess::start(path.net, path.node, {.attach = attach});
    Tap at_safe(path.safe.netns), at_open(path.open.netns);
    for (const Place* stranger : {&path.near, &path.far})
        for (const bool uneven : {true, false}) {
            INFO(stranger->name << (uneven ? ", by the slow path" : ", by the fast one"));
            const std::string marker = stranger->name + (uneven ? "-slow;" : "-fast;");
            const OneCpu in_order;
            send_in_two(*stranger, path.node, kNodePortOfSafe, marker, uneven);
            send_in_two(*stranger, path.node, kNodePortOfOpen, marker, uneven);
            CHECK(at_open.sees(marker, 1, after(5s))); // sent after the other, by the same way
            CHECK(at_safe.count(marker) == 0);
        }
}

} // namespace
} // namespace bulkhead::test
