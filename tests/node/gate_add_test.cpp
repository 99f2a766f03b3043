// SPDX-License-Identifier: Apache-2.0
//
// The CNI gate, with a running agent: which pod may start, which has to wait, and what it is told.
#include <algorithm>

#include "gate_support.h"

namespace bulkhead::test {
namespace {

struct House : GateHouse {
    AgentProcess agent(const std::string& attach = "auto") const {
        return AgentProcess::start(net, node, {.attach = attach});
    }
    CniCall add(const Place& pod, const std::string& version = "1.0.0") const {
        return add_call(net, pod, socket, version);
    }
    CniAnswer added(const Place& pod) const { return run_cni(node, add(pod)); }
};

bool is_guarded(const House& house, const std::string& veth) {
    const auto attached = attachments_in(house.node.netns);
    return std::ranges::any_of(attached,
                               [&](const auto& one) { return one.find("\"" + veth + "\"") != std::string::npos; });
}

Json with(Json conf, const std::string& key, const Json& value) {
    conf[key] = value;
    return conf;
}

std::string waiting(const Place& pod) {
    return "pod " + pod.name + " may not start yet: ";
}

TEST_CASE("a guarded pod may start, and what the plugins before made is handed on, in every version of CNI") {
    const House house;
    const auto agent = house.agent();
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    for (const char* version : {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
        INFO(version);
        const auto call = house.add(web, version);
        check_let_in(run_cni(house.node, call), call);
    }
    CHECK(is_guarded(house, veths_of(house.net, web).front()));
}

TEST_CASE("a pod that is added while no agent runs waits, and may start once the agent guards it") {
    const House house;
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    auto call = house.add(web);
    check_shut(run_cni(house.node, call),
               waiting(web) + "the agent doesn't answer on " + house.socket + ": No such file");
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    CHECK_FALSE(waiter.wait(after(500ms)));
    CHECK_FALSE(is_guarded(house, veths_of(house.net, web).front()));
    const auto agent = AgentProcess::launch(house.net, house.node, {});
    const auto answer = end_of(waiter);
    CHECK(is_guarded(house, veths_of(house.net, web).front()));
    check_let_in(answer, call);
}

TEST_CASE("a pod that is added while the agent is stopped is told that nobody answers, and starts once it goes on") {
    const House house;
    auto agent = house.agent();
    agent.process().signal(SIGSTOP);
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    auto call = house.add(web);
    check_shut(run_cni(house.node, call), "the agent doesn't answer on " + house.socket);
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    CHECK_FALSE(waiter.wait(after(500ms)));
    agent.process().signal(SIGCONT);
    check_let_in(end_of(waiter), call);
}

TEST_CASE("a pod waits until it and its namespace were heard of, and is told what is missing") {
    const House house;
    const auto agent = house.agent();
    const Place late = house.net.wire(kNodeA, "late/web", 20);
    check_shut(house.added(late), waiting(late) + "this node's agent hasn't heard of the pod yet (dir:");
    house.net.manifests().write(file_of(late), pod_text(late, {}, false));
    const auto reason = [&] { return house.added(late).reason(); };
    const auto misses_namespace = waiting(late) + "the agent hasn't heard of its namespace yet";
    CHECK(wait_until([&] { return reason() == misses_namespace; }, after(20s)));
    auto call = house.add(late);
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    house.net.manifests().write("late.yaml", namespace_text("late"));
    check_let_in(end_of(waiter), call);
}

TEST_CASE("a pod that another node runs may not start here") {
    const House house;
    const auto agent = house.agent();
    const Place web = house.net.wire(kNodeA, "shop/web", 20);
    house.net.tell({kNodeB, web.name, web.ip4, web.ip6, require(Netns::open(web.netns.name()))});
    check_shut(house.added(web), "hasn't heard of the pod yet");
}

TEST_CASE("a pod with another pod's veth, without its own, or with a foreign address may not start") {
    const House house;
    const auto agent = house.agent();
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    const Place other = house.net.add(kNodeA, "blog/other", 21);
    const auto good = house.add(web);
    check_let_in(run_cni(house.node, good), good);
    const auto shut_with = [&](const Json& result, const std::string& why) {
        auto call = good;
        call.conf["prevResult"] = result;
        check_shut(run_cni(house.node, call), waiting(web) + why);
    };
    const auto own = veths_of(house.net, web).front();
    const auto theirs = veths_of(house.net, other).front();
    shut_with(vpc_cni_result(web, {theirs}), "veth " + theirs + " is that of pod blog/other");
    shut_with(vpc_cni_result(web, {own, theirs}), "veth " + theirs + " is that of pod blog/other");
    shut_with(vpc_cni_result(web, {"eni0123456789a"}), "there is no interface eni0123456789a");
    shut_with(vpc_cni_result(web, {"cali0123456789a"}), "none of its interfaces has a name");
    shut_with(with(good.conf.at("prevResult"), "interfaces", Json::array()), "none of its interfaces has a name");
    shut_with(with(good.conf.at("prevResult"), "ips", Json::array({Json{{"address", other.ip4.text() + "/32"}}})),
              "the agent has seen no route that leads to the pod for its address " + other.ip4.text());
}

TEST_CASE("a pod whose veth can't be guarded waits, is told why, and may start once it can") {
    const House house;
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    const auto veth = veths_of(house.net, web).front();
    // In the place of clsact's, and without its half for packets to the pod.
    REQUIRE(run_in(house.node.netns, {"tc", "qdisc", "add", "dev", veth, "ingress"}).first == 0);
    const auto agent = AgentProcess::launch(house.net, house.node, {.attach = "clsact"});
    REQUIRE(wait_until([&] { return agent.ask({"status"}).is_object(); }, after(60s)));
    check_shut(house.added(web), "veth " + veth + " isn't guarded: ");
    auto call = house.add(web);
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    REQUIRE(run_in(house.node.netns, {"tc", "qdisc", "del", "dev", veth, "ingress"}).first == 0);
    check_let_in(end_of(waiter), call);
}

TEST_CASE("a pod with two interfaces may start when both are its own and guarded") {
    const House house;
    const Place web = house.net.wire(kNodeA, "vault/safe", 20, {"--second", "10.0.1.120"});
    house.net.manifests().write("vault.yaml", namespace_text("vault"));
    house.net.tell(web);
    // printf vault.safe | sha1sum | cut -c1-11, and of vault.safe.1
    const std::string first = "eni05884c50f2a", second = "eni96fec8f384f";
    auto call = house.add(web);
    call.conf["prevResult"] = vpc_cni_result(web, {first, second});
    call.conf["prevResult"]["ips"].push_back({{"interface", 3}, {"address", "10.0.1.120/32"}});
    REQUIRE(run_in(house.node.netns, {"tc", "qdisc", "add", "dev", second, "ingress"}).first == 0);
    const auto agent = AgentProcess::launch(house.net, house.node, {.attach = "clsact"});
    REQUIRE(wait_until([&] { return agent.ask({"status"}).is_object(); }, after(60s)));
    check_shut(run_cni(house.node, call), "veth " + second + " isn't guarded: ");
    REQUIRE(run_in(house.node.netns, {"tc", "qdisc", "del", "dev", second, "ingress"}).first == 0);
    call.conf["timeoutSeconds"] = kLong;
    check_let_in(run_cni(house.node, call), call);
}

TEST_CASE("a pod with a branch ENI may start; the VPC CNI's note to itself isn't taken for an interface") {
    const House house;
    const auto agent = house.agent();
    const Place web = house.net.wire(kNodeA, "shop/web", 20, {"--branch"});
    house.net.tell(web);
    const auto call = house.add(web);
    CHECK(veths_of(house.net, web).front().starts_with("vlan"));
    check_let_in(run_cni(house.node, call), call);
}

TEST_CASE("interfaces that other plugins list besides, and that are no veths, keep no pod from starting") {
    const House house;
    const auto agent = house.agent();
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    // The bandwidth plugin's is an ifb, which not every kernel has; the loopback is as little of a veth.
    auto call = house.add(web);
    call.conf["prevResult"]["interfaces"].push_back({{"name", "lo"}});
    check_let_in(run_cni(house.node, call), call);
}

TEST_CASE("a pod of a namespace that is exempt starts whether an agent answers or not; its neighbour doesn't") {
    const House house;
    const Place dns = house.net.add(kNodeA, "shop/dns", 20);
    const Place web = house.net.add(kNodeA, "blog/web", 21);
    auto call = house.add(dns);
    call.conf["exemptNamespaces"] = Json::array({"shop"});
    check_let_in(run_cni(house.node, call), call);
    auto other = house.add(web);
    other.conf["exemptNamespaces"] = Json::array({"shop"});
    check_shut(run_cni(house.node, other), "the agent doesn't answer");
}

TEST_CASE("an agent whose source is a directory publishes nothing, so nobody who waits for that may start") {
    const House house;
    const auto agent = house.agent();
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    auto call = house.add(web);
    check_let_in(run_cni(house.node, call), call);
    call.conf["waitFor"] = "published";
    check_shut(run_cni(house.node, call), "its addresses are published to nobody: the agent's source is dir:");
}

TEST_CASE("while a map is too small for what the agent heard it lets nobody in, and does once there is room") {
    const House house;
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    std::string crowd;
    for (int i = 1; i <= 60; ++i)
        crowd += "apiVersion: v1\nkind: Pod\nmetadata: {name: c" + std::to_string(i) +
                 ", namespace: blog}\nspec: {nodeName: node-b}\nstatus: {phase: Running, podIPs: [{ip: 10.9.0." +
                 std::to_string(i) + "}]}\n---\n";
    house.net.manifests().write("crowd.yaml", crowd);
    const auto agent = AgentProcess::launch(house.net, house.node, {.more = {"--max-endpoints", "40"}});
    REQUIRE(wait_until([&] { return agent.ask({"status"}).is_object(); }, after(60s)));
    auto call = house.add(web);
    check_shut(run_cni(house.node, call), "what the agent heard isn't all in the kernel yet");
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    house.net.manifests().remove("crowd.yaml");
    check_let_in(end_of(waiter), call);
}

TEST_CASE("a pod for which no slot is left may not start, and may once another has gone") {
    const House house;
    const Place first = house.net.add(kNodeA, "shop/first", 20);
    const auto agent = AgentProcess::start(house.net, house.node, {.more = {"--max-pods", "2"}});
    const Place second = house.net.add(kNodeA, "shop/second", 21);
    auto call = house.add(second);
    check_shut(run_cni(house.node, call), "is shut: all pod slots are taken");
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    house.net.unwire(first);
    house.net.manifests().remove(file_of(first));
    check_let_in(end_of(waiter), call);
}

TEST_CASE("an agent that hasn't heard everything yet lets nobody in") {
    const House house;
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    const auto directory = house.net.manifests().directory(), away = house.net.directory() / "away";
    std::filesystem::rename(directory, away);
    const auto agent = AgentProcess::launch(house.net, house.node, {});
    REQUIRE(wait_until([&] { return agent.ask({"status"}).is_object(); }, after(60s)));
    auto call = house.add(web);
    check_shut(run_cni(house.node, call), "the agent hasn't heard everything yet from dir:");
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    std::filesystem::rename(away, directory);
    check_let_in(end_of(waiter), call);
}

} // namespace
} // namespace bulkhead::test
