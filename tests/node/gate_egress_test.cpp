// SPDX-License-Identifier: Apache-2.0
//
// The CNI gate and the veth that the VPC CNI's egress plugin makes in IPv6 clusters, for IPv4 that leaves the cluster:
// its name is random, and it is in the interfaces of prevResult but its address isn't in the ips.
#include <algorithm>

#include "gate_support.h"

namespace bulkhead::test {
namespace {

constexpr const char* kInPod = "v4if0";

void ip(const Netns& netns, std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    const auto [failed, output] = run_in(netns, words);
    if (failed) FAIL("ip: " << output);
}

struct House : GateHouse {
    void add_egress(const Place& pod, const std::string& veth, const std::string& address) const {
        ip(node.netns, {"link", "add", veth, "type", "veth", "peer", "name", kInPod, "netns", pod.netns.name()});
        ip(node.netns, {"link", "set", veth, "up"});
        ip(pod.netns, {"link", "set", kInPod, "up"});
        ip(pod.netns, {"addr", "add", address + "/32", "dev", kInPod});
        ip(node.netns, {"route", "add", address + "/32", "dev", veth});
    }

    /// The chain is aws-cni, egress-cni and ours.
    CniCall add(const Place& pod, const std::vector<std::string>& egress_veths) const {
        auto call = add_call(net, pod, socket);
        auto& interfaces = call.conf["prevResult"]["interfaces"];
        for (const auto& veth : egress_veths) {
            interfaces.push_back({{"name", veth}, {"mac", "02:00:00:00:00:01"}});
            interfaces.push_back(
                {{"name", kInPod}, {"mac", "02:00:00:00:00:02"}, {"sandbox", "/run/netns/" + pod.netns.name()}});
        }
        return call;
    }

    bool is_guarded(const std::string& veth) const {
        const auto attached = attachments_in(node.netns);
        return std::ranges::any_of(attached,
                                   [&](const auto& one) { return one.find("\"" + veth + "\"") != std::string::npos; });
    }
};

TEST_CASE("a pod with an egress veth starts when that one is guarded, too") {
    const House house;
    const auto agent = AgentProcess::start(house.net, house.node, {});
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    house.add_egress(web, "veth5f3a9c01", "169.254.172.20");
    auto call = house.add(web, {"veth5f3a9c01"});
    call.conf["timeoutSeconds"] = kLong;
    const auto answer = run_cni(house.node, call);
    CHECK(house.is_guarded("veth5f3a9c01"));
    CHECK(house.is_guarded(veths_of(house.net, web).front()));
    check_let_in(answer, call);
}

TEST_CASE("a pod waits as long as its egress veth can't be guarded, though its first one is") {
    const House house;
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    house.add_egress(web, "veth5f3a9c01", "169.254.172.20");
    // In the place of clsact's, and without its half for packets to the pod.
    REQUIRE(run_in(house.node.netns, {"tc", "qdisc", "add", "dev", "veth5f3a9c01", "ingress"}).first == 0);
    const auto agent = AgentProcess::launch(house.net, house.node, {.attach = "clsact"});
    REQUIRE(wait_until([&] { return agent.ask({"status"}).is_object(); }, after(60s)));
    auto call = house.add(web, {"veth5f3a9c01"});
    check_shut(run_cni(house.node, call), "veth veth5f3a9c01 isn't guarded: ");
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    REQUIRE(run_in(house.node.netns, {"tc", "qdisc", "del", "dev", "veth5f3a9c01", "ingress"}).first == 0);
    check_let_in(end_of(waiter), call);
}

TEST_CASE("a pod may not start with an egress veth that leads to another pod, nor with one of those alone") {
    const House house;
    const auto agent = AgentProcess::start(house.net, house.node, {});
    const Place web = house.net.add(kNodeA, "shop/web", 20);
    const Place other = house.net.add(kNodeA, "blog/other", 21);
    house.add_egress(web, "veth5f3a9c01", "169.254.172.20");
    house.add_egress(other, "veth77e0d1b2", "169.254.172.21");
    auto good = house.add(web, {"veth5f3a9c01"});
    good.conf["timeoutSeconds"] = kLong;
    check_let_in(run_cni(house.node, good), good);
    check_shut(run_cni(house.node, house.add(web, {"veth5f3a9c01", "veth77e0d1b2"})),
               "veth veth77e0d1b2 is that of pod blog/other");
    auto alone = house.add(web, {});
    alone.conf["prevResult"]["interfaces"] = Json::array({Json{{"name", "veth5f3a9c01"}}});
    check_shut(run_cni(house.node, alone), "none of its interfaces has a name");
}

} // namespace
} // namespace bulkhead::test
