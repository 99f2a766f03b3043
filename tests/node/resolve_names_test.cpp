// SPDX-License-Identifier: Apache-2.0
//
// Agents with --resolve, which look AWSResources up by themselves: a database by its name, with a real DNS server, and
// pods of its tenant and of another on two nodes.
#include <fstream>

#include "fixture.h"
#include "support/dns_server.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPostgres = 5432;
constexpr auto kWriter = "writer.db.test";

std::string text_in(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

struct Aurora {
    Net net = Net::create();
    Place node_a = net.node(kNodeA);
    Place node_b = net.node(kNodeB);
    Place kin = net.add(kNodeA, "vault/kin", 20);
    Place far_kin = net.add(kNodeB, "vault/far-kin", 20);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);
    Place former = net.resource("former", "10.0.200.10", "fd00:10:0:200::10");
    Place latter = net.resource("latter", "10.0.200.11", "fd00:10:0:200::11");
    EchoServer former_server = require(EchoServer::start(former.netns, {kPostgres}));
    EchoServer latter_server = require(EchoServer::start(latter.netns, {kPostgres}));
    std::unique_ptr<DnsServer> dns = require(DnsServer::start_in(
        node_a.netns, node_a.ip4.text(), {"writer 1 A 10.0.200.10", "writer 1 AAAA fd00:10:0:200::10"}));

    Aurora() {
        net.manifests().write("vault.yaml", namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("tenant.yaml", tenant_text("vault", "namespaces: [vault], level: protected"));
        net.manifests().write(
            "aurora.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                           "spec: {tenant: vault, ports: [{port: 5432}], addresses: {hostnames: [writer.db.test]}}\n");
    }

    std::filesystem::path found_file(const Place& node) const {
        return net.directory() / ("lib-" + node.name) / "found.json";
    }

    AgentProcess agent(const Place& node) const {
        return AgentProcess::start(
            net, node, {.more = {"--resolve", "--dns-server", dns->text(), "--found-file", found_file(node).string()}});
    }

    void fail_over() const {
        require(dns->change({"unset writer", "set writer 1 A 10.0.200.11", "set writer 1 AAAA fd00:10:0:200::11"}));
    }
};

void wait_until_protected(const AgentProcess& agent, const Place& stranger, const Place& database) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const auto text = database.address(family).text();
        const auto asked = (family == BH_IPV4 ? text : "[" + text + "]") + ":" + std::to_string(kPostgres);
        INFO(stranger.name << " to " << asked << "\n" << agent.output());
        REQUIRE(wait_until([&] { return agent.verdict(stranger.name, asked, family) == "deny"; }, after(60s)));
    }
}

void check_reaches(const Place& from, const Place& database, bool expected) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to " << database.address(family).text());
        CHECK(answers_tcp(from.netns, {database.address(family), kPostgres}, after(expected ? 10s : 300ms)) ==
              expected);
    }
}

TEST_CASE("a tenant's pods reach its Aurora by the name's addresses and others don't, after a fail-over as before") {
    const Aurora aurora;
    const auto agent_a = aurora.agent(aurora.node_a), agent_b = aurora.agent(aurora.node_b);
    const auto check = [&](const Place& database) {
        wait_until_protected(agent_a, aurora.near, database);
        wait_until_protected(agent_b, aurora.far, database);
        for (const Place* kin : {&aurora.kin, &aurora.far_kin})
            check_reaches(*kin, database, true);
        for (const Place* stranger : {&aurora.near, &aurora.far})
            check_reaches(*stranger, database, false);
    };
    check(aurora.former);
    check_reaches(aurora.near, aurora.latter, true); // nobody's yet
    aurora.fail_over();
    check(aurora.latter);
    check_reaches(aurora.near, aurora.former, false); // for the grace time: it may still run
}

TEST_CASE("an agent that is killed and started again without DNS keeps what was found, says so, and follows later") {
    const Aurora aurora;
    {
        auto first = aurora.agent(aurora.node_a);
        wait_until_protected(first, aurora.near, aurora.former);
        // What was found first may be of one family.
        REQUIRE(wait_until(
            [&] { return text_in(aurora.found_file(aurora.node_a)).find("fd00:10:0:200::10") != std::string::npos; },
            after(60s)));
        aurora.dns->end();
        first.process().signal(SIGKILL);
        REQUIRE(first.process().wait(after(kEnd)));
    }
    const auto next = aurora.agent(aurora.node_a);
    check_reaches(aurora.near, aurora.former, false);
    check_reaches(aurora.kin, aurora.former, true);
    CHECK(next.reports([](const Json& problem) {
        return problem.at("object") == "AWSResource aurora" &&
               problem.at("text").get<std::string>().find(kWriter) != std::string::npos;
    }));
    require(aurora.dns->again());
    aurora.fail_over();
    wait_until_protected(next, aurora.near, aurora.latter);
    check_reaches(aurora.near, aurora.former, false);
    check_reaches(aurora.kin, aurora.latter, true);
}

} // namespace
} // namespace bulkhead::test
