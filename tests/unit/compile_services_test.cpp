// SPDX-License-Identifier: Apache-2.0
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

std::vector<Address> addresses(const std::vector<std::string>& texts) {
    std::vector<Address> out;
    for (const auto& text : texts)
        out.push_back(address(text));
    return out;
}

state::Service service(const std::string& ns, const std::string& name, const std::vector<std::string>& cluster_ips,
                       const std::vector<std::string>& external_ips = {}) {
    auto object = named<state::Service>(name, ns);
    object.cluster_ips = addresses(cluster_ips);
    object.external_ips = addresses(external_ips);
    return object;
}

std::string owner_of(World& world, const std::string& text) {
    const auto& endpoints = world.desired().endpoints;
    const auto found = endpoints.find(address(text));
    return found == endpoints.end() ? "" : found->second.owner;
}

/// A confined tenant that may reach everything outside, and a Protected one that lets everything outside in.
World confined_and_protected() {
    auto batch = tenant("batch", {"batch"});
    batch.confined = true;
    batch.allow_to = {{{state::CidrPeer{cidr("0.0.0.0/0")}, state::WorldPeer{}}, {}}};
    auto payments = tenant("payments", {"payments"});
    payments.allow_from = {grant({state::CidrPeer{cidr("0.0.0.0/0")}, state::WorldPeer{}})};
    World world;
    world.ns("batch").put(batch).pod("batch/job", {"10.0.1.1"});
    world.protect("payments").put(payments).pod("payments/api", {"10.0.2.1"});
    return world;
}

} // namespace

TEST_CASE("a Service's cluster IPs are nobody's, open, and named") {
    World world;
    world.protect("payments").put(service("payments", "api", {"172.20.0.9", "fd00:5e::9"}));
    for (const auto* text : {"172.20.0.9", "fd00:5e::9"}) {
        INFO(text);
        CHECK(world.id(text) == BH_IDENTITY_SERVICE);
        CHECK(world.identity(text).tenant == 0);
        CHECK(world.identity(text).flags == BH_SERVICE);
        CHECK(owner_of(world, text) == "service payments/api");
    }
    CHECK(world.id("172.20.0.8") == BH_IDENTITY_WORLD);
}

TEST_CASE("a cluster IP is no CIDR's and no part of the world, whatever covers it") {
    auto world = confined_and_protected();
    CHECK(world.ask("10.0.1.1", "172.20.0.9") == BH_REASON_OPEN);
    CHECK(world.ask("172.20.0.9", "10.0.2.1") == BH_REASON_GRANTED);
    world.put(service("shop", "web", {"172.20.0.9"}));
    CHECK(world.ask("10.0.1.1", "172.20.0.9") == BH_REASON_CONFINED);
    CHECK(world.ask("172.20.0.9", "10.0.2.1") == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "172.20.0.8") == BH_REASON_OPEN);
    CHECK(world.ask("172.20.0.8", "10.0.2.1") == BH_REASON_GRANTED);
}

TEST_CASE("a cluster IP yields to pods, nodes and resources of one address, and to no wider resource") {
    World world;
    auto node = named<state::Node>("node-b");
    node.addresses = {address("10.0.0.2")};
    world.ns("web").put(node).pod("web/one", {"10.0.1.1"});
    world.put(resource("one", {"10.9.0.5"})).put(resource("many", {"172.20.0.0/16"}));
    world.put(service("web", "all", {"10.0.0.2", "10.0.1.1", "10.9.0.5", "172.20.0.9"}));
    CHECK(owner_of(world, "10.0.0.2") == "node node-b");
    CHECK(owner_of(world, "10.0.1.1") == "web/one");
    CHECK(owner_of(world, "10.9.0.5") == "AWSResource one");
    CHECK(world.id("172.20.0.9") == BH_IDENTITY_SERVICE);
    CHECK(world.ask("10.0.1.1", "172.20.0.8") == BH_REASON_NOT_GRANTED);
    world.cluster.remove({.kind = "Pod", .ns = "web", .name = "one"});
    CHECK(owner_of(world, "10.0.1.1") == "service web/all");
}

TEST_CASE("whoever claims an external address for a Service takes nothing from it") {
    auto world = confined_and_protected();
    world.put(resource("aurora", {"10.9.0.0/24"})).put(service("batch", "grab", {}, {"10.9.0.7", "198.51.100.7"}));
    CHECK(world.ask("10.0.1.1", "10.9.0.7", 3306) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "198.51.100.7") == BH_REASON_OPEN);
    CHECK(world.ask("198.51.100.7", "10.0.2.1") == BH_REASON_GRANTED);
    for (const auto* text : {"10.9.0.7", "198.51.100.7"})
        CHECK((world.identity(text).flags & BH_SERVICE) != 0);
    for (const auto* text : {"10.9.0.8", "198.51.100.8"})
        CHECK((world.identity(text).flags & BH_SERVICE) == 0);
    CHECK(owner_of(world, "10.9.0.7") == "AWSResource aurora");
    CHECK(owner_of(world, "198.51.100.7") == "service batch/grab");
    world.cluster.remove({.kind = "Service", .ns = "batch", .name = "grab"});
    CHECK(owner_of(world, "198.51.100.7").empty());
}

TEST_CASE("kube-dns' cluster IP is a service, its endpoints are cluster DNS") {
    auto world = confined_and_protected();
    auto dns = named<state::EndpointSlice>("kube-dns-1", "kube-system");
    dns.service = "kube-dns";
    dns.addresses = {address("10.0.3.1")};
    world.ns("kube-system").pod("kube-system/coredns", {"10.0.3.1"}).put(dns);
    world.put(service("kube-system", "kube-dns", {"172.20.0.10"}));
    CHECK(world.id("172.20.0.10") == BH_IDENTITY_SERVICE);
    CHECK(world.ask("10.0.1.1", "10.0.3.1", 53, BH_UDP) == BH_REASON_OPEN);
    CHECK(world.ask("10.0.1.1", "172.20.0.10", 53, BH_UDP) == BH_REASON_CONFINED);
}

TEST_CASE("one changed Service is its cluster IPs and nothing else") {
    World world;
    world.ns("web").put(service("web", "one", {"172.20.0.1"})).put(service("web", "two", {"172.20.0.2"}));
    world.desired();
    world.put(service("web", "one", {"172.20.0.3"}));
    CHECK(owner_of(world, "172.20.0.1").empty());
    CHECK(owner_of(world, "172.20.0.3") == "service web/one");
    CHECK_FALSE(world.touched.everything);
    CHECK(world.touched.endpoints == std::unordered_set<Address>{address("172.20.0.1"), address("172.20.0.3")});
    CHECK(world.touched.identities.empty());
    world.cluster.remove({.kind = "Service", .ns = "web", .name = "two"});
    CHECK(owner_of(world, "172.20.0.2").empty());
    CHECK(world.touched.endpoints == std::unordered_set<Address>{address("172.20.0.2")});
}
