// SPDX-License-Identifier: Apache-2.0
//
// What is said is wrong: enforcement stays as it was, the problem is named, the rest applies, the agent lives.
#include <array>
#include <catch2/generators/catch_generators.hpp>
#include <fstream>

#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

namespace fs = std::filesystem;

const std::string kGrantedPort = "7000";

std::string vault_text(const std::string& port, const std::string& more = "") {
    return tenant_text("vault", "namespaces: [vault], level: protected, allowFrom: [{from: [{namespace: blog}], "
                                "ports: [{port: " +
                                    port + "}]}]" + more);
}

/// A vault with one door to a stranger, and someone for whom nothing is said.
struct Vault {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place near = net.add(kNodeA, "blog/near", 30);
    EchoServer server = require(EchoServer::start(safe.netns, {7000, 7001}));

    Vault() {
        net.manifests().write("vault.yaml", namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("tenant.yaml", vault_text(kGrantedPort));
    }

    AgentProcess agent() const { return AgentProcess::start(net, net.node(kNodeA), {}); }

    /// By packets: the door is open, and everything else is shut.
    void check_in_force() const {
        CHECK(answers_tcp(near.netns, {safe.ip4, 7000}, after(10s)));
        CHECK(answers_tcp(near.netns, {safe.ip6, 7000}, after(10s)));
        CHECK_FALSE(answers_tcp(near.netns, {safe.ip4, 7001}, after(300ms)));
        CHECK_FALSE(answers_udp(near.netns, {safe.ip6, 7000}, after(300ms)));
    }

    /// Another object of the same directory still applies: a second tenant is told of, then seen.
    void check_others_apply(const AgentProcess& agent, const std::string& name) const {
        net.manifests().write(name + ".yaml", protected_namespace_text(name));
        net.manifests().write(
            name + "-pod.yaml",
            pod_text({kNodeB, name + "/elsewhere", require(Address::parse("10.0.2.77")),
                      require(Address::parse("fd00:10:0:2::77")), require(Netns::open(near.netns.name()))}));
        CHECK(wait_until([&] { return agent.endpoint(name + "/elsewhere").is_object(); }, after(20s)));
        net.manifests().remove(name + "-pod.yaml");
        net.manifests().remove(name + ".yaml");
        CHECK(wait_until([&] { return agent.endpoint(name + "/elsewhere").is_null(); }, after(20s)));
    }
};

/// A problem of that file, with these words in its object, field and text.
std::function<bool(const Json&)> problem(const std::string& file, const std::string& object, const std::string& field,
                                         const std::string& text) {
    const auto has = [](const Json& json, const char* key, const std::string& part) {
        return json.value(key, "").find(part) != std::string::npos;
    };
    return [=](const Json& json) {
        return has(json, "origin", file) && has(json, "object", object) && has(json, "field", field) &&
               has(json, "text", text);
    };
}

std::string listed(const AgentProcess& agent) {
    return Json(agent.problems()).dump(1);
}

bool mended(const AgentProcess& agent) {
    return wait_until([&] { return agent.problems().empty(); }, after(20s));
}

TEST_CASE("YAML that breaks over a good file leaves its objects in force and says where it breaks") {
    const Vault vault;
    const auto agent = vault.agent();
    vault.net.manifests().write("tenant.yaml",
                                "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nspec: {namespaces: [\n");
    CHECK(agent.reports(problem("tenant.yaml:", "", "", "")));
    INFO(listed(agent));
    vault.check_in_force();
    vault.check_others_apply(agent, "shop");
    vault.net.manifests().write("tenant.yaml", vault_text(kGrantedPort));
    CHECK(mended(agent));
    vault.check_in_force();
}

TEST_CASE("an unknown field makes an object invalid: its last good content stays, and object and field are named") {
    const Vault vault;
    const auto agent = vault.agent();
    vault.net.manifests().write("tenant.yaml", vault_text("7001", ", allowForm: []"));
    CHECK(agent.reports(problem("tenant.yaml", "Tenant vault", "allowForm", "unknown")));
    INFO(listed(agent));
    vault.check_in_force();
    vault.check_others_apply(agent, "shop");
}

TEST_CASE("of an object in two files the one in force stays, and the other is reported") {
    const Vault vault;
    const auto agent = vault.agent();
    vault.net.manifests().write("another.yaml", vault_text("7001"));
    CHECK(agent.reports(problem("another.yaml", "Tenant vault", "", "")));
    INFO(listed(agent));
    vault.check_in_force();
    vault.net.manifests().remove("tenant.yaml"); // now the other one is the only one
    agent.wait_for_verdict(vault.near.name, vault.safe.name + ":7001", "allow");
    agent.wait_for_verdict(vault.near.name, vault.safe.name + ":7000", "deny");
    CHECK(mended(agent));
}

TEST_CASE("a file of 50 MB and binary junk are refused by name, quickly, and nothing else suffers") {
    const Vault vault;
    const auto agent = vault.agent();
    std::string junk(1 << 20, '\0');
    for (size_t i = 0; i < junk.size(); ++i)
        junk[i] = static_cast<char>(i * 2654435761u >> 13);
    vault.net.manifests().write("junk.yaml", junk);
    vault.net.manifests().write("junk.json", junk);
    vault.net.manifests().write("huge.yaml", std::string(50u << 20, 'x'));
    for (const char* file : {"junk.yaml", "junk.json", "huge.yaml"}) {
        INFO(file);
        CHECK(agent.reports(problem(file, "", "", "")));
    }
    vault.check_in_force();
    vault.check_others_apply(agent, "shop");
    vault.net.manifests().write("tenant.yaml", junk); // over a good file, too
    CHECK(agent.reports(problem("tenant.yaml", "", "", "")));
    vault.check_in_force();
}

TEST_CASE("values that make no sense are named one by one, and what is valid beside them applies") {
    const Vault vault;
    const auto agent = vault.agent();
    const auto& manifests = vault.net.manifests();
    manifests.write("cidr.yaml", tenant_text("c", "allowFrom: [{from: [{cidr: 10.0.0.1/8}]}]"));
    manifests.write("port.yaml", tenant_text("p", "expose: [{ports: [{port: 70000}]}]"));
    manifests.write("protocol.yaml", tenant_text("q", "expose: [{ports: [{port: 80, protocol: TPC}]}]"));
    manifests.write("level.yaml", namespace_text("loud", {{"bulkhead.dev/level", "loud"}}));
    CHECK(agent.reports(problem("cidr.yaml", "Tenant c", "allowFrom", "10.0.0.1/8")));
    CHECK(agent.reports(problem("port.yaml", "Tenant p", "port", "70000")));
    CHECK(agent.reports(problem("protocol.yaml", "Tenant q", "protocol", "TPC")));
    CHECK(agent.reports(problem("level.yaml", "Namespace loud", "bulkhead.dev/level", "loud")));
    INFO(listed(agent));
    vault.check_in_force();
    vault.check_others_apply(agent, "shop");
}

TEST_CASE("what only shows among the objects is told in the log too, with file, object and field") {
    const Vault vault;
    auto agent = vault.agent();
    const auto& manifests = vault.net.manifests();
    manifests.write("younger.yaml", tenant_text("younger", "namespaces: [shop, vault]"));
    manifests.write("stray.yaml", tenant_text("stray", "allowFrom: [{from: [{tenant: nosuch}]}]"));
    vault.net.tell(vault.near, {{"bulkhead.dev/expose", "99999"}});
    const std::vector<std::array<std::string, 4>> expected{
        {"younger.yaml:1", "Tenant younger", "spec.namespaces[1]", "claims namespace vault too"},
        {"stray.yaml:1", "Tenant stray", "spec.allowFrom[0].from[0].tenant", "there is no tenant nosuch"},
        {file_of(vault.near) + ":1", "Pod blog/near", "metadata.annotations[bulkhead.dev/expose]", "\"99999\""},
    };
    for (const auto& [file, object, field, text] : expected) {
        CHECK(agent.reports(problem(file, object, field, text)));
        INFO(listed(agent));
        CHECK(agent.process().wait_for_output(file + ", " + object + ", " + field + ": ", after(10s)));
    }
    INFO(agent.output());
    vault.check_in_force();
}

TEST_CASE("a directory that vanishes takes nothing with it, and is followed again when it is back") {
    const Vault vault;
    const auto agent = vault.agent();
    const fs::path directory = vault.net.manifests().directory();
    fs::rename(directory, vault.net.directory() / "away");
    CHECK(agent.reports([](const Json& each) { return !each.value("text", "").empty(); }));
    INFO(listed(agent));
    vault.check_in_force();
    fs::rename(vault.net.directory() / "away", directory);
    CHECK(mended(agent));
    vault.check_in_force();
    vault.check_others_apply(agent, "shop");

    // In one step: files that go one by one are withdrawn one by one.
    fs::rename(directory, vault.net.directory() / "away");
    fs::remove_all(vault.net.directory() / "away");
    CHECK(agent.reports([](const Json& each) { return !each.value("text", "").empty(); }));
    vault.check_in_force();
}

TEST_CASE("an agent whose very first read is broken lives, applies the rest, and takes the next good word") {
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    manifests.write("shop.yaml", protected_namespace_text("shop"));
    const Place till = vault.net.add(kNodeA, "shop/till", 40);
    const auto till_server = require(EchoServer::start(till.netns, {80}));
    manifests.write("tenant.yaml", "{{{");
    auto agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    CHECK(agent.reports(problem("tenant.yaml", "", "", "not YAML")));
    CHECK_FALSE(answers_tcp(vault.near.netns, {till.ip4, 80}, after(300ms)));
    manifests.write("tenant.yaml", vault_text(kGrantedPort));
    CHECK(mended(agent));
    vault.check_in_force();
}

TEST_CASE("a restart over a file that broke meanwhile takes back nothing, applies what is new, and says so") {
    const auto broken = GENERATE(as<std::string>{}, "{{{", vault_text(kGrantedPort, ", allowForm: []"));
    INFO(broken);
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    auto before = vault.agent();
    REQUIRE(before.process().stop(after(kEnd)) == 0);
    manifests.write("tenant.yaml", broken);
    auto agent = AgentProcess::launch(vault.net, vault.net.node(kNodeA), {});
    CHECK(agent.reports(problem("tenant.yaml", "", "", "stays as it is")));
    INFO(listed(agent));
    vault.check_in_force();
    vault.check_others_apply(agent, "shop");
    CHECK_FALSE(agent.ask({"status"}).value("ready", true));
    vault.check_in_force();
    manifests.write("tenant.yaml", vault_text("7001"));
    agent.wait_until_ready();
    CHECK(mended(agent));
    agent.wait_for_verdict(vault.near.name, vault.safe.name + ":7001", "allow");
    agent.wait_for_verdict(vault.near.name, vault.safe.name + ":7000", "deny");
}

TEST_CASE("an agent that starts before its directory exists waits for it") {
    const Vault vault;
    const fs::path directory = vault.net.manifests().directory();
    fs::rename(directory, vault.net.directory() / "away");
    auto agent = AgentProcess::launch(vault.net, vault.net.node(kNodeA), {});
    CHECK(agent.reports([](const Json& each) { return !each.value("text", "").empty(); }));
    INFO(listed(agent));
    CHECK_FALSE(agent.ask({"status"}).value("ready", true));
    fs::rename(vault.net.directory() / "away", directory);
    agent.wait_until_ready();
    vault.check_in_force();
}

} // namespace
} // namespace bulkhead::test
