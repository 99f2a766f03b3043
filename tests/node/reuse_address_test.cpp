// SPDX-License-Identifier: Apache-2.0
//
// An address goes from one pod to another one of a different tenant, and the news of the one's end and of the other's
// begin comes in any order, late, or never. (What becomes of conversations that were under way: next_packet_address.)
#include <catch2/generators/catch_generators.hpp>
#include <fstream>
#include <optional>

#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 8080;

/// In which order an agent hears of the pod that ends and of its heir.
enum class Order : uint8_t { kEndFirst, kHeirFirst, kFinishedFirst, kEndNever };

const char* name_of(Order order) {
    switch (order) {
    case Order::kEndFirst:
        return "its end first";
    case Order::kHeirFirst:
        return "its heir first";
    case Order::kFinishedFirst:
        return "it has finished, and keeps its address in its status";
    case Order::kEndNever:
        return "its end never";
    }
    return "";
}

struct Vault {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    EchoServer server = require(EchoServer::start(safe.netns, {kPort}));

    Vault() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }
};

bool reaches(const Place& from, const Place& to, uint8_t family, bool expected) {
    return answers_tcp(from.netns, {to.address(family), kPort}, after(expected ? 10s : 300ms));
}

void check_reaches(const Place& from, const Place& to, bool expected) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to " << to.name << ", IPv" << (family == BH_IPV4 ? 4 : 6));
        CHECK(reaches(from, to, family, expected) == expected);
    }
}

/// A pod's object as the API server has it, which dates every one; `second` within one minute.
std::string dated_text(const Place& pod, int second, const std::string& phase = "Running") {
    std::string text = pod_text(pod);
    const std::string date = "2026-01-01T00:00:" + std::string(second < 10 ? "0" : "") + std::to_string(second) + "Z";
    text.replace(text.find("labels:"), 0, "creationTimestamp: \"" + date + "\", ");
    text.replace(text.find("phase: Running"), std::string("phase: Running").size(), "phase: " + phase);
    return text;
}

/// The first pod goes and its heir comes with its address; then the news, up to where the heir has been told of.
Place succeed(const Vault& vault, const Place& first, const std::string& heir_name, int number, Order order) {
    const auto& manifests = vault.net.manifests();
    vault.net.unwire(first);
    if (order == Order::kEndFirst) manifests.remove(file_of(first));
    if (order == Order::kFinishedFirst) manifests.write(file_of(first), dated_text(first, 1, "Failed"));
    Place heir = vault.net.wire(first.node, heir_name, number);
    manifests.write(file_of(heir), dated_text(heir, 2));
    return heir;
}

void wait_until_owned(const AgentProcess& agent, const Place& pod) {
    Json row;
    const auto owns = [&] {
        row = agent.endpoint(pod.name);
        return row.is_object() && row.at("addresses").dump().find(pod.ip4.text()) != std::string::npos;
    };
    if (!wait_until(owns, after(10s))) FAIL(pod.name << " never has its address: " << row.dump());
}

TEST_CASE("a stranger that gets an address of a protected tenant's pod is a stranger, in whatever order that is told") {
    const Order order = GENERATE(Order::kEndFirst, Order::kHeirFirst, Order::kFinishedFirst, Order::kEndNever);
    const std::string node = GENERATE("node-a", "node-b");
    INFO(node << ", " << name_of(order));
    Vault vault;
    const Place first = vault.net.wire(node, "vault/first", 40);
    vault.net.manifests().write(file_of(first), dated_text(first, 1));
    std::optional<AgentProcess> agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    check_reaches(first, vault.safe, true);

    const Place heir = succeed(vault, first, "blog/heir", 40, order);
    // On its own node a veth tells who it is: not one packet waits for any news.
    if (node == kNodeB) wait_until_owned(*agent, heir);
    check_reaches(heir, vault.safe, false);
    wait_until_owned(*agent, heir);

    if (order == Order::kEndNever) {
        agent.reset(); // and the next one lists anew
        agent.emplace(AgentProcess::start(vault.net, vault.net.node(kNodeA), {}));
    } else if (order != Order::kEndFirst) {
        vault.net.manifests().remove(file_of(first));
    }
    check_reaches(heir, vault.safe, false);
    wait_until_owned(*agent, heir);
}

TEST_CASE("a late end of the pod that had an address before takes nothing from the one that has it now") {
    const Order order = GENERATE(Order::kHeirFirst, Order::kFinishedFirst, Order::kEndNever);
    const std::string node = GENERATE("node-a", "node-b");
    INFO(node << ", " << name_of(order));
    Vault vault;
    const Place first = vault.net.wire(node, "blog/first", 40);
    vault.net.manifests().write(file_of(first), dated_text(first, 1));
    std::optional<AgentProcess> agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    check_reaches(first, vault.safe, false);

    const Place heir = succeed(vault, first, "vault/heir", 40, order);
    wait_until_owned(*agent, heir);
    check_reaches(heir, vault.safe, true);
    if (order == Order::kEndNever) {
        agent.reset();
        agent.emplace(AgentProcess::start(vault.net, vault.net.node(kNodeA), {}));
    } else {
        vault.net.manifests().remove(file_of(first));
        CHECK(wait_until([&] { return agent->endpoint(first.name).is_null(); }, after(10s)));
    }
    wait_until_owned(*agent, heir);
    check_reaches(heir, vault.safe, true);
}

/// An agent has noted that the pod had an interface here. (Of which agent, its name tells.)
bool is_noted(const std::string& pod) {
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator("/run/bulkhead", ignored)) {
        if (file.path().extension() != ".wired") continue;
        std::ifstream text(file.path());
        if (std::string(std::istreambuf_iterator<char>(text), {}).find("\"" + pod + "\"") != std::string::npos)
            return true;
    }
    return false;
}

TEST_CASE("a pod whose object is stuck gives its address to nobody once its interface is gone, over restarts too; one "
          "that no agent saw wired keeps what its status says") {
    const bool while_agent_lives = GENERATE(true, false);
    CAPTURE(while_agent_lives);
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    const auto stuck = "vault/stuck-" + std::to_string(getpid());
    const Place first = vault.net.add(kNodeA, stuck, 40);
    const Place foreign = vault.net.wire(kNodeB, "vault/foreign", 41); // its object says that it is on node-a
    manifests.write(file_of(foreign), pod_text({kNodeA, foreign.name, foreign.ip4, foreign.ip6,
                                                require(Netns::open(foreign.netns.name()))}));
    std::optional<AgentProcess> agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    check_reaches(first, vault.safe, true);
    check_reaches(foreign, vault.safe, true);
    REQUIRE(wait_until([&] { return is_noted(stuck); }, after(20s), 20ms));

    if (!while_agent_lives) agent.reset();
    vault.net.unwire(first);
    const Place heir = vault.net.wire_as(kNodeB, "blog/heir", first.ip4.text(), first.ip6.text()); // told to nobody
    if (agent) CHECK(wait_until([&] { return agent->endpoint(stuck).is_null(); }, after(20s)));
    for (int restarts = 0; restarts < 2; ++restarts) { // what one agent was told by a file, it tells the next one
        agent.reset();
        agent.emplace(AgentProcess::start(vault.net, vault.net.node(kNodeA), {}));
        check_reaches(heir, vault.safe, false);
        check_reaches(foreign, vault.safe, true);
        CHECK(agent->endpoint(stuck).is_null());
    }
    manifests.remove(file_of(first));
    const Place again = vault.net.add(kNodeA, stuck, 42); // another pod of that name
    check_reaches(again, vault.safe, true);
    wait_until_owned(*agent, again);
}

TEST_CASE("a pod that another node has is known here though its predecessor's interface goes later and over restarts") {
    const Vault vault;
    const auto& manifests = vault.net.manifests();
    const Place first = vault.net.add(kNodeA, "vault/db-0", 40);
    const Place next = vault.net.wire(kNodeB, "vault/moved", 41);
    std::optional<AgentProcess> agent = AgentProcess::start(vault.net, vault.net.node(kNodeA), {});
    check_reaches(first, vault.safe, true);

    // Deleted by force, as from a node that was thought to be lost: the StatefulSet has it anew at once.
    auto text = pod_text({kNodeB, first.name, next.ip4, next.ip6, require(Netns::open(next.netns.name()))});
    text.replace(text.find("labels:"), 0, "uid: moved, ");
    manifests.write(file_of(first), text);
    check_reaches(next, vault.safe, true);
    vault.net.unwire(first);
    for (int restarts = 0; restarts < 2; ++restarts) {
        REQUIRE(wait_until([&] { return agent->endpoint(first.name).is_object(); }, after(10s)));
        check_reaches(next, vault.safe, true);
        agent.reset();
        agent.emplace(AgentProcess::start(vault.net, vault.net.node(kNodeA), {}));
    }
}

} // namespace
} // namespace bulkhead::test
