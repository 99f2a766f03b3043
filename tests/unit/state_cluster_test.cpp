// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "state/cluster.h"

namespace bulkhead::state {
namespace {

Pod make_pod(const std::string& name, const std::string& ip = "10.0.0.1") {
    Pod pod;
    pod.name = name;
    pod.ns = "blog";
    pod.origin = Origin{"pods.yaml", 3};
    pod.common = std::make_shared<const PodTemplate>();
    pod.ips = {*Address::parse(ip)};
    return pod;
}

Namespace make_namespace(const std::string& name) {
    Namespace ns;
    ns.meta.name = name;
    ns.meta.origin = "deep/path/ns.yaml:7";
    return ns;
}

TEST_CASE("one changed pod is one change and no change of policy") {
    Cluster cluster;
    cluster.put(make_pod("a"));
    cluster.put(make_pod("b"));
    cluster.take_changes();

    cluster.put(make_pod("a", "10.0.0.2"));
    const auto changes = cluster.take_changes();
    CHECK(changes.pods == std::set<PodKey>{"blog/a"});
    CHECK_FALSE(changes.policy);
    CHECK_FALSE(cluster.dirty());
}

TEST_CASE("an equal pod is no change, but speaks from its new place") {
    Cluster cluster;
    cluster.put(make_pod("a"));
    cluster.take_changes();

    auto moved = make_pod("a");
    moved.origin = Origin{"other.yaml", 9};
    cluster.put(moved);
    CHECK_FALSE(cluster.dirty());
    CHECK(cluster.pods().at("blog/a").origin.text() == "other.yaml:9");
}

TEST_CASE("a pod that moves to another node has changed") {
    Cluster cluster;
    cluster.put(make_pod("a"));
    cluster.take_changes();
    auto moved = make_pod("a");
    moved.node = "node-b";
    cluster.put(moved);
    CHECK(cluster.take_changes().pods.contains("blog/a"));
}

TEST_CASE("a removed pod is a change, an unknown one is none") {
    Cluster cluster;
    cluster.put(make_pod("a"));
    cluster.take_changes();
    cluster.remove({"Pod", "blog", "never-was"});
    CHECK_FALSE(cluster.dirty());
    cluster.remove({"Pod", "blog", "a"});
    CHECK(cluster.take_changes().pods.contains("blog/a"));
    CHECK(cluster.pods().empty());
}

TEST_CASE("a Service is a change of its cluster IPs; only its external addresses are policy") {
    Cluster cluster;
    const auto one = *Address::parse("172.20.0.1"), two = *Address::parse("172.20.0.2");
    Service service;
    service.meta = {.name = "web", .ns = "blog", .origin = "services.yaml:1", .created = {}};
    service.cluster_ips = {one};
    cluster.put(service);
    cluster.put(service);
    auto changes = cluster.take_changes();
    CHECK_FALSE(changes.policy);
    CHECK(changes.cluster_ips == std::set<Address>{one});
    service.cluster_ips = {two};
    cluster.put(service);
    CHECK(cluster.take_changes().cluster_ips == std::set<Address>{one, two});
    CHECK(cluster.cluster_ips().at(two) == std::set<std::string>{"blog/web"});
    CHECK_FALSE(cluster.cluster_ips().contains(one));
    CHECK(cluster.origin_of({"Service", "blog", "web"}) == "services.yaml");
    service.external_ips = {one};
    cluster.put(service);
    CHECK(cluster.take_changes().policy);
    cluster.remove(key_of(service));
    changes = cluster.take_changes();
    CHECK(changes.policy);
    CHECK(changes.cluster_ips == std::set<Address>{two});
    CHECK(cluster.external_ips().empty());
}

TEST_CASE("everything but pods and Services is policy") {
    Cluster cluster;
    Tenant tenant;
    tenant.meta.name = "payments";
    const std::vector<Object> objects{make_namespace("blog"), Node{},       EndpointSlice{}, tenant,
                                      AccessGrant{},          AwsResource{}};
    for (const auto& object : objects) {
        INFO(key_of(object).text());
        cluster.put(object);
        CHECK(cluster.take_changes().policy);
        cluster.put(object);
        CHECK_FALSE(cluster.dirty());
        cluster.remove(key_of(object));
        CHECK(cluster.take_changes().policy);
    }
}

TEST_CASE("whether all pods are known is policy, when it changes") {
    Cluster cluster;
    cluster.set_all_pods_known(true);
    CHECK_FALSE(cluster.dirty());
    cluster.set_all_pods_known(false);
    CHECK(cluster.take_changes().policy);
    cluster.set_all_pods_known(false);
    CHECK_FALSE(cluster.dirty());
    cluster.set_all_pods_known(true);
    CHECK(cluster.take_changes().policy);
}

TEST_CASE("very many changed pods are told as a change of everything") {
    Cluster cluster;
    for (int i = 0; i < 20'000; ++i)
        cluster.put(make_pod("p" + std::to_string(i)));
    const auto changes = cluster.take_changes();
    CHECK(changes.policy);
    CHECK(changes.pods.size() < 5'000);
    CHECK(cluster.pods().size() == 20'000);
}

TEST_CASE("local facts are a change only when they differ") {
    Cluster cluster;
    cluster.set_local_pods(
        {{1, LocalPod{
                 .slot = 1, .generation = 1, .nsid = 0, .pod = "", .ifindexes = {4}, .addresses = {}, .places = {}}}});
    CHECK(cluster.take_changes().local);
    cluster.set_local_pods(std::map<uint16_t, LocalPod>(cluster.local_pods()));
    CHECK_FALSE(cluster.dirty());
    cluster.set_own_addresses({*Address::parse("10.0.0.9")});
    CHECK(cluster.take_changes().local);
}

TEST_CASE("the cluster tells which file speaks for an object") {
    Cluster cluster;
    cluster.put(make_pod("a"));
    cluster.put(make_namespace("blog"));
    CHECK(cluster.origin_of({"Pod", "blog", "a"}) == "pods.yaml");
    CHECK(cluster.origin_of({"Namespace", "", "blog"}) == "deep/path/ns.yaml");
    CHECK_FALSE(cluster.origin_of({"Tenant", "", "blog"}).has_value());
}

IdentitySlice make_slice(const std::string& node, std::vector<Pod> pods) {
    IdentitySlice slice{.meta = {.name = node + "-blog", .ns = "", .origin = "slices.yaml:1", .created = {}},
                        .pods = std::move(pods)};
    for (auto& pod : slice.pods) {
        pod.node = node;
        pod.slice = slice.meta.name;
    }
    return slice;
}

Pod created_at(Pod pod, int64_t seconds) {
    pod.created = Time(std::chrono::seconds(seconds));
    return pod;
}

std::string node_of(const Cluster& cluster, const PodKey& key) {
    return cluster.pods().at(key).node;
}

TEST_CASE("a slice tells of pods; one that it no longer has is gone, the others have not changed") {
    Cluster cluster;
    cluster.put(make_slice("node-a", {make_pod("a"), make_pod("b")}));
    CHECK(cluster.take_changes().pods == std::set<PodKey>{"blog/a", "blog/b"});
    cluster.put(make_slice("node-a", {make_pod("b")}));
    CHECK(cluster.take_changes().pods == std::set<PodKey>{"blog/a"});
    CHECK_FALSE(cluster.pods().contains("blog/a"));
    cluster.remove({"IdentitySlice", "", "node-a-blog"});
    CHECK(cluster.pods().empty());
    CHECK(cluster.identity_slices().empty());
}

TEST_CASE("a pod that moves is where the younger one is, in whichever order the news comes") {
    const auto old_place = make_slice("node-a", {created_at(make_pod("a", "10.0.1.1"), 100)});
    const auto new_place = make_slice("node-b", {created_at(make_pod("a", "10.0.2.1"), 200)});
    for (const bool old_first : {true, false}) {
        CAPTURE(old_first);
        Cluster cluster;
        cluster.put(old_first ? old_place : new_place);
        cluster.put(old_first ? new_place : old_place);
        CHECK(node_of(cluster, "blog/a") == "node-b");
        cluster.put(make_slice("node-a", {})); // late, of the predecessor
        CHECK(node_of(cluster, "blog/a") == "node-b");
        cluster.put(make_slice("node-b", {}));
        CHECK(cluster.pods().empty());
    }
}

TEST_CASE("a pod that moves to another slice of its node is never gone, and hasn't changed") {
    const auto slice = [](const std::string& name, std::vector<Pod> pods) {
        auto made = make_slice("node-a", std::move(pods));
        made.meta.name = name;
        for (auto& pod : made.pods)
            pod.slice = name;
        return made;
    };
    Cluster cluster;
    cluster.put(slice("node-a-1", {make_pod("a"), make_pod("b")}));
    cluster.take_changes();
    // An agent writes first where a pod comes, then where it goes.
    cluster.put(slice("node-a-2", {make_pod("b"), make_pod("c")}));
    CHECK(cluster.take_changes().pods == std::set<PodKey>{"blog/c"});
    CHECK(cluster.pods().at("blog/b").slice == "node-a-2");
    cluster.put(slice("node-a-1", {make_pod("a")}));
    CHECK_FALSE(cluster.dirty());
    CHECK(cluster.pods().contains("blog/b"));
}

TEST_CASE("where the younger pod is gone, the one that another slice still has is there again") {
    Cluster cluster;
    cluster.put(make_slice("node-a", {created_at(make_pod("a", "10.0.1.1"), 100)}));
    cluster.put(make_slice("node-b", {created_at(make_pod("a", "10.0.2.1"), 200)}));
    cluster.take_changes();
    cluster.remove({"IdentitySlice", "", "node-b-blog"});
    CHECK(node_of(cluster, "blog/a") == "node-a");
    CHECK(cluster.take_changes().pods.contains("blog/a"));
}

TEST_CASE("a date to come counts as when it was heard first, so that what is made later wins") {
    int64_t now = 10'000;
    Cluster cluster([&] { return Time(std::chrono::seconds(now)); });
    const auto created = [&](const char* name) { return cluster.pods().at(name).created->time_since_epoch().count(); };
    struct Row {
        int64_t said;
        int64_t counts;
    };
    for (const auto& [said, counts] : std::vector<Row>{{9'999, 9'999}, {10'300, 10'300}, {10'301, 10'000}}) {
        CAPTURE(said);
        cluster.put(make_slice("node-a", {}));
        cluster.put(make_slice("node-a", {created_at(make_pod("a"), said)}));
        CHECK(created("blog/a") == counts);
    }
    now = 20'000; // the slice is written again, for another pod's sake
    cluster.put(make_slice("node-a", {created_at(make_pod("a"), 4'000'000'000), created_at(make_pod("b"), 19'000)}));
    CHECK(created("blog/a") == 10'000);
    CHECK(created("blog/b") == 19'000);
}

TEST_CASE("a date to come of a pod's stay counts as when it was heard first, too") {
    int64_t now = 10'000;
    Cluster cluster([&] { return Time(std::chrono::seconds(now)); });
    auto told = created_at(make_pod("a"), 100);
    told.since = Time(std::chrono::seconds(4'000'000'000));
    for (const int64_t heard : {10'000, 20'000}) {
        now = heard;
        cluster.put(make_slice("node-a", {told}));
        CHECK(cluster.pods().at("blog/a").since == Time(std::chrono::seconds(10'000)));
    }
    told.since = Time(std::chrono::seconds(15'000));
    cluster.put(make_slice("node-a", {told}));
    CHECK(cluster.pods().at("blog/a").since == told.since);
}

TEST_CASE("a pod of which a slice forges the date is where the younger one is") {
    int64_t now = 10'000;
    Cluster cluster([&] { return Time(std::chrono::seconds(now)); });
    cluster.put(make_slice("node-a", {created_at(make_pod("a", "10.0.1.1"), 4'000'000'000)}));
    now = 10'060;
    cluster.put(make_slice("node-b", {created_at(make_pod("a", "10.0.2.1"), 10'050)}));
    CHECK(node_of(cluster, "blog/a") == "node-b");
    cluster.put(make_slice("node-a", {created_at(make_pod("a", "10.0.1.1"), 4'000'000'000)}));
    CHECK(node_of(cluster, "blog/a") == "node-b");
}

TEST_CASE("the same pod told by a Pod object instead of a slice has changed") {
    Cluster cluster;
    cluster.put(make_slice("node-b", {make_pod("a")}));
    cluster.take_changes();
    auto same = make_pod("a");
    same.node = "node-b";
    cluster.put(same);
    CHECK(cluster.take_changes().pods.contains("blog/a"));
}

TEST_CASE("what a Pod object says counts before any slice") {
    Cluster cluster;
    cluster.put(make_slice("node-b", {created_at(make_pod("a", "10.0.2.1"), 200)}));
    auto here = created_at(make_pod("a", "10.0.1.1"), 100);
    here.node = "node-a";
    cluster.put(here);
    CHECK(node_of(cluster, "blog/a") == "node-a");
    cluster.put(make_slice("node-b", {created_at(make_pod("a", "10.0.2.1"), 300)}));
    CHECK(node_of(cluster, "blog/a") == "node-a");
    cluster.remove({"Pod", "blog", "a"});
    CHECK(node_of(cluster, "blog/a") == "node-b");
    cluster.remove({"Pod", "blog", "a"}); // late: nobody's any more
    CHECK(node_of(cluster, "blog/a") == "node-b");
}

} // namespace
} // namespace bulkhead::state
