// SPDX-License-Identifier: Apache-2.0
//
// An agent whose maps are too small for what it is told: nothing Protected opens, it says what doesn't fit and is not
// ready, and all is in force once there is room.
#include <optional>

#include "metrics_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

std::string number(int value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
}

/// Pods of another node that nobody wired: they only take room.
class Crowd {
public:
    Crowd(const Manifests& manifests, int size) : manifests_(manifests), size_(size) {}

    /// All in one namespace, so of one identity.
    void come_as_one() const {
        manifests_.write("crowd.yaml", namespace_text("crowd"));
        for (int i = 0; i < size_; ++i)
            manifests_.write("crowd-" + number(i) + ".yaml", pod("crowd", i));
    }
    void come_as_many() const {
        for (int i = 0; i < size_; ++i)
            manifests_.write("crowd-" + number(i) + ".yaml",
                             namespace_text("crowd-" + number(i)) + "---\n" + pod("crowd-" + number(i), i));
    }
    void leave() const {
        for (int i = 0; i < size_; ++i)
            manifests_.remove("crowd-" + number(i) + ".yaml");
    }

private:
    static std::string pod(const std::string& ns, int i) {
        return "apiVersion: v1\nkind: Pod\nmetadata: {name: p" + number(i) + ", namespace: " + ns +
               "}\nspec: {nodeName: node-b}\nstatus: {phase: Running, podIPs: [{ip: 10.9.0." + std::to_string(i + 1) +
               "}]}\n";
    }

    const Manifests& manifests_;
    int size_;
};

struct Vault {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeB, "vault/kin", 21);
    Place near = net.add(kNodeA, "shop/near", 30);
    Place far = net.add(kNodeB, "shop/far", 30);
    EchoServer safe_server = require(EchoServer::start(safe.netns, {8080}));
    EchoServer near_server = require(EchoServer::start(near.netns, {8080}));

    Vault() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("shop.yaml", namespace_text("shop"));
    }

    AgentProcess launch(const std::vector<std::string>& sizes) const {
        return AgentProcess::launch(net, node, {.metrics_address = kMetricsAddress, .more = sizes});
    }
};

bool reaches(const Place& from, const Place& to, bool expected = false) {
    const auto limit = [&] { return after(expected ? 10s : 300ms); };
    return answers_udp(from.netns, {to.ip4, 8080}, limit()) || answers_tcp(from.netns, {to.ip6, 8080}, limit());
}

bool has_error(const AgentProcess& agent, const std::string& text) {
    const Json status = agent.ask({"status"});
    if (!status.is_object()) return false;
    return std::ranges::any_of(status.at("errors"), [&](const Json& error) {
        return error.get<std::string>().find(text) != std::string::npos;
    });
}

/// Named in the status, in the log and in the metrics, and the node is not ready.
void check_says_full(const Vault& vault, const AgentProcess& agent, const std::string& map) {
    if (!wait_until([&] { return has_error(agent, "to map " + map + ": the map is full"); }, after(60s), 20ms))
        FAIL("nothing says that " << map << " is full: " << agent.output());
    const Json status = agent.ask({"status"});
    CHECK(status.at("inSync") == false);
    CHECK(status.at("ready") == false);
    CHECK(agent.output().find("to map " + map + ": the map is full") != std::string::npos);
    CHECK(get(vault.node, "/readyz").status == 503);
    CHECK(metric(vault.node, "bulkhead_in_sync") == 0);
    const std::string label = "{map=\"" + map + "\"}";
    CHECK(metric(vault.node, "bulkhead_map_write_errors_total" + label) > 0);
    CHECK(metric(vault.node, "bulkhead_map_entries" + label) > metric(vault.node, "bulkhead_map_max_entries" + label));
}

void check_in_force_again(const Vault& vault, AgentProcess& agent) {
    agent.wait_until_ready();
    CHECK(agent.ask({"status"}).at("inSync") == true);
    CHECK(metric(vault.node, "bulkhead_in_sync") == 1);
    CHECK(reaches(vault.kin, vault.safe, true));
    CHECK_FALSE(reaches(vault.near, vault.safe));
    CHECK_FALSE(reaches(vault.far, vault.safe));
}

TEST_CASE("with more identities than there is room for, a protected pod without one is closed, not open") {
    const Vault vault;
    const Crowd crowd(vault.net.manifests(), 16); // "crowd-..." comes before "shop" and "vault"
    crowd.come_as_many();
    auto agent = vault.launch({"--max-identities", "32"});
    check_says_full(vault, agent, "identities");
    CHECK_FALSE(reaches(vault.near, vault.safe));
    CHECK_FALSE(reaches(vault.far, vault.safe));
    CHECK_FALSE(reaches(vault.kin, vault.safe));              // nobody knows any more that it is of its tenant
    CHECK(reaches(vault.net.node(kNodeA), vault.safe, true)); // its kubelet
    CHECK(reaches(vault.safe, vault.near, true));             // what is open stays open
    crowd.leave();
    check_in_force_again(vault, agent);
}

std::string database_text() {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: database}\n"
           "spec: {tenant: vault, addresses: {cidrs: [203.0.113.5/32, 2001:db8:1::/48, 198.51.100.0/24]}}\n";
}

TEST_CASE(
    "with more addresses than there is room for, those without are strangers, and what is protected has its row") {
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    const Crowd crowd(manifests, 60);
    crowd.come_as_one();
    auto agent = vault.launch({"--max-endpoints", "40"});
    check_says_full(vault, agent, "endpoints4");
    CHECK_FALSE(reaches(vault.near, vault.safe));
    CHECK_FALSE(reaches(vault.far, vault.safe));
    CHECK(reaches(vault.kin, vault.safe, true)); // protected, so it has a row
    CHECK(reaches(vault.net.node(kNodeA), vault.safe, true));
    manifests.write("database.yaml", database_text());
    agent.wait_for_verdict("shop/near", "203.0.113.5:5432", "deny");
    crowd.leave();
    check_in_force_again(vault, agent);
    CHECK(agent.verdict("shop/near", "203.0.113.5:5432") == "deny");
}

TEST_CASE("an unknown pod is not taken for the world while addresses lack room") {
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    manifests.write("vault.yaml",
                    tenant_text("vault", "namespaces: [vault], level: protected, allowFrom: [{from: "
                                         "[{world: true}, {cidr: 10.0.2.0/24}], ports: [{port: 8080}]}]"));
    manifests.write("vault-ns.yaml", namespace_text("vault"));
    const Crowd crowd(manifests, 60);
    crowd.come_as_one();
    auto agent = vault.launch({"--max-endpoints", "40"});
    check_says_full(vault, agent, "endpoints4");
    CHECK(has_error(agent, "what the world and CIDRs are granted is held back"));
    const auto outside = "192.0.2.9";
    CHECK(agent.verdict(outside, "vault/safe:8080") == "deny");
    CHECK_FALSE(reaches(vault.far, vault.safe)); // with a row or without
    crowd.leave();
    check_in_force_again(vault, agent);
    CHECK(agent.verdict(outside, "vault/safe:8080") == "allow");
}

TEST_CASE("with more CIDRs than there is room for, a protected one has its row, whenever it comes") {
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    std::string cidrs;
    for (int i = 0; i < 12; ++i)
        cidrs += (i ? ", 10.77." : "10.77.") + std::to_string(i) + ".0/24, 2001:db8:77" + number(i) + "::/48";
    manifests.write("open.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: open}\n"
                                 "spec: {level: non-protected, addresses: {cidrs: [" +
                                     cidrs + "]}}\n");
    auto agent = vault.launch({"--max-prefixes", "8"});
    check_says_full(vault, agent, "prefixes4");
    check_says_full(vault, agent, "prefixes6");
    CHECK(agent.verdict("shop/near", "198.51.100.7:5432") == "allow");
    manifests.write("database.yaml", database_text());
    agent.wait_for_verdict("shop/near", "198.51.100.7:5432", "deny");
    CHECK(agent.verdict("shop/near", "[2001:db8:1::7]:5432", BH_IPV6) == "deny");
    CHECK(agent.ask({"status"}).at("inSync") == false);
    manifests.remove("open.yaml");
    check_in_force_again(vault, agent);
    CHECK(agent.verdict("shop/near", "198.51.100.7:5432") == "deny");
}

TEST_CASE("with more openings than there is room for, those without are not in force until there is") {
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    manifests.write("vault-ns.yaml", namespace_text("vault"));
    const auto grant = [&](const std::vector<std::string>& peers) { // each another port, so that none is like another
        std::string items;
        for (size_t i = 0; i < peers.size(); ++i)
            items += "{from: [" + peers[i] + "], ports: [{port: 8080}, {port: " + std::to_string(9000 + i) + "}]}, ";
        manifests.write("vault.yaml",
                        tenant_text("vault", "namespaces: [vault], level: protected, allowFrom: [" + items + "]"));
    };
    grant({"{cidr: 192.0.2.1/32}", "{cidr: 192.0.2.2/32}", "{cidr: 192.0.2.3/32}", "{namespace: shop}"});
    auto agent = vault.launch({"--max-openings", "2"});
    check_says_full(vault, agent, "openings");
    int allowed = 0;
    for (const char* from : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "shop/far"})
        allowed += agent.verdict(from, "vault/safe:8080") == "allow" ? 1 : 0;
    CHECK(allowed == 2);
    CHECK(agent.verdict("192.0.2.4", "vault/safe:8080") == "deny");
    grant({"{namespace: shop}"});
    agent.wait_until_ready();
    agent.wait_for_verdict("shop/far", "vault/safe:8080", "allow");
    CHECK(agent.verdict("192.0.2.1", "vault/safe:8080") == "deny");
}

TEST_CASE("a pod for which no slot is left is shut, and reachable as its level says once there is one") {
    for (const std::string& attach : attach_modes()) {
        DYNAMIC_SECTION(attach) {
            const Net net = Net::create();
            const Place node = net.node(kNodeA);
            const Place first = net.add(kNodeA, "shop/first", 40);
            const Place near = net.add(kNodeA, "shop/near", 30);
            net.manifests().write("vault.yaml", protected_namespace_text("vault"));
            net.manifests().write("shop.yaml", namespace_text("shop"));
            auto agent = AgentProcess::start(
                net, node, {.attach = attach, .metrics_address = kMetricsAddress, .more = {"--max-pods", "3"}});
            const Place kin = net.add(kNodeB, "vault/kin", 21);
            const Place safe = net.add(kNodeA, "vault/safe", 20);
            const EchoServer server = require(EchoServer::start(safe.netns, {8080}));
            const EchoServer other = require(EchoServer::start(near.netns, {8080}));
            REQUIRE(agent.reports([](const Json& problem) {
                return problem.at("text").get<std::string>().find("all 2 pod slots are taken") != std::string::npos;
            }));
            CHECK(wait_until([&] { return metric(node, R"(bulkhead_interfaces{state="shut"})") == 1; }, after(10s)));
            CHECK(metric(node, R"(bulkhead_interfaces{state="guarded"})") == 2);
            CHECK(agent.endpoint(safe.name).at("state") == "shut");
            CHECK(get(node, "/readyz").status == 503);
            CHECK_FALSE(reaches(near, safe));
            CHECK_FALSE(reaches(kin, safe));
            CHECK_FALSE(reaches(safe, near)); // nobody could check whose address it uses
            CHECK(reaches(first, near, true));

            net.unwire(first);
            net.manifests().remove(file_of(first));
            agent.wait_until_ready();
            CHECK(metric(node, R"(bulkhead_interfaces{state="shut"})") == 0);
            CHECK(reaches(kin, safe, true));
            CHECK(reaches(safe, near, true));
            CHECK_FALSE(reaches(near, safe));
        }
    }
}

TEST_CASE("while nobody reads them events are lost and counted, and nothing else suffers") {
    const Vault vault;
    auto agent = vault.launch({"--events-bytes", "4096"});
    agent.wait_until_ready();
    agent.process().signal(SIGSTOP);
    for (int i = 0; i < 200; ++i) { // each is a conversation, and the ring has room for some 30
        (void)answers_udp(vault.near.netns, {vault.safe.ip4, 8080}, after(1ms));
        (void)answers_udp(vault.kin.netns, {vault.safe.ip4, 8080}, after(1s));
    }
    CHECK_FALSE(reaches(vault.near, vault.safe));
    CHECK(reaches(vault.kin, vault.safe, true));
    agent.process().signal(SIGCONT);
    CHECK(metric(vault.node, R"(bulkhead_events_total{result="lost"})") > 100);
    CHECK(metric(vault.node, "bulkhead_refused_packets_merged_total") > 100);
}

} // namespace
} // namespace bulkhead::test
