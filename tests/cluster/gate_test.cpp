// SPDX-License-Identifier: Apache-2.0
//
// The CNI gate and the API server: a pod that waits until the other nodes can know it.
#include "gate_support.h"
#include "two_nodes.h"

namespace bulkhead::test {
namespace {

CniCall call_for(const TwoNodes& cluster, const Place& pod, const std::string& what) {
    auto call = add_call(cluster.net(), pod, cluster.net().directory() / (kNodeA + ".sock"));
    call.conf["waitFor"] = what;
    const auto meta = object(cluster.server(), {"-n", pod.name.substr(0, pod.name.find('/')), "pod",
                                                pod.name.substr(pod.name.find('/') + 1)})
                          .at("metadata");
    call.variables["CNI_ARGS"] += ";K8S_POD_UID=" + meta.at("uid").get<std::string>();
    return call;
}

bool is_published(const TwoNodes& cluster, const Place& pod) {
    return cluster.slices().dump().find("\"" + pod.ip4.text() + "\"") != std::string::npos;
}

TEST_CASE("a pod that waits for that starts once the API server has its addresses, and not while the server is away") {
    TwoNodes cluster;
    cluster.put(namespace_text("shop"));
    const auto agent = cluster.start(kNodeA);
    const Place node = cluster.net().node(kNodeA);

    const Place first = cluster.run(kNodeA, "shop/first", 20);
    auto call = call_for(cluster, first, "published");
    call.conf["timeoutSeconds"] = 60;
    const auto answer = run_cni(node, call);
    CHECK(is_published(cluster, first));
    check_let_in(answer, call);

    const Place second = cluster.run(kNodeA, "shop/second", 21);
    auto guarded = call_for(cluster, second, "guarded");
    guarded.conf["timeoutSeconds"] = 60;
    check_let_in(run_cni(node, guarded), guarded); // so the agent has heard of it
    REQUIRE(wait_until([&] { return is_published(cluster, second); }, after(20s)));

    // It comes back with another address, and the server is away.
    cluster.net().unwire(second);
    cluster.server().kill();
    const Place again = cluster.net().wire(kNodeA, "shop/second", 22);
    auto again_call = guarded;
    again_call.conf["prevResult"] = vpc_cni_result(again, veths_of(cluster.net(), again));
    check_let_in(run_cni(node, again_call), again_call);
    again_call.conf["waitFor"] = "published";
    again_call.conf["timeoutSeconds"] = 2;
    check_shut(run_cni(node, again_call), "its addresses aren't published to the other nodes yet");
    again_call.conf["timeoutSeconds"] = 120;
    auto waiter = start_cni(node, again_call);
    CHECK_FALSE(waiter.wait(after(300ms)));
    start_again(cluster.server());
    auto let_in = waiter.wait(after(120s));
    CHECK(is_published(cluster, again));
    REQUIRE(let_in);
    check_let_in({*let_in, waiter.output()}, again_call);
}

TEST_CASE("a pod of the API server's may start only under the uid that it has there") {
    TwoNodes cluster;
    cluster.put(namespace_text("shop"));
    const auto agent = cluster.start(kNodeA);
    const Place node = cluster.net().node(kNodeA);
    const Place web = cluster.run(kNodeA, "shop/web", 20);
    auto call = call_for(cluster, web, "guarded");
    call.conf["timeoutSeconds"] = 60;
    check_let_in(run_cni(node, call), call);
    call.conf["timeoutSeconds"] = 1;
    call.variables["CNI_ARGS"] += "0";
    check_shut(run_cni(node, call), "the agent knows only of a former pod of that name");
}

} // namespace
} // namespace bulkhead::test
