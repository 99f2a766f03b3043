// SPDX-License-Identifier: Apache-2.0
//
// An address goes from one pod to another of a different tenant within a second, as nodes hear of it by each other's
// IdentitySlices, with real packets. What one node alone hears, in any order: tests/node/reuse_address_test.cpp.
#include "reuse_scene.h"

namespace bulkhead::test {
namespace {

const Pair kAddresses{"10.0.9.40",
                      "fd00:10:0:9::40"}; // which go from pod to pod; the VPC routes them to whoever has them

Place wire(const TwoNodes& cluster, const std::string& node, const std::string& pod) {
    return cluster.net().wire_as(node, pod, kAddresses.ip4, kAddresses.ip6);
}

Json metadata(const TwoNodes& cluster, const std::string& pod) {
    const auto slash = pod.find('/');
    return object(cluster.server(), {"-n", pod.substr(0, slash), "pod", pod.substr(slash + 1)}).at("metadata");
}

void remove(const TwoNodes& cluster, const std::string& pod) {
    const auto slash = pod.find('/');
    kubectl(cluster.server(),
            {"-n", pod.substr(0, slash), "delete", "pod", pod.substr(slash + 1), "--force", "--grace-period=0"});
}

/// Both objects are of one second.
void put_twins(const TwoNodes& cluster, const std::string& node, const std::string& first,
               const std::string& heirs_node, const std::string& heir) {
    for (int tries = 0; tries < 5; ++tries) {
        cluster.put(bound_pod_text(node, first) + bound_pod_text(heirs_node, heir));
        if (metadata(cluster, first).at("creationTimestamp") == metadata(cluster, heir).at("creationTimestamp")) return;
        remove(cluster, first);
        remove(cluster, heir);
    }
    FAIL("no two pods of one second");
}

/// What a slice says of the pod; null if none does.
Json told(const TwoNodes& cluster, const std::string& pod) {
    for (const auto& slice : cluster.slices())
        for (const auto& endpoint : slice.at("spec").value("endpoints", Json::array()))
            if (endpoint.at("namespace").get<std::string>() + "/" + endpoint.at("pod").get<std::string>() == pod)
                return endpoint;
    return {};
}

TEST_CASE("an address that goes to another tenant's pod within a second is that one's on both nodes") {
    struct Row {
        std::string first, heir, heirs_node;
    };
    const Village village;
    const auto& [cluster, safe_a, safe_b, echo_a, echo_b] = village;
    const auto agent_a = cluster.start(kNodeA);
    const auto agent_b = cluster.start(kNodeB);
    for (const auto& row : std::vector<Row>{{"bank/a", "shop/a", kNodeA},
                                            {"bank/b", "shop/b", kNodeB},
                                            {"shop/c", "bank/c", kNodeA},
                                            {"shop/d", "bank/d", kNodeB}}) {
        INFO(row.first << " on node-a, then " << row.heir << " on " << row.heirs_node);
        const bool is_friend = row.heir.starts_with("bank/");
        put_twins(cluster, kNodeA, row.first, row.heirs_node, row.heir);
        const Place first = wire(cluster, kNodeA, row.first);
        check_soon(first, safe_a, !is_friend);
        check_soon(first, safe_b, !is_friend);
        cluster.net().unwire(first);
        const Place heir = wire(cluster, row.heirs_node, row.heir);
        const Place& near = row.heirs_node == kNodeA ? safe_a : safe_b;
        const Place& far = row.heirs_node == kNodeA ? safe_b : safe_a;
        check_soon(heir, near, is_friend);
        check_soon(heir, far, is_friend);
        remove(cluster, row.first); // the object's late end
        CHECK(wait_until([&] { return agent_a.endpoint(row.first).is_null(); }, after(20s), 20ms));
        check_now(heir, safe_a, is_friend);
        check_now(heir, safe_b, is_friend);
        cluster.net().unwire(heir);
        remove(cluster, row.heir);
    }
}

/// The slice of node-a's pod in that namespace.
std::string slice_in(const std::string& ns) {
    return kNodeA + "-" + ns;
}

void put_slice(const TwoNodes& cluster, const std::string& pod, const Json& created,
               const Json& more = Json::object()) {
    put_slice(cluster, slice_in(pod.substr(0, pod.find('/'))), pod, kAddresses, created, more);
}

void wait_until_named(const AgentProcess& agent, const std::string& name) {
    wait_until_named(agent, name, kAddresses.ip4);
}

TEST_CASE("while two pods of one second are told to have an address no stranger is a friend, and a late end takes "
          "nothing from the heir") {
    const Village village;
    const auto& [cluster, safe_a, safe_b, echo_a, echo_b] = village;
    std::optional<AgentProcess> agent(cluster.start(kNodeB)); // node-a has none: its slices come when we say so
    const Json date = "2026-11-27T12:00:00Z";
    const Json next{{"turn", 1}};
    for (const bool is_friend : {false, true}) { // whoever has the address in the end
        INFO(is_friend);
        const std::string heir_ns = is_friend ? "bank" : "shop", first_ns = is_friend ? "shop" : "bank";
        const auto first_name = first_ns + "/x", heir_name = heir_ns + "/x";
        put_slice(cluster, first_name, date);
        wait_until_named(*agent, first_name);
        const Place heir = wire(cluster, kNodeA, heir_name);
        check_now(heir, safe_b, !is_friend); // nobody has said otherwise yet

        put_slice(cluster, heir_name, date); // as an agent writes it that knows no turns
        wait_until_named(*agent, "bank/x or shop/x");
        check_now(heir, safe_b, false);
        agent.reset(); // and the next one lists both at once
        agent.emplace(cluster.start(kNodeB));
        wait_until_named(*agent, "bank/x or shop/x");
        check_now(heir, safe_b, false);

        put_slice(cluster, heir_name, date, next);
        wait_until_named(*agent, heir_name);
        check_now(heir, safe_b, is_friend);
        remove_slice(cluster, slice_in(first_ns));
        CHECK(wait_until([&] { return agent->endpoint(first_name).is_null(); }, after(20s), 10ms));
        check_now(heir, safe_b, is_friend);

        cluster.net().unwire(heir);
        remove_slice(cluster, slice_in(heir_ns));
        CHECK(wait_until([&] { return agent->endpoint(heir_name).is_null(); }, after(20s), 10ms));
    }
}

TEST_CASE("a pod that gets the address of another node's pod which that node can't withdraw is told as its heir") {
    const Village village;
    const auto& [cluster, safe_a, safe_b, echo_a, echo_b] = village;
    std::optional<AgentProcess> agent_a(cluster.start(kNodeA));
    const auto agent_b = cluster.start(kNodeB);
    put_twins(cluster, kNodeA, "shop/first", kNodeB, "bank/heir");
    const Place first = wire(cluster, kNodeA, "shop/first");
    wait_until_named(agent_b, "shop/first");
    agent_a.reset(); // killed: what it told stays
    cluster.net().unwire(first);
    const Place heir = wire(cluster, kNodeB, "bank/heir");
    CHECK(wait_until([&] { return told(cluster, "bank/heir").is_object(); }, after(20s), 20ms));
    CHECK(told(cluster, "shop/first").is_object());
    CHECK(told(cluster, "bank/heir").value("turn", 0) == 1);
    check_now(heir, safe_b, true);

    agent_a.emplace(cluster.start(kNodeA));
    CHECK(wait_until([&] { return told(cluster, "shop/first").is_null(); }, after(20s), 20ms));
    check_soon(heir, safe_a, true);
    check_now(heir, safe_b, true);
}

/// As the kubelet writes it.
void put_status(const TwoNodes& cluster, const std::string& pod, const std::string& phase) {
    const auto slash = pod.find('/');
    const auto ns = pod.substr(0, slash), name = pod.substr(slash + 1);
    auto whole = object(cluster.server(), {"-n", ns, "pod", name});
    whole["status"]["phase"] = phase;
    whole["status"]["podIP"] = kAddresses.ip4;
    whole["status"]["podIPs"] = {{{"ip", kAddresses.ip4}}, {{"ip", kAddresses.ip6}}};
    kubectl(cluster.server(), {"replace", "--raw", "/api/v1/namespaces/" + ns + "/pods/" + name + "/status", "-f", "-"},
            whole.dump());
}

TEST_CASE("a pod that is over keeps its address in its status and nowhere else, whatever its phase") {
    const Village village;
    const auto& [cluster, safe_a, safe_b, echo_a, echo_b] = village;
    const auto agent_a = cluster.start(kNodeA);
    const auto agent_b = cluster.start(kNodeB);
    for (const std::string phase : {"Succeeded", "Failed", "Running"}) // Running: it ends, and the kubelet is slow
        for (const bool is_friend : {false, true}) {
            INFO(phase << ", then " << (is_friend ? "a friend" : "a stranger"));
            const std::string tail = "/is-" + std::string(phase == "Failed"    ? "failed"
                                                          : phase == "Running" ? "run"
                                                                               : "ok");
            const auto first_name = (is_friend ? "shop" : "bank") + tail,
                       heir_name = (is_friend ? "bank" : "shop") + tail;
            put_twins(cluster, kNodeA, first_name, kNodeB, heir_name);
            const Place first = wire(cluster, kNodeA, first_name);
            check_soon(first, safe_a, !is_friend);
            put_status(cluster, first_name, phase);
            cluster.net().unwire(first);
            const Place heir = wire(cluster, kNodeB, heir_name);
            check_soon(heir, safe_a, is_friend); // where that status is read
            check_soon(heir, safe_b, is_friend);
            remove(cluster, first_name);
            CHECK(wait_until([&] { return agent_a.endpoint(first_name).is_null(); }, after(20s), 20ms));
            check_now(heir, safe_a, is_friend);
            cluster.net().unwire(heir);
            remove(cluster, heir_name);
        }
}

} // namespace
} // namespace bulkhead::test
