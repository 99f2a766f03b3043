// SPDX-License-Identifier: Apache-2.0
//
// Conversations that the agent didn't see begin, or that its memory has lost: the pod's own sockets tell.
#include <catch2/generators/catch_generators.hpp>

#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

/// A protected pod, a neighbour of its tenant, and strangers near and far.
struct Town {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeB, "vault/kin", 21);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);

    Town() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }

    /// What the protected pod began, and what its own tenant did.
    Talks allowed() const {
        Talks talks = begin_talks(safe, near, Begun::kByGuarded);
        append(talks, begin_talks(safe, far, Begun::kByGuarded));
        append(talks, begin_talks(safe, kin, Begun::kByOther, 7200));
        return talks;
    }

    Talks from_strangers() const {
        Talks talks = begin_talks(safe, near, Begun::kByOther, 7300);
        append(talks, begin_talks(safe, far, Begun::kByOther, 7400));
        return talks;
    }
};

/// Datagrams to as many ports of a neighbour, each a conversation of its own for the flow memory.
void flood(const Place& from, const Place& to, size_t conversations) {
    constexpr size_t kPorts = 16384;
    const std::vector<uint8_t> bytes(8);
    for (size_t done = 0; done < conversations;) {
        const Fd fd = require(open_socket(from.netns, BH_IPV4, SOCK_DGRAM));
        for (size_t port = 0; port < kPorts && done < conversations; ++port, ++done) {
            const auto where = SocketAddress::of(to.ip4, static_cast<uint16_t>(20000 + port));
            wait_until([&] { return sendto(fd.get(), bytes.data(), bytes.size(), 0, where.raw(), where.size) > 0; },
                       after(5s));
        }
    }
}

TEST_CASE("of conversations older than the agent, the pod's own and the allowed go on, a stranger's is cut") {
    const std::string attach = GENERATE("tcx", "clsact");
    const Town town;
    const Talks allowed = town.allowed();
    const Talks strangers = town.from_strangers();
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {.attach = attach});
    check_cut_and_going_on(strangers, allowed, Clock::now());
}

TEST_CASE("a detached and installed anew agent tells a pod's own conversations from a stranger's") {
    const Town town;
    const Talks allowed = town.allowed();
    auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    agent.process().stop(after(kEnd));
    const auto [status, output] = agent.detach();
    INFO(output);
    REQUIRE(status == 0);
    const Talks strangers = town.from_strangers(); // nobody stops them now
    const auto next = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    check_cut_and_going_on(strangers, allowed, Clock::now());
}

TEST_CASE("a flow table of another size starts empty, and no conversation notices") {
    const Town town;
    auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    const Talks allowed = town.allowed();
    agent.process().stop(after(kEnd));
    const auto next = AgentProcess::start(town.net, town.net.node(kNodeA), {.more = {"--flow-sets", "64"}});
    check_cut_and_going_on({}, allowed, Clock::now());
}

TEST_CASE("an idle TCP connection that the flow memory forgot goes on, and a revoked one doesn't") {
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    net.manifests().write("vault.yaml", namespace_text("vault"));
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.more = {"--flow-sets", "64"}});
    const std::vector<Kind> idle{{"TCP, idle", true, Flow::kIdle}};
    const Talks own = begin_talks(safe, far, Begun::kByGuarded, 7000, idle);
    const Talks strangers = begin_talks(safe, far, Begun::kByOther, 7100, idle);
    flood(safe, near, 64 * BH_FLOW_WAYS * 16);
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    agent.wait_for_verdict(far.name, safe.name + ":7000", "deny");
    check_cut_and_going_on(strangers, own, Clock::now());
}

} // namespace
} // namespace bulkhead::test
