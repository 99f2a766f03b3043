// SPDX-License-Identifier: Apache-2.0
//
// A namespace becomes protected, or no longer is, while everybody talks to its pod.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

TEST_CASE("a namespace turned protected stops strangers on their next packet, and nobody else") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Net net = Net::create();
    for (const std::string ns : {"vault", "blog"})
        net.manifests().write(ns + ".yaml", namespace_text(ns));
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const Place near = net.add(kNodeA, "blog/near", 30);
    const Place far = net.add(kNodeB, "blog/far", 30);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    const auto agent_b = AgentProcess::start(net, net.node(kNodeB), {.attach = attach});
    REQUIRE(agent.verdict(far.name, safe.name + ":7000") == "allow");

    Talks strangers = begin_talks(safe, near, Begun::kByOther, 7000);
    append(strangers, begin_talks(safe, far, Begun::kByOther, 7100));
    Talks own = begin_talks(safe, near, Begun::kByGuarded, 7000);
    append(own, begin_talks(safe, far, Begun::kByGuarded, 7000));

    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    agent.wait_for_verdict(near.name, safe.name + ":7000", "deny");
    check_cut_and_going_on(strangers, own, Clock::now());
}

TEST_CASE("a namespace that is no longer protected lets strangers in again") {
    const Net net = Net::create();
    net.manifests().write("blog.yaml", namespace_text("blog"));
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const Place near = net.add(kNodeA, "blog/near", 30);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const Endpoint door{safe.ip4, 7000};
    const Fd listener = require(tcp_listen(safe.netns, door));
    CHECK_FALSE(tcp_connect(near.netns, door, after(500ms)));
    net.manifests().write("vault.yaml", namespace_text("vault"));
    agent.wait_for_verdict(near.name, safe.name + ":7000", "allow");
    CHECK(tcp_connect(near.netns, door, after(5s)));
}

} // namespace
} // namespace bulkhead::test
