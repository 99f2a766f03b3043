// SPDX-License-Identifier: Apache-2.0
//
// Whatever opened a port of a protected pod is taken back while it is used.
#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

const Labels kExposedByAnnotation{{"bulkhead.dev/expose", "7200-7299/TCP, 7200-7299/UDP"}};

std::string ports_text(int first) {
    const std::string range = "port: " + std::to_string(first) + ", endPort: " + std::to_string(first + 99);
    return "ports: [{" + range + ", protocol: TCP}, {" + range + ", protocol: UDP}]";
}

std::string access_grant_text(int first) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: friends, namespace: vault}\n"
           "spec: {from: [{namespace: blog}], " +
           ports_text(first) + "}\n";
}

std::string vault_text(const std::string& openings) {
    return tenant_text("vault", "namespaces: [vault], level: protected" + openings);
}

std::string granted() {
    return "allowFrom: [{from: [{namespace: blog}], " + ports_text(7000) + "}]";
}

std::string exposed() {
    return "expose: [{podSelector: {matchLabels: {app: safe}}, " + ports_text(7300) + "}]";
}

/// Four ways in, on a hundred ports each: 7000 granted by the Tenant, 7100 by an AccessGrant, 7200 exposed
/// by an annotation, 7300 by the Tenant.
struct OpenVault {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20, kExposedByAnnotation);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);

    OpenVault() {
        net.manifests().write("vault.yaml", namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("tenant.yaml", vault_text(", " + granted() + ", " + exposed()));
        net.manifests().write("grant.yaml", access_grant_text(7100));
    }

    Talks from_strangers(uint16_t port) const {
        Talks talks = begin_talks(safe, near, Begun::kByOther, port);
        append(talks, begin_talks(safe, far, Begun::kByOther, static_cast<uint16_t>(port + 50)));
        return talks;
    }
};

TEST_CASE("a revoked grant or expose stops its conversations on their next packet, and no others") {
    const OpenVault vault;
    const auto agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    const auto agent_b = AgentProcess::start(vault.net, vault.net.node(kNodeB), {});
    const auto& manifests = vault.net.manifests();
    REQUIRE(agent.verdict(vault.near.name, vault.safe.name + ":7400") == "deny");
    Talks going_on = begin_talks(vault.safe, vault.near, Begun::kByGuarded, 7400);
    append(going_on, begin_talks(vault.safe, vault.far, Begun::kByGuarded, 7400));

    const auto revoke = [&](const char* what, uint16_t port, const std::function<void()>& change) {
        INFO(what);
        const Talks cut = vault.from_strangers(port);
        change();
        agent.wait_for_verdict(vault.near.name, vault.safe.name + ":" + std::to_string(port), "deny");
        check_cut_and_going_on(cut, going_on, Clock::now());
    };
    revoke("the Tenant's grant", 7000, [&] { manifests.write("tenant.yaml", vault_text(", " + exposed())); });
    revoke("the AccessGrant", 7100, [&] { manifests.remove("grant.yaml"); });
    revoke("the pod's annotation", 7200, [&] { vault.net.tell(vault.safe); });
    revoke("the Tenant's expose", 7300, [&] { manifests.write("tenant.yaml", vault_text("")); });
}

TEST_CASE("an opening that loses one port leaves the conversations on its others alone") {
    const OpenVault vault;
    const auto agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    const auto& [net, safe, near, far] = vault;
    const Talks lost = begin_talks(safe, near, Begun::kByOther, 7100);
    const Talks kept = begin_talks(safe, near, Begun::kByOther, 7150);
    net.manifests().write("grant.yaml", access_grant_text(7150));
    agent.wait_for_verdict(near.name, safe.name + ":7100", "deny");
    check_cut_and_going_on(lost, kept, Clock::now());
}

} // namespace
} // namespace bulkhead::test
