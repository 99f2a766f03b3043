// SPDX-License-Identifier: Apache-2.0
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

World payments_and_blog() {
    World world;
    world.protect("payments").ns("blog");
    world.put(tenant("payments", {"payments"})).put(tenant("blog", {"blog"}));
    world.pod("payments/api", {"10.0.2.1"}).pod("blog/web", {"10.0.1.1"});
    return world;
}

} // namespace

TEST_CASE("a resource is reached by its tenant and its grants, on other ports by everybody") {
    auto world = payments_and_blog();
    auto aurora = resource("aurora", {"10.9.0.5", "10.9.1.0/24"}, "payments");
    aurora.ports = {port(3306), port(33060, 33070)};
    aurora.allow_from = {grant({from_tenant("blog")}, {port(3306)})};
    world.put(aurora);
    for (const auto* database : {"10.9.0.5", "10.9.1.77"}) {
        CHECK(world.ask("10.0.2.1", database, 3306) == BH_REASON_SAME_TENANT);
        CHECK(world.ask("10.0.1.1", database, 3306) == BH_REASON_GRANTED);
        CHECK(world.ask("10.0.1.1", database, 33065) == BH_REASON_NOT_GRANTED);
        CHECK(world.ask("10.0.1.1", database, 3305) == BH_REASON_OPEN);
        CHECK(world.ask("10.0.1.1", database, 33071) == BH_REASON_OPEN);
        CHECK(world.ask("10.0.1.1", database, 3306, BH_UDP) == BH_REASON_OPEN);
        CHECK(world.ask("10.0.1.1", database, 0, BH_ICMP) == BH_REASON_NOT_GRANTED);
    }
    CHECK(world.ask("10.0.1.1", "10.9.0.6", 3306) == BH_REASON_OPEN);
    CHECK(world.desired().endpoints.at(address("10.9.0.5")).owner == "AWSResource aurora");
}

TEST_CASE("Tenant.allowFrom does not open the tenant's resources") {
    auto world = payments_and_blog();
    auto object = tenant("payments", {"payments"});
    object.allow_from = {grant({from_tenant("blog")})};
    world.put(object).put(resource("aurora", {"10.9.0.5"}, "payments"));
    CHECK(world.ask("10.0.1.1", "10.0.2.1") == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.1.1", "10.9.0.5") == BH_REASON_NOT_GRANTED);
}

TEST_CASE("two resources without a tenant are not the same tenant") {
    auto world = payments_and_blog();
    world.put(resource("one", {"10.9.0.1"})).put(resource("two", {"10.9.0.2"}));
    CHECK(world.identity("10.9.0.1").tenant == 0);
    CHECK(world.ask("10.9.0.1", "10.9.0.2") == BH_REASON_NOT_GRANTED);
}

TEST_CASE("the most specific resource owns an address, and as a peer every covering one counts") {
    auto world = payments_and_blog();
    auto lake = resource("lake", {"10.9.0.0/16"});
    lake.level = state::Level::kNonProtected;
    auto object = tenant("payments", {"payments"});
    object.allow_from = {grant({state::ResourcePeer{"lake"}}, {port(80)}),
                         grant({state::CidrPeer{cidr("10.0.0.0/8")}}, {port(81)})};
    world.put(object).put(lake).put(resource("aurora", {"10.9.1.0/24"}, "payments")).put(resource("one", {"10.9.1.1"}));
    CHECK(world.ask("10.0.1.1", "10.9.2.1") == BH_REASON_OPEN);
    CHECK(world.ask("10.0.2.1", "10.9.1.2") == BH_REASON_SAME_TENANT);
    CHECK(world.ask("10.0.2.1", "10.9.1.1") == BH_REASON_NOT_GRANTED);
    for (const auto* inside : {"10.9.2.1", "10.9.1.1"}) {
        CHECK(world.ask(inside, "10.0.2.1", 80) == BH_REASON_GRANTED);
        CHECK(world.ask(inside, "10.0.2.1", 81) == BH_REASON_GRANTED);
        CHECK(world.ask(inside, "10.0.2.1", 82) == BH_REASON_NOT_GRANTED);
    }
    CHECK(world.ask("10.10.0.1", "10.0.2.1", 80) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.10.0.1", "10.0.2.1", 81) == BH_REASON_GRANTED);
}

TEST_CASE("of two resources with one CIDR the stricter owns it, and that is reported") {
    World world;
    auto audited = resource("a", {"10.9.1.0/24"});
    audited.mode = state::Mode::kAudit;
    auto open = resource("b", {"10.9.1.0/24"});
    open.level = state::Level::kNonProtected;
    world.put(audited).put(open).put(resource("c", {"10.9.1.0/24"}));
    CHECK(world.desired().names.at(world.id("10.9.1.9")).what == "AWSResource c");
    CHECK(world.has_problem("AWSResource a", "10.9.1.0/24 is also AWSResource c's"));
    CHECK(world.has_problem("AWSResource b", "10.9.1.0/24 is also AWSResource c's"));
}

TEST_CASE("a resource's mode is the stricter of its own and its tenant's") {
    auto world = payments_and_blog();
    auto aurora = resource("aurora", {"10.9.0.5"}, "payments");
    aurora.mode = state::Mode::kAudit;
    world.put(aurora);
    CHECK(world.ask("10.0.1.1", "10.9.0.5") == BH_REASON_NOT_GRANTED); // payments is silent: the default
    auto object = tenant("payments", {"payments"});
    object.mode = state::Mode::kAudit;
    world.put(object);
    CHECK(world.ask("10.0.1.1", "10.9.0.5") == BH_REASON_AUDIT);
}

TEST_CASE("instance metadata is both of its addresses") {
    auto world = payments_and_blog();
    auto imds = resource("imds", {});
    imds.instance_metadata = true;
    world.put(imds);
    CHECK(world.ask("10.0.1.1", "169.254.169.254") == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "169.254.169.253") == BH_REASON_OPEN);
    CHECK(world.identity("fd00:ec2::254").flags & BH_PROTECTED);
}

TEST_CASE("names of ports mean nothing on a resource: reported, and not a hole") {
    auto world = payments_and_blog();
    auto aurora = resource("aurora", {"10.9.0.5"}, "payments");
    aurora.ports = {port_named("mysql")};
    aurora.allow_from = {grant({from_tenant("blog")}, {port_named("mysql")})};
    world.put(aurora);
    CHECK(world.ask("10.0.1.1", "10.9.0.5", 3306) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "10.9.0.5", 80) == BH_REASON_NOT_GRANTED);
    CHECK(world.desired().problems.size() == 2);
}

TEST_CASE("a pod wins over any resource that covers its address") {
    auto world = payments_and_blog();
    world.put(resource("subnet", {"10.0.0.0/16"})).put(resource("single", {"10.0.1.1"}));
    CHECK(world.ask("10.0.2.1", "10.0.1.1") == BH_REASON_OPEN);
    world.cluster.remove({.kind = "Pod", .ns = "blog", .name = "web"});
    CHECK(world.ask("10.0.2.1", "10.0.1.1") == BH_REASON_NOT_GRANTED);
    CHECK(world.touched.endpoints == std::unordered_set<Address>{address("10.0.1.1")});
}

TEST_CASE("kube-apiserver and cluster-dns are peers that need no object") {
    auto world = payments_and_blog();
    auto object = tenant("payments", {"payments"});
    object.allow_from = {grant({state::ResourcePeer{"kube-apiserver"}}, {port(9443)}),
                         grant({state::ResourcePeer{"cluster-dns"}}, {port(53)})};
    auto api = named<state::EndpointSlice>("kubernetes", "default");
    api.service = "kubernetes";
    api.addresses = {address("10.0.250.1")};
    auto dns = named<state::EndpointSlice>("kube-dns-1", "kube-system");
    dns.service = "kube-dns";
    dns.addresses = {address("10.0.8.1")};
    world.put(object).put(api).put(dns).ns("kube-system").pod("kube-system/coredns", {"10.0.8.1"});
    CHECK(world.ask("10.0.250.1", "10.0.2.1", 9443) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.250.1", "10.0.2.1", 53) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.8.1", "10.0.2.1", 53) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.250.2", "10.0.2.1", 9443) == BH_REASON_NOT_GRANTED);
    const auto coredns = world.identity("10.0.8.1");
    CHECK((coredns.flags & (BH_POD | BH_INFRA)) == (BH_POD | BH_INFRA));
    CHECK(world.desired().tenants.at(coredns.tenant) == "ns/kube-system");
}

TEST_CASE("the API server's addresses are no resource's, unless one names just them") {
    auto world = payments_and_blog();
    auto api = named<state::EndpointSlice>("kubernetes", "default");
    api.service = "kubernetes";
    api.addresses = {address("10.9.0.1"), address("10.9.0.2")};
    world.put(api).put(resource("shared-subnet", {"10.9.0.0/24"}));
    CHECK(world.ask("10.0.1.1", "10.9.0.1", 443) == BH_REASON_OPEN);
    CHECK(world.ask("10.0.1.1", "10.9.0.9", 443) == BH_REASON_NOT_GRANTED);
    CHECK(world.desired().problems.empty());

    world.put(resource("api-server", {"10.9.0.1"}));
    CHECK(world.ask("10.0.1.1", "10.9.0.1", 443) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "10.9.0.2", 443) == BH_REASON_OPEN);
}

TEST_CASE("while not all pods are known, a resource's network is protected, but nobody may anything for being in it") {
    auto world = payments_and_blog();
    auto ledger = tenant("payments", {"payments"});
    ledger.confined = true;
    auto aurora = resource("aurora", {"10.9.0.5", "10.9.1.0/24"}, "payments");
    aurora.allow_from = {grant({from_tenant("blog")}, {port(3306)})};
    auto external = named<state::Service>("lb", "blog");
    external.external_ips = {address("10.9.1.9")}; // anybody may claim it
    world.put(aurora).put(external);
    auto bank = tenant("bank", {"bank"}, state::Level::kProtected);
    bank.allow_from = {grant({state::ResourcePeer{"aurora"}})};
    world.ns("bank").put(bank).pod("bank/vault", {"10.0.3.1"});
    const auto verdicts = [&](const std::string& database) {
        return std::vector{world.ask("10.0.2.1", database), world.ask("10.0.1.1", database, 3306),
                           world.ask("10.0.1.1", database), world.ask(database, "10.0.2.1"),
                           world.ask(database, "10.0.3.1")};
    };
    const std::vector known{BH_REASON_SAME_TENANT, BH_REASON_GRANTED, BH_REASON_NOT_GRANTED, BH_REASON_SAME_TENANT,
                            BH_REASON_GRANTED};
    const std::vector unknown{BH_REASON_GRANTED, BH_REASON_GRANTED, BH_REASON_NOT_GRANTED, BH_REASON_NOT_GRANTED,
                              BH_REASON_NOT_GRANTED};
    for (const auto* database : {"10.9.0.5", "10.9.1.77", "10.9.1.9"})
        CHECK(verdicts(database) == known);
    world.cluster.set_all_pods_known(false);
    CHECK(verdicts("10.9.0.5") == known); // this very address is the resource's
    CHECK(verdicts("10.9.1.77") == unknown);
    CHECK(verdicts("10.9.1.9") == unknown);
    ledger.allow_to = {{.to = {state::ResourcePeer{"aurora"}}, .ports = {}}};
    world.put(ledger);
    CHECK(world.ask("10.0.2.1", "10.9.0.5") == BH_REASON_SAME_TENANT);
    CHECK(world.ask("10.0.2.1", "10.9.1.77") == BH_REASON_CONFINED);
    world.cluster.set_all_pods_known(true);
    CHECK(world.ask("10.0.2.1", "10.9.1.77") == BH_REASON_SAME_TENANT);
}
