// SPDX-License-Identifier: Apache-2.0
//
// The example that keeps instance metadata for named tenants (docs/examples/instance-metadata.md), by the very files
// that it has people apply: in audit mode all pass and strangers are reported, in enforce mode only who is named gets
// there.
#include <fstream>
#include <iterator>

#include "flows_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kHttp = 80, kOther = 8080;

std::string example(const std::string& file) {
    std::ifstream in(std::string(BULKHEAD_AWS_MANIFESTS "/instance-metadata-") + file);
    std::string text(std::istreambuf_iterator<char>(in), {});
    REQUIRE_FALSE(text.empty());
    return text;
}

struct Instance {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place metadata = net.resource("metadata", "169.254.169.254", "fd00:ec2::254");
    Place runner = net.add(kNodeA, "ci/runner", 20);
    Place controller = net.wire(kNodeA, "kube-system/controller", 21);
    Place neighbour = net.add(kNodeA, "kube-system/neighbour", 22);
    Place stranger = net.add(kNodeA, "blog/stranger", 30);
    Place safe = net.add(kNodeA, "vault/safe", 31);
    EchoServer server = require(EchoServer::start(metadata.netns, {kHttp, kOther}));

    Instance() {
        for (const char* ns : {"kube-system", "blog"})
            net.manifests().write(std::string(ns) + ".yaml", namespace_text(ns));
        net.manifests().write("ci.yaml", namespace_text("ci", {{"bulkhead.dev/tenant", "ci"}}));
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        auto pod = pod_text(controller);
        const std::string label = "labels: {app: controller}";
        pod.replace(pod.find(label), label.size(), "labels: {app.kubernetes.io/name: aws-load-balancer-controller}");
        net.manifests().write(file_of(controller), pod);
    }

    std::vector<const Place*> named() const { return {&runner, &controller}; }
    std::vector<const Place*> others() const { return {&neighbour, &stranger, &safe}; }

    void check_asks(const Place& from, uint16_t port, bool expected) const {
        for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
            const Endpoint at{metadata.address(family), port};
            INFO(from.name << " to " << at.address.text() << " port " << port);
            CHECK(answers_tcp(from.netns, at, after(expected ? 10s : 300ms)) == expected);
        }
    }
};

/// Of all that is told of who asked metadata: source, verdict, family.
bool is_told(const AgentProcess& agent, const Place& from, const std::string& verdict) {
    const auto told_in = [&](const char* family) {
        const std::string ns = from.name.substr(0, from.name.find('/'));
        return !flows(agent, "to-resource=instance-metadata&verdict=" + verdict + "&from-namespace=" + ns +
                                 "&from-pod=" + from.name + "&family=" + family)
                    .empty();
    };
    return wait_until([&] { return told_in("4") && told_in("6"); }, after(10s), 50ms);
}

TEST_CASE(
    "the example for instance metadata: in audit all reach it and who isn't named is reported; enforced, only the "
    "named do") {
    const Instance instance;
    instance.net.manifests().write("metadata.yaml", example("audit.yaml"));
    const auto agent = AgentProcess::start(instance.net, instance.node, {});
    CHECK(agent.problems().empty());
    for (const Place* pod : instance.named()) {
        instance.check_asks(*pod, kHttp, true);
        CHECK(is_told(agent, *pod, "allowed"));
    }
    for (const Place* pod : instance.others()) {
        instance.check_asks(*pod, kHttp, true);
        CHECK(is_told(agent, *pod, "audit"));
    }
    CHECK(flows(agent, "to-resource=instance-metadata&verdict=denied").empty());
    CHECK(flows(agent, "to-resource=instance-metadata&verdict=audit&from-namespace=ci").empty());

    instance.net.manifests().write("metadata.yaml", example("enforce.yaml"));
    agent.wait_for_verdict(instance.stranger.name, "instance-metadata:80", "deny");
    for (const Place* pod : instance.named()) {
        instance.check_asks(*pod, kHttp, true);
        instance.check_asks(*pod, kOther, false); // the grant is for one port
    }
    for (const Place* pod : instance.others()) {
        instance.check_asks(*pod, kHttp, false);
        CHECK(is_told(agent, *pod, "denied"));
    }
    instance.check_asks(instance.node, kHttp, true);
}

TEST_CASE("the two files of the example for instance metadata differ by their mode and by nothing else") {
    const auto rules_of = [](const std::string& file) {
        const auto text = example(file);
        return text.substr(text.find("apiVersion:"));
    };
    std::string audit = rules_of("audit.yaml");
    const std::string mode = "mode: audit\n";
    REQUIRE(audit.find(mode) != std::string::npos);
    CHECK(audit.replace(audit.find(mode), mode.size(), "mode: enforce\n") == rules_of("enforce.yaml"));
}

} // namespace
} // namespace bulkhead::test
