// SPDX-License-Identifier: Apache-2.0
//
// Whose pods on other nodes an agent has to hear of. That its verdicts are then right is tested with random clusters
// (tests/bpf/agreement_scope_test.cpp); here is each reason alone, and what is none.
#include "compile/interest.h"

#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using Tenants = std::set<std::string>;

namespace {

/// On node-a runs a pod of payments; blog, shop and monitoring have theirs elsewhere.
World one_pod() {
    World world;
    for (const auto* name : {"payments", "blog", "shop", "monitoring"})
        world.ns(name);
    world.pod("payments/api", {"10.0.1.1"}, {}, "node-a").pod("blog/web", {"10.0.2.1"}).pod("shop/web", {"10.0.2.2"});
    return world;
}

compile::Interest interest(World& world) {
    world.desired();
    return world.compiler().interest(world.cluster);
}

state::AllowTo allow_to(state::Peer peer) {
    return {.to = {std::move(peer)}, .ports = {}};
}

state::AccessGrant access_grant(const std::string& ns, state::Peer from) {
    auto object = named<state::AccessGrant>("one", ns);
    object.grant = grant({std::move(from)});
    return object;
}

} // namespace

TEST_CASE("a node needs to hear of the tenants of its own pods, before their veths are there") {
    auto world = one_pod();
    CHECK(interest(world).tenants == Tenants{"ns/payments"});
    world.pod("shop/batch", {}, {}, "node-a"); // bound, without an address
    CHECK(interest(world).tenants == Tenants{"ns/payments", "ns/shop"});
}

TEST_CASE("a node needs to hear of whom its pods' grants let in, and of no one else's") {
    auto world = one_pod();
    auto payments = tenant("payments", {"payments"});
    payments.allow_from = {grant({from_tenant("ns/shop")})};
    auto shop = tenant("shop", {"nowhere"});
    shop.allow_from = {grant({from_tenant("ns/monitoring")})};
    world.put(payments).put(shop).put(access_grant("blog", from_tenant("ns/monitoring")));
    CHECK(interest(world).tenants == Tenants{"payments", "ns/shop"});
    world.put(access_grant("payments", from_namespace("blog")));
    CHECK(interest(world).tenants == Tenants{"payments", "ns/shop", "ns/blog"});
}

TEST_CASE("every node needs to hear of trusted pods") {
    auto world = one_pod();
    auto monitoring = tenant("monitoring", {"monitoring"});
    monitoring.trusted = {opening({port(9090)})};
    world.put(monitoring);
    CHECK(interest(world).tenants == Tenants{"ns/payments", "monitoring"});
}

TEST_CASE("a node needs to hear of whom its confined pods may reach") {
    auto world = one_pod();
    auto payments = tenant("payments", {"payments"});
    payments.allow_to = {allow_to(from_namespace("blog")), allow_to(from_tenant("ns/shop"))};
    world.put(payments);
    CHECK(interest(world).tenants == Tenants{"payments"}); // not confined
    payments.confined = true;
    world.put(payments);
    CHECK(interest(world).tenants == Tenants{"payments", "ns/blog", "ns/shop"});
}

TEST_CASE("every node needs to hear of the pods behind cluster DNS") {
    auto world = one_pod();
    world.ns("kube-system");
    auto dns = named<state::EndpointSlice>("kube-dns-1", "kube-system");
    dns.service = "kube-dns";
    dns.addresses = {address("10.0.8.1")};
    dns.pods[address("10.0.8.1")] = {"kube-system/coredns-1"};
    world.put(dns);
    CHECK(interest(world).tenants == Tenants{"ns/payments", "ns/kube-system"});
}

TEST_CASE("where a CIDR or the world decides about a node's pods, all pods count") {
    const auto with = [](state::Object object) {
        auto world = one_pod();
        world.put(std::move(object));
        return interest(world).in_all;
    };
    auto payments = tenant("payments", {"payments"});
    payments.allow_from = {grant({state::CidrPeer{cidr("192.0.2.0/24")}})};
    CHECK(with(payments) == "Tenant payments spec.allowFrom[0] names a CIDR");
    payments.allow_from = {grant({state::WorldPeer{}})};
    CHECK(with(payments) == "Tenant payments spec.allowFrom[0] names the world");
    payments.allow_from.clear();
    payments.confined = true;
    payments.allow_to = {allow_to(state::CidrPeer{cidr("192.0.2.1/32")})};
    CHECK(with(payments) == "Tenant payments spec.allowTo[0] names a CIDR");
    CHECK(with(resource("aurora", {"10.0.3.0/28"})) ==
          "AWSResource aurora has a CIDR, which any pod's address may be in");

    CHECK(with(access_grant("blog", state::WorldPeer{})).empty()); // no pod of blog's is here
    CHECK(with(resource("aurora", {"10.0.3.1/32", "fd00::1/128"})).empty());
}
