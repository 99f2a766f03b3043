// SPDX-License-Identifier: Apache-2.0
//
// A pod that is made anew under its name at once, as a StatefulSet does: the same veth name, but another veth, another
// address, other labels, another ServiceAccount.
#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 8080;
constexpr int kTimes = 6;

std::string pod_with_account(const Place& pod, const std::string& account, const std::string& app) {
    std::string text = pod_text(pod, {}, false); // its status comes later
    text.replace(text.find("spec: {"), 7, "spec: {serviceAccountName: " + account + ", ");
    const auto labels = text.find("labels: {");
    text.replace(labels, text.find('}', labels) - labels + 1, "labels: {app: " + app + "}");
    return text;
}

TEST_CASE("a pod that is made anew under its name is the new one with its first packet, and never again the old one") {
    const Net net = Net::create();
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const auto server = require(EchoServer::start(safe.netns, {kPort}));
    net.manifests().write("blog.yaml", namespace_text("blog"));
    net.manifests().write(
        "vault.yaml", namespace_text("vault") + "---\n" +
                          tenant_text("vault", "namespaces: [vault], level: protected, allowFrom: [{from: [{namespace: "
                                               "blog, serviceAccount: teller, podSelector: {matchLabels: {app: "
                                               "teller}}}]}]"));
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    for (int i = 0; i < kTimes; ++i) {
        CAPTURE(i);
        const bool may = i % 2 == 0;
        // Told before its veth is there, as the API server does: from then on the old one's packets don't matter.
        const Place plan{.node = kNodeA,
                         .name = "blog/web-0",
                         .ip4 = safe.ip4,
                         .ip6 = safe.ip6,
                         .netns = require(Netns::open(safe.netns.name()))};
        net.manifests().write(file_of(plan),
                              pod_with_account(plan, may ? "teller" : "default", may ? "teller" : "web"));
        const Place web = net.wire(kNodeA, "blog/web-0", 40 + i);
        for (const uint8_t family : {BH_IPV4, BH_IPV6})
            CHECK(answers_tcp(web.netns, {safe.address(family), kPort}, after(may ? 10s : 400ms)) == may);
        const Json row = agent.endpoint(web.name);
        INFO(row.dump());
        REQUIRE(row.is_object());
        CHECK(row.at("addresses").size() == 2); // none of its predecessors'
        CHECK(row.value("state", "") == "guarded");
        net.unwire(web);
    }
}

} // namespace
} // namespace bulkhead::test
