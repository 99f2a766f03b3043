// SPDX-License-Identifier: Apache-2.0
//
// Pods come and go while the agent runs.
#include <catch2/generators/catch_generators.hpp>

#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

struct Village {
    Net net = Net::create();
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);

    Village() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }

    AgentProcess agent(const std::string& attach = "auto") const {
        return AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    }
};

bool reaches(const Place& from, const Place& to, bool expected = false) {
    const auto limit = [&] { return after(expected ? 10s : 400ms); };
    return answers_udp(from.netns, {to.ip4, 8080}, limit()) || answers_tcp(from.netns, {to.ip6, 8080}, limit());
}

EchoServer echo(const Place& place) {
    return require(EchoServer::start(place.netns, {8080}));
}

void wait_for_state(const AgentProcess& agent, const std::string& pod, const std::string& state) {
    Json row;
    const auto holds = [&] {
        row = agent.endpoint(pod);
        return row.is_object() && row.value("state", "") == state;
    };
    if (!wait_until(holds, after(10s))) FAIL(pod << " doesn't become " << state << ": " << row.dump());
}

void wait_for_held(const AgentProcess& agent, int count) {
    const auto held = [&] { return agent.ask({"status"})["interfaces"].value("held", -1); };
    if (!wait_until([&] { return held() == count; }, after(10s)))
        FAIL("held stays " << held() << " instead of " << count << ": " << agent.output());
}

TEST_CASE("a pod with a branch ENI is isolated like any other, and its way off the node is an uplink") {
    const std::string attach = GENERATE("tcx", "clsact");
    const Village village;
    const auto& [net, near, far] = village;
    const Place kin = net.add(kNodeB, "vault/kin", 21);
    const Place safe = net.wire(kNodeA, "vault/safe", 20, {"--branch"});
    net.tell(safe);
    const auto agent = village.agent(attach);
    const auto server = echo(safe);
    const auto other = echo(near);
    wait_for_state(agent, safe.name, "guarded");
    wait_for_held(agent, 0);
    CHECK(reaches(kin, safe, true));
    CHECK(reaches(safe, near, true));
    CHECK_FALSE(reaches(near, safe));
    CHECK_FALSE(reaches(far, safe));
}

TEST_CASE("a pod that comes while the agent runs is guarded and isolated") {
    const std::string attach = GENERATE("tcx", "clsact");
    const Village village;
    const auto& [net, near, far] = village;
    const auto agent = village.agent(attach);
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const auto server = echo(safe);
    const auto other = echo(near);
    wait_for_state(agent, safe.name, "guarded");
    CHECK_FALSE(reaches(near, safe));
    CHECK_FALSE(reaches(far, safe));
    CHECK(reaches(safe, near, true));
    CHECK(reaches(net.node(kNodeA), safe, true)); // its kubelet
    CHECK_FALSE(reaches(net.node(kNodeB), safe));
}

TEST_CASE("a pod whose veth comes before its object is held: only its own host reaches it, until it has a name") {
    const Village village;
    const auto& [net, near, far] = village;
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const auto agent = village.agent();
    const Place early = net.wire(kNodeA, "shop/early", 40);
    wait_for_held(agent, 1);
    const auto server = echo(early);
    const auto safe_server = echo(safe);
    const auto near_server = echo(near);
    CHECK_FALSE(reaches(near, early));
    CHECK_FALSE(reaches(far, early));
    CHECK(reaches(net.node(kNodeA), early, true));
    CHECK(reaches(early, near, true)); // what is open it reaches, and has its answers
    CHECK_FALSE(reaches(early, safe));

    net.manifests().write(file_of(early), pod_text(early, {}, false)); // named, but its namespace isn't known
    CHECK_FALSE(reaches(near, early));
    net.manifests().write("shop.yaml", namespace_text("shop"));
    wait_for_state(agent, early.name, "guarded");
    CHECK(reaches(near, early, true));
    CHECK(reaches(far, early, true));
    wait_for_held(agent, 0);
}

TEST_CASE("a pod whose status is silent about its addresses is known by its veth's routes") {
    const Village village;
    const auto& [net, near, far] = village;
    const auto agent = village.agent();
    const Place safe = net.wire(kNodeA, "vault/safe", 20);
    net.manifests().write(file_of(safe), pod_text(safe, {}, false));
    const auto server = echo(safe);
    wait_for_state(agent, safe.name, "guarded");
    CHECK_FALSE(reaches(near, safe));
    const Json row = agent.endpoint(safe.name);
    INFO(row.dump());
    CHECK(row.at("addresses").size() == 2);
    CHECK(row.value("tenant", "") == "ns/vault");
}

TEST_CASE("a pod that comes back under its name with another address is the same to the rule, the old one nobody") {
    const Village village;
    const auto& [net, near, far] = village;
    const auto agent = village.agent();
    const Place kin = net.add(kNodeA, "vault/kin", 22);
    const Place first = net.add(kNodeA, "vault/safe", 20);
    wait_for_state(agent, first.name, "guarded");
    {
        const auto server = echo(first);
        CHECK(reaches(kin, first, true));
        CHECK_FALSE(reaches(near, first));
    }
    net.unwire(first);
    const Place second = net.add(kNodeA, "vault/safe", 21);
    const auto server = echo(second);
    const auto has_new_address = [&] {
        const Json row = agent.endpoint(second.name);
        return row.is_object() && row.at("addresses").dump().find(second.ip4.text()) != std::string::npos &&
               row.at("addresses").dump().find(first.ip4.text()) == std::string::npos;
    };
    CHECK(wait_until(has_new_address, after(10s)));
    CHECK(reaches(kin, second, true));
    CHECK_FALSE(reaches(near, second));
    CHECK_FALSE(reaches(far, second));
    CHECK(agent.verdict(kin.name, second.name + ":80") == "allow");
}

TEST_CASE("a pod that goes leaves no guard, no endpoint and no hold behind") {
    const Village village;
    const auto& [net, near, far] = village;
    const auto agent = village.agent();
    const auto before = attachments_in(net.node(kNodeA).netns).size();
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    wait_for_state(agent, safe.name, "guarded");
    CHECK(attachments_in(net.node(kNodeA).netns).size() > before);
    net.unwire(safe);
    net.manifests().remove(file_of(safe));
    CHECK(wait_until([&] { return agent.endpoint(safe.name).is_null(); }, after(10s)));
    wait_for_held(agent, 0);
    CHECK(attachments_in(net.node(kNodeA).netns).size() == before);
    CHECK(agent.ask({"status"}).value("ready", false));
}

TEST_CASE("pods that come in a row are all guarded, and conversations go on meanwhile") {
    const Village village;
    const auto& [net, near, far] = village;
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    const auto agent = village.agent();
    const Talks own = begin_talks(safe, far, Begun::kByGuarded);
    std::vector<Place> pods;
    for (int number = 100; number < 110; ++number)
        pods.push_back(net.add(kNodeA, "vault/pod-" + std::to_string(number), number));
    for (const Place& pod : pods)
        wait_for_state(agent, pod.name, "guarded");
    const auto server = echo(pods.back());
    CHECK_FALSE(reaches(near, pods.back()));
    check_going_on(own);
}

TEST_CASE("a confined pod reaches its node by none of the addresses that the node listens to") {
    const Village village;
    const auto& [net, near, far] = village;
    net.manifests().write("tunnel.yaml", tenant_text("tunnel", "namespaces: [tunnel], confined: true") + "---\n" +
                                             namespace_text("tunnel"));
    const Place tunnel = net.add(kNodeA, "tunnel/end", 20);
    const Place node = net.node(kNodeA);
    const auto agent = village.agent();
    // In a subnet only now: the agent has to hear of it.
    for (const char* address : {"10.77.0.1/24", "fd00:77::1/64"})
        CHECK(run_in(node.netns, {"ip", "addr", "add", address, "dev", "eth0"}).first == 0);
    for (const char* text : {"10.77.0.1", "10.77.0.255", "fd00:77::1", "fd00:77::"}) {
        INFO(text);
        const auto to = require(Address::parse(text));
        const auto target = "[" + to.text() + "]:9000/UDP";
        CHECK(wait_until([&] { return agent.verdict(tunnel.name, target, to.family) == "deny"; }, after(10s)));
        const Fd ear = require(open_socket(node.netns, to.family, SOCK_DGRAM));
        const auto any = SocketAddress::any(to.family, 9000);
        REQUIRE(bind(ear.get(), any.raw(), any.size) == 0);
        const auto heard_from = [&](const Place& pod, Deadline deadline) {
            const Fd mouth = require(udp_connect(pod.netns, {to, 9000}));
            return wait_until(
                [&] {
                    require(send_all(mouth, {{1}}, after(1s)));
                    return readable(ear, after(20ms));
                },
                deadline);
        };
        CHECK_FALSE(heard_from(tunnel, after(300ms)));
        CHECK(heard_from(near, after(10s))); // who isn't confined is heard
    }
}

TEST_CASE("a pod's conversations survive that it gets a further address, and a restart after that") {
    const Village village;
    const auto& [net, near, far] = village;
    const Place safe = net.add(kNodeA, "vault/safe", 20);
    auto agent = village.agent();
    const Talks own = begin_talks(safe, far, Begun::kByGuarded);
    const auto veth = veth_of(agent, safe);
    const Place node = net.node(kNodeA);
    // Lower ones, which come first in any list.
    CHECK(run_in(node.netns, {"ip", "route", "add", "10.0.1.5/32", "dev", veth}).first == 0);
    CHECK(run_in(node.netns, {"ip", "route", "add", "fd00:10:0:1::5/128", "dev", veth}).first == 0);
    const auto addresses = [&] { return agent.endpoint(safe.name).value("addresses", Json::array()).size(); };
    CHECK(wait_until([&] { return addresses() == 4; }, after(10s)));
    check_going_on(own);
    REQUIRE(agent.process().stop(after(kEnd)) == 0);
    const auto next = village.agent();
    check_going_on(own);
}

} // namespace
} // namespace bulkhead::test
