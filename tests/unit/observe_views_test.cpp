// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "../support/objects.h"
#include "observe/views.h"

using namespace bulkhead;
using namespace bulkhead::observe;

namespace {

struct Scene {
    state::Cluster cluster;
    compile::Desired desired;
    std::string node = "node-a";
    uint32_t unguarded = 0; // a veth to which the programs could not be attached
    std::set<state::PodKey> shut;

    Scene() {
        desired.tenants = {{1, "payments"}};
        desired.identities[20] = {.tenant = 1, .flags = BH_PROTECTED | BH_POD, .key_hash = 1};
        desired.identities[21] = {.tenant = 1, .flags = BH_AUDIT | BH_RESOURCE | BH_CONFINED, .key_hash = 2};
        desired.identities[22] = {.tenant = 0, .flags = BH_NODE, .key_hash = 3};
        desired.names[20] = {.tenant = "payments", .what = "pods"};
        desired.names[22] = {.tenant = "", .what = "node"};
        add("10.0.1.30", "payments/api", 20, 1);
        add("fd00::30", "payments/api", 20, 1);
        add("10.0.2.30", "payments/vault", 20, 0);
        add("10.0.200.10", "AWSResource aurora", 21, 0);
        add("10.0.1.99", "slot 2", BH_IDENTITY_HELD, 2);
        state::LocalPod api;
        api.slot = 1;
        api.ifindexes = {7};
        cluster.set_local_pods({{1, api}});
    }

    void add(const char* text, const char* owner, uint32_t identity, uint16_t slot) {
        desired.endpoints[Address::parse(text).value()] = {.row = {.identity = identity, .slot = slot, .flags = 0},
                                                           .owner = owner};
    }

    void add_node(const char* text, const char* owner, uint16_t flags) {
        desired.endpoints[Address::parse(text).value()] = {.row = {.identity = 22, .slot = 0, .flags = flags},
                                                           .owner = owner};
    }

    void say(const char* pod, const char* where, const std::vector<const char*>& ips = {}, bool on_host = false) {
        state::PodTemplate common;
        common.host_network = on_host;
        std::vector<Address> addresses;
        for (const auto* text : ips)
            addresses.push_back(test::address(text));
        cluster.put(test::pod(pod, where, std::move(common), std::move(addresses)));
    }

    Json endpoint(const std::string& name) {
        const Interfaces interfaces{.name = [](uint32_t) { return "eni7"; },
                                    .is_guarded = [this](uint32_t ifindex) { return ifindex != unguarded; },
                                    .shut = shut};
        const auto answer = Json::parse(endpoints_text({cluster, desired, node}, interfaces));
        for (const auto& row : answer["endpoints"])
            if (row["name"] == name) return row;
        return nullptr;
    }
};

} // namespace

TEST_CASE("an endpoint has one row with all its addresses") {
    Scene scene;
    const auto row = scene.endpoint("payments/api");
    CHECK(row["addresses"] == Json{"10.0.1.30", "fd00::30"});
    CHECK(row["tenant"] == "payments");
    CHECK(row["level"] == "protected");
    CHECK(row["state"] == "guarded");
    CHECK(row["interfaces"] == Json{"eni7"});
}

TEST_CASE("a pod of this node is guarded, held or unguarded, one of another node is remote") {
    Scene scene;
    scene.say("payments/api", "node-a");
    scene.say("payments/vault", "node-b");
    CHECK(scene.endpoint("payments/api")["state"] == "guarded");
    CHECK(scene.endpoint("payments/vault")["state"] == "remote");
    CHECK(scene.endpoint("slot 2")["state"] == "held");

    scene.unguarded = 7;
    CHECK(scene.endpoint("payments/api")["state"] == "unguarded");
    scene.say("payments/vault", "node-a"); // bound here, and no veth of it was seen
    CHECK(scene.endpoint("payments/vault")["state"] == "unguarded");
}

TEST_CASE("a pod that there is no room for is shut, which is not unguarded") {
    Scene scene;
    scene.say("payments/vault", "node-a");
    scene.shut = {"payments/vault"};
    CHECK(scene.endpoint("payments/vault")["state"] == "shut");
    CHECK(scene.endpoint("payments/api")["state"] == "guarded");
    scene.say("payments/vault", "node-b"); // it has moved
    CHECK(scene.endpoint("payments/vault")["state"] == "remote");
}

TEST_CASE("this node and the pods on its network are unguarded, each by its name") {
    Scene scene;
    scene.add_node("10.0.0.11", "this node", BH_ENDPOINT_THIS_NODE);
    scene.add_node("fd00:10::11", "this node", BH_ENDPOINT_THIS_NODE);
    scene.add_node("10.0.0.12", "node node-b", 0);
    scene.say("payments/agent", "node-a", {"10.0.0.11", "fd00:10::11"}, true);
    scene.say("payments/other-agent", "node-b", {"10.0.0.12"}, true);
    CHECK(scene.endpoint("this node")["state"] == "unguarded");
    const auto pod = scene.endpoint("payments/agent");
    CHECK(pod["state"] == "unguarded");
    CHECK(pod["what"] == "node");
    CHECK(pod["tenant"] == "");
    CHECK(pod["addresses"] == Json{"10.0.0.11", "fd00:10::11"});
    CHECK(scene.endpoint("payments/other-agent").is_null()); // its node's row says it
}

TEST_CASE("a pod on this node's network has no address but the node's") {
    Scene scene;
    scene.say("payments/liar", "node-a", {"10.0.1.30", "10.0.9.9"}, true);
    CHECK(scene.endpoint("payments/liar").is_null());
    CHECK(scene.endpoint("payments/api")["state"] == "guarded");
}

TEST_CASE("what is no pod is an address: another node, a Service, an AWS resource") {
    Scene scene;
    scene.add_node("10.0.0.12", "node node-b", 0);
    scene.add("172.20.0.10", "service kube-system/kube-dns", 23, 0);
    for (const char* name : {"node node-b", "service kube-system/kube-dns", "AWSResource aurora"})
        CHECK(scene.endpoint(name)["state"] == "address");
}

TEST_CASE("no endpoints are an empty list") {
    const Scene scene;
    const compile::Desired nothing;
    CHECK(Json::parse(endpoints_text({scene.cluster, nothing, scene.node}, {})) == Json{{"endpoints", Json::array()}});
}

TEST_CASE("a tenant sums up its identities, endpoints and namespaces") {
    const Scene scene;
    const auto tenants = tenants_view(scene.desired)["tenants"];
    REQUIRE(tenants.size() == 1);
    CHECK(tenants[0]["name"] == "payments");
    CHECK(tenants[0]["levels"] == Json{"non-protected", "protected"});
    CHECK(tenants[0]["modes"] == Json{"audit", "enforce"});
    CHECK(tenants[0]["endpoints"] == 3);
    CHECK(tenants[0]["namespaces"] == Json{"payments"});
    CHECK(tenants[0]["confined"] == true);
    CHECK(tenants[0]["sealed"] == false);
}

TEST_CASE("a map's fill counts rows by family and openings by block") {
    Scene scene;
    scene.desired.openings[{20, 0}].resize(BH_OPENINGS_PER_BLOCK + 1);
    std::map<std::string, uint64_t> entries;
    for (const auto& map : fill_of(scene.desired, {{"endpoints4", 9}, {"endpoints6", 9}, {"openings", 9}}))
        entries[map.name] = map.entries;
    CHECK(entries["endpoints4"] == 4);
    CHECK(entries["endpoints6"] == 1);
    CHECK(entries["openings"] == 2);
}
