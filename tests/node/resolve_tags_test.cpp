// SPDX-License-Identifier: Apache-2.0
//
// An agent with --resolve beside what stands in for AWS: two databases of one AWSResource, each the tenant's whom its
// tag names.
#include <cstdlib>

#include "fixture.h"
#include "support/aws_stand_in.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kMySql = 3306;

struct Databases {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place teller = net.add(kNodeA, "vault/teller", 20);
    Place writer = net.add(kNodeA, "blog/writer", 30);
    Place job = net.add(kNodeA, "batch/job", 40);
    Place ledger = net.resource("ledger", "10.0.200.10", "fd00:10:0:200::10");
    Place posts = net.resource("posts", "10.0.200.11", "fd00:10:0:200::11");
    EchoServer ledger_server = require(EchoServer::start(ledger.netns, {kMySql}));
    EchoServer posts_server = require(EchoServer::start(posts.netns, {kMySql}));
    std::unique_ptr<AwsStandIn> aws = require(AwsStandIn::start(&node.netns));

    Databases() {
        for (const auto* name : {"vault", "blog", "batch"})
            net.manifests().write(std::string(name) + ".yaml", namespace_text(name));
        net.manifests().write("tenants.yaml", tenant_text("vault", "namespaces: [vault]") + "---\n" +
                                                  tenant_text("blog", "namespaces: [blog]"));
        net.manifests().write("databases.yaml",
                              "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: databases}\n"
                              "spec: {tenantFrom: {tag: owner}, addresses: {networkInterfaceTags: {owner: '*'}}}\n");
        setenv("AWS_ENDPOINT_URL", aws->url().c_str(), 1);
        setenv("AWS_REGION", "eu-central-1", 1);
        setenv("AWS_ACCESS_KEY_ID", "AKIDOWN", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "own/secret+key", 1);
    }

    /// What the tag `owner` of each says.
    void tag(const std::string& of_ledger, const std::string& of_posts) const {
        const auto interface = [](const Place& place, const std::string& owner) {
            return Json{{"id", "eni-" + place.name},
                        {"tags", {{"owner", owner}}},
                        {"ipv4", {place.ip4.text()}},
                        {"ipv6", {place.ip6.text()}}};
        };
        const auto interfaces = Json::array({interface(ledger, of_ledger), interface(posts, of_posts)});
        const Json state{
            {"identities", Json::array({{{"access_key", "AKIDOWN"},
                                         {"secret_key", "own/secret+key"},
                                         {"arn", "arn:aws:iam::111122223333:user/bulkhead"},
                                         {"account", "111122223333"}}})},
            {"places",
             Json::array({{{"account", "111122223333"}, {"region", "eu-central-1"}, {"interfaces", interfaces}}})}};
        require(node.netns.run([&] { return aws->set(state); }));
    }

    AgentProcess agent() const {
        return AgentProcess::start(net, node,
                                   {.more = {"--resolve", "--resolve-interval", "1", "--found-file",
                                             (net.directory() / "found.json").string()}});
    }
};

/// First that the kernel says so, which may take a sweep, then that packets of both families do.
void check_owner(const AgentProcess& agent, const Databases& scene, const Place& database, const Place* owner) {
    const auto asked = database.ip4.text() + ":" + std::to_string(kMySql);
    for (const Place* pod : {&scene.teller, &scene.writer, &scene.job}) {
        INFO(pod->name << " to " << asked << "\n" << agent.output());
        const std::string expected = pod == owner ? "allow" : "deny";
        REQUIRE(wait_until([&] { return agent.verdict(pod->name, asked) == expected; }, after(60s)));
        for (const uint8_t family : {BH_IPV4, BH_IPV6})
            CHECK(answers_tcp(pod->netns, {database.address(family), kMySql}, after(pod == owner ? 10s : 300ms)) ==
                  (pod == owner));
    }
}

TEST_CASE("of two databases of one AWSResource each is reached by the tenant whom its tag names, and by no other") {
    const Databases scene;
    scene.tag("vault", "blog");
    const auto agent = scene.agent();
    check_owner(agent, scene, scene.ledger, &scene.teller);
    check_owner(agent, scene, scene.posts, &scene.writer);

    scene.tag("blog", "bolg"); // one was sold, and one is misspelt
    check_owner(agent, scene, scene.ledger, &scene.writer);
    check_owner(agent, scene, scene.posts, nullptr);
    CHECK(agent.reports([](const Json& problem) {
        return problem.at("object") == "AWSResource databases" && problem.at("field") == "spec.tenantFrom" &&
               problem.at("text").get<std::string>().find("\"bolg\" of 10.0.200.11") != std::string::npos;
    }));
    CHECK(agent.verdict(scene.writer.name, "databases/blog:3306") == "allow");
}

} // namespace
} // namespace bulkhead::test
