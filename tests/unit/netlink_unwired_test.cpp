// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "source/netlink/unwired.h"

using namespace bulkhead;
using namespace std::chrono_literals;
using Pods = std::set<state::PodKey>;
using Time = netlink::Unwired::Time;

namespace {

struct Node {
    state::Cluster cluster;
    netlink::PodNames names{"node-a", {"eni"}};
    netlink::Unwired unwired;

    void run(const std::string& name, const std::string& address, bool host_network = false, bool finished = false,
             const std::string& node = "node-a") {
        state::Pod pod;
        pod.ns = "shop";
        pod.name = name;
        pod.node = node;
        pod.finished = finished;
        auto common = std::make_shared<state::PodTemplate>();
        common->host_network = host_network;
        pod.common = common;
        if (!address.empty()) pod.ips = {Address::parse(address).value()};
        cluster.put(pod);
        names.learn(cluster, cluster.take_changes());
    }
    void wire(const std::string& name) {
        state::LocalPod pod;
        pod.slot = 1;
        pod.pod = "shop/" + name;
        cluster.set_local_pods({{pod.slot, pod}});
    }
    Pods at(std::chrono::seconds time) {
        unwired.update(names, cluster, Time(time));
        return unwired.pods();
    }
};

} // namespace

TEST_CASE("a pod that has run for half a minute without an interface of its own is reported, until it has one") {
    Node node;
    node.run("web", "10.0.0.1");
    node.run("api", "10.0.0.2");
    node.wire("api");
    CHECK(node.at(100s).empty());
    CHECK(node.at(129s).empty());
    CHECK(node.unwired.update(node.names, node.cluster, Time(130s)));
    CHECK(node.unwired.pods() == Pods{"shop/web"});
    CHECK_FALSE(node.unwired.update(node.names, node.cluster, Time(131s)));
    node.wire("web");
    CHECK(node.at(132s).empty());
    CHECK(node.at(161s).empty()); // api's time begins when its interface goes
    CHECK(node.at(162s) == Pods{"shop/api"});
}

TEST_CASE("pods that need no interface here are not missed") {
    Node node;
    node.run("starting", "");
    node.run("host", "10.0.0.3", true);
    node.run("done", "10.0.0.4", false, true);
    node.run("elsewhere", "10.0.0.5", false, false, "node-b");
    CHECK(node.at(100s).empty());
    CHECK(node.at(200s).empty());
}
