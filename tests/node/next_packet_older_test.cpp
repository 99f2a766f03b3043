// SPDX-License-Identifier: Apache-2.0
//
// Conversations that the agent didn't see begin, or that its memory has lost: the pod's own sockets tell.
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

/// What the protected pod began, and what its own tenant did.
Talks allowed_in(const Town& town) {
    Talks talks = begin_talks(town.safe, town.near, Begun::kByGuarded);
    append(talks, begin_talks(town.safe, town.far, Begun::kByGuarded));
    append(talks, begin_talks(town.safe, town.kin, Begun::kByOther, 7200));
    return talks;
}

Talks from_strangers_in(const Town& town) {
    Talks talks = begin_talks(town.safe, town.near, Begun::kByOther, 7300);
    append(talks, begin_talks(town.safe, town.far, Begun::kByOther, 7400));
    return talks;
}

TEST_CASE("of conversations older than the agent, the pod's own and the allowed go on, a stranger's is cut") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Town town;
    const Talks allowed = allowed_in(town);
    const Talks strangers = from_strangers_in(town);
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {.attach = attach});
    check_cut_and_going_on(strangers, allowed, Clock::now());
}

TEST_CASE("a detached and installed anew agent tells a pod's own conversations from a stranger's") {
    const Town town;
    const Talks allowed = allowed_in(town);
    auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    agent.process().stop(after(kEnd));
    const auto [status, output] = agent.detach();
    INFO(output);
    REQUIRE(status == 0);
    const Talks strangers = from_strangers_in(town); // nobody stops them now
    const auto next = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    check_cut_and_going_on(strangers, allowed, Clock::now());
}

TEST_CASE("a flow table of another size starts empty, and no conversation notices") {
    const Town town;
    auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    const Talks allowed = allowed_in(town);
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
    flood(safe, near, size_t{64} * BH_FLOW_WAYS * 16);
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    agent.wait_for_verdict(far.name, safe.name + ":7000", "deny");
    check_cut_and_going_on(strangers, own, Clock::now());
}

} // namespace
} // namespace bulkhead::test
