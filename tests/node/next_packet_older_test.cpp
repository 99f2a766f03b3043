// SPDX-License-Identifier: Apache-2.0
//
// Conversations that the agent didn't see begin, or that its memory has lost: the pod's own sockets tell.
#include <array>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "next_packet_support.h"
#include "support/echo_server.h"

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

/// The pods' flow tables by the kernel's number, with their sets.
std::map<uint64_t, uint64_t> flow_tables_of(const AgentProcess& agent, const Net& net) {
    const auto bpftool = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"bpftool", "-j", "map"});
        const auto [status, output] = run_in(net.node(kNodeA).netns, words);
        if (status != 0) FAIL("bpftool: " << output);
        return Json::parse(output);
    };
    std::map<uint64_t, uint64_t> sets;
    for (const Json& row : bpftool({"dump", "pinned", agent.pin_dir() / "maps" / "flows"})) {
        const uint64_t id = row.at("inner_map_id");
        sets[id] = bpftool({"show", "id", std::to_string(id)}).at("max_entries");
    }
    return sets;
}

TEST_CASE("another --flow-sets counts for pods that come later; those that are there keep their memory") {
    const Town town;
    auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    const Talks allowed = allowed_in(town);
    const auto before = flow_tables_of(agent, town.net);
    REQUIRE(before.size() == 2); // of safe and near
    agent.process().stop(after(kEnd));
    const auto next =
        AgentProcess::start(town.net, town.net.node(kNodeA), {.more = {"--flow-sets", std::to_string(kFewSets)}});
    CHECK(flow_tables_of(next, town.net) == before);
    check_cut_and_going_on({}, allowed, Clock::now());

    const Place late = town.net.add(kNodeA, "vault/late", 50);
    next.wait_for_verdict(late.name, town.safe.name + ":7000", "allow");
    size_t small = 0;
    for (const auto& [id, sets] : flow_tables_of(next, town.net)) {
        if (before.contains(id)) continue;
        CHECK(sets == kFewSets);
        ++small;
    }
    CHECK(small == 1);
}

TEST_CASE("an idle TCP connection that the flow memory forgot goes on, and a revoked one doesn't") {
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    net.manifests().write("vault.yaml", namespace_text("vault"));
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.more = {"--flow-sets", std::to_string(kFewSets)}});
    const std::vector<Kind> idle{{"TCP, idle", true, Flow::kIdle}};
    const Talks own = begin_talks(safe, far, Begun::kByGuarded, 7000, idle);
    const Talks strangers = begin_talks(safe, far, Begun::kByOther, 7100, idle);
    forget(safe, near);
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    agent.wait_for_verdict(far.name, safe.name + ":7000", "deny");
    check_cut_and_going_on(strangers, own, Clock::now());
}

std::string database_text(const Place& database, const std::string& allow_from) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: database}\n"
           "spec: {tenant: vault, addresses: {cidrs: [\"" +
           database.ip4.text() + "/32\", \"" + database.ip6.text() + "/128\"]}" + allow_from + "}\n";
}

/// Says something new, and hears it back?
bool echoes(const Fd& client, std::chrono::milliseconds limit) {
    constexpr std::array<uint8_t, 8> kWords{};
    return send_all(client, kWords, after(limit)) && receive_exactly(client, kWords.size(), after(limit));
}

TEST_CASE("what a pod began is no answer because it listens on the same port later") {
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const Town town;
    const Place database = town.net.wire(kNodeB, "aws/database", 50);
    const auto server = require(EchoServer::start(database.netns, {5432}));
    const auto& manifests = town.net.manifests();
    manifests.write("vault-tenant.yaml", tenant_text("vault", "namespaces: [vault]"));
    manifests.write("database.yaml",
                    database_text(database, ", allowFrom: [{from: [{namespace: blog}], ports: [{port: 5432}]}]"));
    const auto agent =
        AgentProcess::start(town.net, town.net.node(kNodeA), {.more = {"--flow-sets", std::to_string(kFewSets)}});
    const Place late = town.net.add(kNodeA, "blog/late", 31); // of older pods' sockets more is believed
    agent.wait_for_verdict(late.name, "database:5432", "allow");
    const Fd client = require(tcp_connect(late.netns, {database.address(family), 5432}, after(10s), 6000));
    forget(late, town.near);
    const Fd listener = require(tcp_listen(late.netns, {late.address(family), 6000}));
    REQUIRE(echoes(client, 10s));
    manifests.write("database.yaml", database_text(database, ""));
    agent.wait_for_verdict(late.name, "database:5432", "deny");
    CHECK_FALSE(echoes(client, kWatch));
}

} // namespace
} // namespace bulkhead::test
