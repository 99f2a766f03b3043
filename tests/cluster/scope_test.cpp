// SPDX-License-Identifier: Apache-2.0
//
// --slice-scope relevant at a real API server: who is asked for, what packets then meet, and how the question follows
// the policy and this node's pods.
#include "manifests.h"
#include "support/echo_server.h"
#include "two_nodes.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 5432;
constexpr auto kSoon = 20s;

AgentProcess::Options narrow_options(const TwoNodes& cluster) {
    auto options = cluster.agent_options();
    options.more = {"--slice-scope", "relevant"};
    return options;
}

AgentProcess start_narrow(const TwoNodes& cluster, const std::string& node) {
    return AgentProcess::start(cluster.net(), cluster.net().node(node), narrow_options(cluster));
}

/// Somebody who may do with slices what the verbs say, and whatever an agent does with all else.
std::filesystem::path somebody(const TwoNodes& cluster, const std::string& slice_verbs) {
    const auto& server = cluster.server();
    kubectl(server, {"create", "serviceaccount", "somebody", "-n", "default"});
    kubectl(server, {"create", "clusterrole", "all-but-slices", "--verb=get,list,watch",
                     "--resource=namespaces,nodes,pods,services,endpointslices.discovery.k8s.io,tenants.bulkhead.dev,"
                     "accessgrants.bulkhead.dev,awsresources.bulkhead.dev,overrides.bulkhead.dev"});
    kubectl(server,
            {"create", "clusterrole", "slices", "--verb=" + slice_verbs, "--resource=identityslices.bulkhead.dev"});
    for (const std::string role : {"all-but-slices", "slices"})
        kubectl(server,
                {"create", "clusterrolebinding", role, "--clusterrole=" + role, "--serviceaccount=default:somebody"});
    return require(server.kubeconfig_for(require(server.service_account_token("default", "somebody"))));
}

void let_somebody(const TwoNodes& cluster, const std::string& slice_verbs) {
    kubectl(cluster.server(), {"delete", "clusterrole", "slices"});
    kubectl(cluster.server(),
            {"create", "clusterrole", "slices", "--verb=" + slice_verbs, "--resource=identityslices.bulkhead.dev"});
}

bool reaches(const Place& from, const Place& to) {
    return answers_tcp(from.netns, {to.address(BH_IPV4), kPort}, after(1s));
}

bool hears_of(const AgentProcess& agent, const std::string& pod) {
    return agent.endpoint(pod).is_object();
}

std::string slices_of(const AgentProcess& agent) {
    return agent.ask({"status"}).at("slices").get<std::string>();
}

TEST_CASE("with --slice-scope relevant an agent hears of those who count there, and packets meet the same rule") {
    TwoNodes cluster;
    cluster.put(namespace_text("shop") + "---\n" + namespace_text("blog") + "---\n" + protected_namespace_text("bank"));
    const auto agent_b = start_narrow(cluster, kNodeB);
    const Place ledger = cluster.run(kNodeA, "bank/ledger", 20);
    const auto server = require(EchoServer::start(ledger.netns, {kPort}));
    const Place teller = cluster.run(kNodeB, "bank/teller", 20);
    const Place web = cluster.run(kNodeB, "shop/web", 21);
    CHECK(wait_until([&] { return cluster.slices().size() == 2; }, after(kSoon), 20ms));
    const auto agent_a = start_narrow(cluster, kNodeA);

    CHECK(wait_until([&] { return reaches(teller, ledger); }, after(kSoon), 20ms));
    CHECK_FALSE(reaches(web, ledger));
    CHECK_FALSE(hears_of(agent_a, "shop/web"));
    CHECK(slices_of(agent_a) == "of 1 tenant");

    cluster.put("apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: shop, namespace: bank}\n"
                "spec: {from: [{namespace: shop}], ports: [{port: 5432}]}\n");
    CHECK(wait_until([&] { return reaches(web, ledger); }, after(kSoon), 20ms));
    CHECK(slices_of(agent_a) == "of 2 tenants");
    kubectl(cluster.server(), {"-n", "bank", "delete", "accessgrant", "shop"});
    CHECK(wait_until([&] { return !reaches(web, ledger); }, after(kSoon), 20ms));
    CHECK(hears_of(agent_a, "shop/web")); // stays for a while, in case that it is needed again

    const Place post = cluster.run(kNodeB, "blog/post", 22);
    CHECK(wait_until([&] { return cluster.slices().size() == 4; }, after(kSoon), 20ms));
    const auto answering = require(EchoServer::start(post.netns, {kPort}));
    CHECK(wait_until([&] { return reaches(ledger, post); }, after(kSoon), 20ms)); // and is answered
    CHECK_FALSE(hears_of(agent_a, "blog/post"));
    cluster.run(kNodeA, "blog/page", 21); // the first of its tenant here
    CHECK(wait_until([&] { return hears_of(agent_a, "blog/post"); }, after(kSoon), 20ms));

    const Place stranger = cluster.run(kNodeB, "kube-public/stranger", 23);
    CHECK(wait_until([&] { return cluster.slices().size() == 6; }, after(kSoon), 20ms));
    CHECK_FALSE(hears_of(agent_a, "kube-public/stranger"));
    cluster.put("apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: world, namespace: bank}\n"
                "spec: {from: [{world: true}], ports: [{port: 5432}]}\n");
    CHECK(
        wait_until([&] { return slices_of(agent_a) == "of all tenants: AccessGrant bank/world spec names the world"; },
                   after(kSoon), 20ms));
    CHECK(wait_until([&] { return hears_of(agent_a, "kube-public/stranger"); }, after(kSoon), 20ms));
    CHECK_FALSE(reaches(stranger, ledger)); // which is no part of the world
}

TEST_CASE("what the world is granted waits in a narrow scope for all pods: till then one of them would be the world") {
    constexpr auto kVerbs = "get,list,watch,create,patch,delete";
    TwoNodes cluster;
    cluster.put(protected_namespace_text("bank"));
    const auto agent_b = cluster.start(kNodeB);
    const Place ledger = cluster.run(kNodeA, "bank/ledger", 20);
    const auto server = require(EchoServer::start(ledger.netns, {kPort}));
    const Place stranger = cluster.run(kNodeB, "kube-public/stranger", 20);
    CHECK(wait_until([&] { return cluster.slices().size() == 1; }, after(kSoon), 20ms));
    auto options = narrow_options(cluster);
    options.kubeconfig = somebody(cluster, kVerbs);
    const auto agent_a = AgentProcess::start(cluster.net(), cluster.net().node(kNodeA), options);
    CHECK(slices_of(agent_a) == "of 1 tenant");

    let_somebody(cluster, "watch,create,patch,delete");
    REQUIRE(wait_until_may(cluster.server(), options.kubeconfig, {"list", "identityslices.bulkhead.dev"}, false));
    cluster.put("apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: world, namespace: bank}\n"
                "spec: {from: [{world: true}], ports: [{port: 5432}]}\n");
    const std::string why = "AccessGrant bank/world spec names the world";
    const auto waiting = "of all tenants: " + why + "; their list isn't complete yet";
    CHECK(wait_until([&] { return slices_of(agent_a) == waiting; }, after(kSoon), 20ms));
    CHECK_FALSE(reaches(cluster.host(), ledger));
    CHECK_FALSE(reaches(stranger, ledger));

    let_somebody(cluster, kVerbs);
    CHECK(wait_until([&] { return reaches(cluster.host(), ledger); }, after(kSoon), 20ms));
    CHECK(slices_of(agent_a) == "of all tenants: " + why);
    CHECK_FALSE(reaches(stranger, ledger));
}

TEST_CASE("an agent with --slice-scope relevant hears whom the API server calls") {
    TwoNodes cluster;
    cluster.put(protected_namespace_text("bank"));
    cluster.put(R"({"apiVersion": "bulkhead.dev/v1alpha1", "kind": "IdentitySlice",
                    "metadata": {"name": "kube-apiserver", "labels": {"bulkhead.dev/scope": "all"}},
                    "spec": {"kubeApiserver": [{"namespace": "bank", "service": "hook", "selector": {"app": "hook"},
                                                "ports": [{"port": 8443, "protocol": "TCP"}]}]}})");
    cluster.put("apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\n"
                "metadata: {name: kubernetes-9, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}\n"
                "addressType: IPv4\nendpoints: [{addresses: [198.51.100.9]}]\n");
    const auto agent_a = start_narrow(cluster, kNodeA);
    cluster.put("apiVersion: v1\nkind: Pod\nmetadata: {namespace: bank, name: hook, labels: {app: hook}}\n"
                "spec: {nodeName: node-a, containers: [{name: main, image: none}]}\n");
    cluster.net().wire(kNodeA, "bank/hook", 20);
    agent_a.wait_for_verdict("198.51.100.9", "bank/hook:8443", "allow");
    CHECK(agent_a.verdict("198.51.100.9", "bank/hook:8444") == "deny");
}

TEST_CASE("an agent with --slice-scope relevant takes over what one before it left, without a gap") {
    TwoNodes cluster;
    cluster.put(protected_namespace_text("bank"));
    const auto agent_b = cluster.start(kNodeB);
    const Place ledger = cluster.run(kNodeA, "bank/ledger", 20);
    const auto server = require(EchoServer::start(ledger.netns, {kPort}));
    const Place teller = cluster.run(kNodeB, "bank/teller", 20);
    {
        const auto wide = cluster.start(kNodeA);
        CHECK(wait_until([&] { return reaches(teller, ledger); }, after(kSoon), 20ms));
    }
    auto narrow = AgentProcess::launch(cluster.net(), cluster.net().node(kNodeA), narrow_options(cluster));
    size_t asked = 0;
    const auto is_heard = [&] {
        ++asked;
        CHECK(reaches(teller, ledger));
        const auto status = narrow.ask({"status"});
        return status.is_object() && status.at("ready") == true;
    };
    CHECK(wait_until(is_heard, after(kSoon), 1ms));
    CHECK(asked > 0);
    CHECK(reaches(teller, ledger));
    CHECK(slices_of(narrow) == "of 1 tenant");
}

} // namespace
} // namespace bulkhead::test
