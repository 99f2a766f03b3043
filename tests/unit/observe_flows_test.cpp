// SPDX-License-Identifier: Apache-2.0
//
// From an event to a flow: who the ends are, and how much of it is kept.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "../support/objects.h"
#include "observe/flow_history.h"
#include "observe/flow_names.h"

using namespace bulkhead;
using namespace bulkhead::observe;
using flow::Kind;

namespace {

constexpr uint32_t kPods = 20, kNode = 21, kAurora = 22, kDns = 23;
constexpr uint32_t kApisVeth = 110, kApisSecond = 111, kHeirsVeth = 112, kUplink = 2;

struct Scene {
    state::Cluster cluster;
    compile::Desired desired;
    FlowNames names;

    Scene() {
        identity(BH_IDENTITY_WORLD, BH_OUTSIDE, "", "world");
        identity(BH_IDENTITY_HELD, BH_PROTECTED | BH_POD | BH_UNNAMED, "", "held");
        identity(BH_IDENTITY_SERVICE, BH_SERVICE, "", "service");
        identity(kPods, BH_PROTECTED | BH_POD, "payments", "pods");
        identity(kNode, BH_NODE, "", "node");
        identity(kAurora, BH_RESOURCE | BH_PROTECTED, "payments", "AWSResource aurora");
        identity(kDns, BH_INFRA, "", "cluster-dns");
        desired.origins[7] = "AccessGrant payments/for-blog";
        endpoint("10.0.1.30", "payments/api", kPods, 1);
        endpoint("10.0.2.30", "payments/far", kPods, 0);
        endpoint("10.0.0.1", "this node", kNode, 0, BH_ENDPOINT_THIS_NODE);
        endpoint("10.0.0.2", "node node-b", kNode, 0);
        endpoint("10.0.200.10", "AWSResource aurora", kAurora, 0);
        endpoint("172.20.0.10", "service kube-system/kube-dns", BH_IDENTITY_SERVICE, 0);
        endpoint("10.0.3.1", "cluster-dns", kDns, 0);
        local(1, "payments/api");
        local(2, "");
        state::PodTemplate common;
        common.labels = {{"app", "far"}};
        common.workload = {"StatefulSet", "far"};
        cluster.put(test::pod("payments/far", "node-b", std::move(common), {test::address("10.0.2.30")}));
    }

    void identity(uint32_t id, uint32_t flags, const std::string& tenant, const std::string& what) {
        desired.identities[id] = {.tenant = tenant.empty() ? 0u : 1u, .flags = flags, .key_hash = id};
        desired.names[id] = {.tenant = tenant, .what = what};
    }
    void endpoint(const char* text, const char* owner, uint32_t identity, uint16_t slot, uint16_t flags = 0) {
        desired.endpoints[test::address(text)] = {.row = {.identity = identity, .slot = slot, .flags = flags},
                                                  .owner = owner};
    }
    void local(uint16_t slot, const std::string& pod, const std::vector<uint32_t>& ifindexes = {},
               const std::vector<Address>& addresses = {}) {
        auto pods = cluster.local_pods();
        pods[slot] = {.slot = slot, .pod = pod, .ifindexes = ifindexes, .addresses = addresses};
        cluster.set_local_pods(std::move(pods));
        names.forget();
    }
    /// In slot 1 is another pod now, with another device; it may have become the victim's heir in all else.
    void reuse_slot(const char* address = "10.0.1.31") {
        desired.endpoints.erase(test::address("10.0.1.30"));
        endpoint(address, "payments/heir", kPods, 1);
        local(1, "payments/heir", {kHeirsVeth}, {test::address(address)});
    }

    flow::Record record(const bh_event& event) {
        return record_of(names.named(event, {cluster, desired, "node-a"}), "node-a");
    }
    /// What api is refused, by its veth.
    static bh_event refused(bh_direction direction, const char* own, uint32_t ifindex = kApisVeth) {
        auto event = arrives("10.0.2.30", kPods);
        event.direction = static_cast<uint8_t>(direction);
        event.verdict = BH_VERDICT_DENY;
        event.reason = BH_REASON_NOT_GRANTED;
        event.ifindex = ifindex;
        event.family = test::address(own).family;
        (direction == BH_EGRESS ? event.src : event.dst) = test::address(own).raw();
        if (direction == BH_EGRESS) event.dst = test::address("10.0.200.10").raw();
        return event;
    }
    flow::End own_end(const bh_event& event) {
        const auto told = record(event);
        return event.direction == BH_EGRESS ? told.source : told.destination;
    }
    /// Of what comes to the pod in slot 1 from there.
    flow::End source(const char* address, uint32_t identity) { return record(arrives(address, identity)).source; }

    static bh_event arrives(const char* address, uint32_t identity) {
        bh_event event{};
        event.family = test::address(address).family;
        event.protocol = BH_TCP;
        event.direction = BH_INGRESS;
        event.src = test::address(address).raw();
        event.dst = test::address("10.0.1.30").raw();
        event.src_identity = identity;
        event.dst_identity = kPods;
        event.src_port = 41000;
        event.dst_port = 443;
        event.slot = 1;
        event.packets = 1;
        return event;
    }
};

} // namespace

TEST_CASE("an end at this node is the pod in its slot, another whom its address belongs to") {
    Scene scene;
    const auto record = scene.record(Scene::arrives("10.0.2.30", kPods));
    CHECK(record.destination.kind == Kind::kPod);
    CHECK(record.destination.ns == "payments");
    CHECK(record.destination.name == "api");
    CHECK(record.destination.tenant == "payments");
    CHECK(record.destination.is_protected);
    CHECK(record.destination.port == 443);
    CHECK(record.source.kind == Kind::kPod);
    CHECK(record.source.name == "far");
    CHECK(record.source.labels.at("app") == "far");
    CHECK(record.source.workload == flow::Workload{"StatefulSet", "far"});
    CHECK(record.source.address == test::address("10.0.2.30"));
}

TEST_CASE("whatever an address belongs to is named") {
    Scene scene;
    CHECK(scene.source("10.0.0.1", kNode).kind == Kind::kHost);
    CHECK(scene.source("10.0.0.1", kNode).name == "node-a");
    CHECK(scene.source("10.0.0.2", kNode).name == "node-b");
    CHECK(scene.source("10.0.200.10", kAurora).kind == Kind::kResource);
    CHECK(scene.source("10.0.200.10", kAurora).name == "aurora");
    CHECK(scene.source("10.0.200.99", kAurora).name == "aurora"); // by its CIDR
    CHECK(scene.source("172.20.0.10", BH_IDENTITY_SERVICE).kind == Kind::kService);
    CHECK(scene.source("172.20.0.10", BH_IDENTITY_SERVICE).ns == "kube-system");
    CHECK(scene.source("172.20.0.10", BH_IDENTITY_SERVICE).name == "kube-dns");
    CHECK(scene.source("10.0.3.1", kDns).kind == Kind::kClusterDns);
    CHECK(scene.source("198.51.100.1", BH_IDENTITY_WORLD).kind == Kind::kWorld);
    CHECK(scene.source("198.51.100.1", BH_IDENTITY_WORLD).name.empty());
}

TEST_CASE("an address that the program judged as somebody else's gives no name, but its tenant") {
    Scene scene;
    const auto behind_nat = scene.source("10.0.0.2", kPods);
    CHECK(behind_nat.kind == Kind::kUnknown);
    CHECK(behind_nat.name.empty());
    CHECK(behind_nat.tenant == "payments");
    CHECK(scene.source("10.0.0.2", kNode).name == "node-b"); // and the other way round
}

TEST_CASE("a pod that no source has told of yet is unknown") {
    Scene scene;
    auto event = Scene::arrives("10.0.2.30", kPods);
    event.slot = 2;
    event.dst_identity = BH_IDENTITY_HELD;
    CHECK(scene.record(event).destination.kind == Kind::kUnknown);
    event.dst_identity = kPods;
    event.slot = 9; // or that went
    CHECK(scene.record(event).destination.kind == Kind::kUnknown);
}

TEST_CASE("what is told once its slot is another pod's is not told of that pod") {
    Scene scene;
    const auto direction = GENERATE(BH_INGRESS, BH_EGRESS);
    const auto late = Scene::refused(direction, "10.0.1.30");
    scene.reuse_slot();
    CHECK(scene.own_end(Scene::refused(direction, "10.0.1.31", kHeirsVeth)).name == "heir");
    CHECK(scene.own_end(late).name.empty());
    CHECK(scene.own_end(late).tenant == "payments");

    scene.endpoint("10.0.1.30", "payments/api", kPods, 0); // as long as the API server knows of it
    scene.cluster.put(test::pod("payments/api", "node-a", {}, {test::address("10.0.1.30")}));
    scene.names.forget();
    CHECK(scene.own_end(late).name == "api");
    scene.cluster.put(
        test::pod("payments/api", "node-b", {}, {test::address("10.0.1.30")})); // another one of that name
    scene.names.forget();
    CHECK(scene.own_end(late).name.empty());
}

TEST_CASE("nor if that pod has the address as well, or a third one here has it") {
    Scene scene;
    scene.reuse_slot("10.0.1.30");
    CHECK(scene.own_end(Scene::refused(BH_INGRESS, "10.0.1.30")).name.empty());
    CHECK(scene.own_end(Scene::refused(BH_INGRESS, "10.0.1.30", kHeirsVeth)).name == "heir");
    scene.reuse_slot();
    scene.endpoint("10.0.1.30", "payments/third", kPods, 3);
    scene.cluster.put(test::pod("payments/third", "node-a", {}, {test::address("10.0.1.30")}));
    scene.local(3, "payments/third", {113}, {test::address("10.0.1.30")});
    CHECK(scene.own_end(Scene::refused(BH_INGRESS, "10.0.1.30")).name.empty());
}

TEST_CASE("a pod is told by its devices, whatever address it has or pretends to have") {
    Scene scene;
    scene.endpoint("10.0.1.40", "payments/victim", kPods, 3);
    scene.local(3, "payments/victim", {113}, {test::address("10.0.1.40")});
    scene.local(1, "payments/api", {kApisVeth, kApisSecond}, {test::address("10.0.1.30"), test::address("fd00:1::30")});
    CHECK(scene.own_end(Scene::refused(BH_INGRESS, "fd00:1::30")).name == "api");
    CHECK(scene.own_end(Scene::refused(BH_INGRESS, "10.0.1.99", kApisSecond)).name == "api"); // not known yet
    CHECK(scene.own_end(Scene::refused(BH_EGRESS, "10.0.0.1")).name == "api");                // masked by this node's
    auto spoofed = Scene::refused(BH_EGRESS, "10.0.1.40");
    spoofed.reason = BH_REASON_SPOOFED;
    CHECK(scene.own_end(spoofed).name == "api");
    auto malformed = Scene::refused(BH_EGRESS, "10.0.1.30");
    malformed.reason = BH_REASON_MALFORMED;
    malformed.family = 0;
    CHECK(scene.own_end(malformed).name == "api");

    scene.local(3, "");
    scene.endpoint("10.0.1.40", "payments/victim", kPods, 0); // on its way out too
    scene.cluster.put(test::pod("payments/victim", "node-a", {}, {test::address("10.0.1.40")}));
    scene.reuse_slot();
    CHECK(scene.own_end(spoofed).name.empty()); // and neither the heir's nor the victim's
    CHECK(scene.own_end(malformed).name.empty());
}

TEST_CASE("what left through IPv6's slow path has no device, and is its pod's by its checked address") {
    Scene scene;
    scene.local(1, "payments/api", {kApisVeth}, {test::address("10.0.1.30"), test::address("fd00:1::30")});
    CHECK(scene.own_end(Scene::refused(BH_EGRESS, "fd00:1::30", kUplink)).name == "api");
    CHECK(scene.own_end(Scene::refused(BH_EGRESS, "fd00:1::31", kUplink)).name.empty());
}

TEST_CASE("what is refused where it is sent was never asked for whom, and is named by its address") {
    Scene scene;
    auto event = Scene::arrives("10.0.1.30", kPods);
    event.direction = BH_EGRESS;
    event.dst = test::address("10.0.200.10").raw();
    event.dst_identity = 0;
    event.reason = BH_REASON_SPOOFED;
    const auto record = scene.record(event);
    CHECK(record.source.name == "api");
    CHECK(record.destination.name == "aurora");
    event.src = {};
    CHECK_FALSE(scene.record(event).source.has_address()); // many addresses, none of them told
    event.family = 0;
    CHECK_FALSE(scene.record(event).destination.has_address());
}

TEST_CASE("an ICMP event has a type and a code, and no ports; a decided one its object") {
    Scene scene;
    auto event = Scene::arrives("10.0.2.30", kPods);
    event.protocol = BH_ICMP;
    event.src_port = 8 << 8 | 3;
    event.dst_port = 77;
    event.origin = 7;
    const auto record = scene.record(event);
    CHECK(record.icmp_type == 8);
    CHECK(record.icmp_code == 3);
    CHECK(record.source.port == 0);
    CHECK(record.destination.port == 0);
    CHECK(record.origin == "AccessGrant payments/for-blog");
}

TEST_CASE("a flow keeps the names of its moment; the next one has those of the next") {
    Scene scene;
    const auto before = scene.names.named(Scene::arrives("10.0.2.30", kPods), {scene.cluster, scene.desired, "node-a"});
    scene.endpoint("10.0.2.30", "payments/heir", kPods, 0);
    scene.cluster.put(test::pod("payments/heir", "node-b", {}, {test::address("10.0.2.30")}));
    scene.names.forget();
    CHECK(scene.source("10.0.2.30", kPods).name == "heir");
    CHECK(record_of(before, "node-a").source.name == "far");
}

namespace {

SeenFlow flow_of(EndName source, uint64_t time = 0) {
    SeenFlow flow{.event = {}, .source = std::move(source), .destination = {}, .origin = {}};
    flow.event.time = time;
    return flow;
}

EndName end_named(const std::string& name) {
    flow::End end;
    end.name = name;
    return std::make_shared<const flow::End>(std::move(end));
}

} // namespace

TEST_CASE("history keeps the newest flows, and no more than its number") {
    FlowHistory history({.flows = 2, .bytes = 1 << 20});
    for (const uint64_t time : {1, 2, 3})
        history.add(flow_of(nullptr, time));
    REQUIRE(history.flows().size() == 2);
    CHECK(history.flows().front().event.time == 2);
    CHECK(history.flows().back().event.time == 3);
}

TEST_CASE(
    "history: a flood of what is allowed pushes out no denial, nor the reverse, and all is in the order of time") {
    const bool is_allowed_flood = GENERATE(true, false);
    const auto judged = [](uint64_t time, bh_verdict verdict) {
        auto flow = flow_of(nullptr, time);
        flow.event.verdict = verdict;
        return flow;
    };
    const auto many = is_allowed_flood ? BH_VERDICT_ALLOW : BH_VERDICT_AUDIT;
    const auto few = is_allowed_flood ? BH_VERDICT_DENY : BH_VERDICT_ALLOW;
    FlowHistory history({.flows = 10, .bytes = 1 << 20});
    for (uint64_t time = 1; time <= 100; ++time)
        history.add(judged(time, time % 25 == 0 ? few : many));
    const auto flows = history.flows();
    REQUIRE(flows.size() == 10);
    CHECK(history.size() == 10);
    CHECK(std::ranges::is_sorted(flows, {}, [](const SeenFlow& flow) { return flow.event.time; }));
    CHECK(std::ranges::count(flows, few,
                             [](const SeenFlow& flow) { return static_cast<bh_verdict>(flow.event.verdict); }) == 4);
    const auto ring = is_allowed_flood ? FlowHistory::kAllowed : FlowHistory::kRefused;
    const auto other = is_allowed_flood ? FlowHistory::kRefused : FlowHistory::kAllowed;
    CHECK(history.forgotten(ring) == flow::Time{std::chrono::nanoseconds(93)}); // 94 to 99 are there
    CHECK_FALSE(history.forgotten(other));
}

TEST_CASE("history: where both flood, each has half") {
    FlowHistory history({.flows = 10, .bytes = 1 << 20});
    for (uint64_t time = 1; time <= 100; ++time) {
        auto flow = flow_of(nullptr, time);
        flow.event.verdict = time <= 50 ? BH_VERDICT_DENY : BH_VERDICT_ALLOW;
        history.add(flow);
    }
    CHECK(std::ranges::count(history.flows(), BH_VERDICT_DENY,
                             [](const SeenFlow& flow) { return static_cast<bh_verdict>(flow.event.verdict); }) == 5);
}

TEST_CASE("history keeps no more than its bytes, and counts a name once however many flows have it") {
    FlowHistory history({.flows = 1000, .bytes = 100000});
    const auto shared = end_named(std::string(10000, 'x'));
    for (int i = 0; i < 100; ++i)
        history.add(flow_of(shared));
    CHECK(history.flows().size() == 100);
    CHECK(history.bytes() < 40000);
    for (int i = 0; i < 100; ++i)
        history.add(flow_of(end_named(std::string(10000, 'y'))));
    CHECK(history.bytes() <= 100000);
    CHECK(history.flows().size() < 10);
    for (int i = 0; i < 1000; ++i)
        history.add(flow_of(nullptr));
    CHECK(history.bytes() == history.flows().size() * sizeof(SeenFlow)); // the names went with the flows
}
