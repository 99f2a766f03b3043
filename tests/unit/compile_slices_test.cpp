// SPDX-License-Identifier: Apache-2.0
//
// What another node's IdentitySlice may say of an address, and what it may not: whoever took a node over writes its
// slices as he likes.
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr auto kPayments = "10.0.2.1";
constexpr auto kAurora = "10.0.3.1";
constexpr auto kCoreDns = "10.0.8.1";
constexpr auto kDns = "10.0.8.53"; // configured
constexpr auto kApiServer = "10.0.250.1";
constexpr auto kNodeC = "10.0.0.3";
constexpr auto kClusterIp = "172.20.0.10";

/// As the agent of `node` writes it: "namespace/name" and addresses.
struct Told {
    std::string pod;
    std::vector<std::string> addresses;
    int64_t created = 100;
    uint32_t turn = 0;
};

state::IdentitySlice slice(const std::string& node, const std::vector<Told>& pods) {
    auto object = named<state::IdentitySlice>(node + "-1");
    for (const auto& told : pods) {
        std::vector<Address> addresses;
        for (const auto& text : told.addresses)
            addresses.push_back(address(text));
        auto one = pod(told.pod, node, {}, addresses);
        one.slice = object.meta.name;
        one.created = state::Time(std::chrono::seconds(told.created));
        one.turn = told.turn;
        object.pods.push_back(std::move(one));
    }
    return object;
}

state::EndpointSlice kube_dns(const std::string& pod_behind) {
    auto dns = named<state::EndpointSlice>("kube-dns-1", "kube-system");
    dns.service = "kube-dns";
    dns.addresses = {address(kCoreDns)};
    if (!pod_behind.empty()) dns.pods[address(kCoreDns)] = {pod_behind};
    return dns;
}

/// All that a slice isn't believed about, and payments, who lets blog and cluster DNS in.
World guarded() {
    auto settings = settings_of("node-a");
    settings.dns_addresses = {address(kDns)};
    settings.probe_addresses = {address("10.9.9.9")};
    World world(settings);
    auto payments = tenant("payments", {"payments"});
    payments.allow_from = {grant({from_tenant("ns/blog")}), grant({state::ResourcePeer{"cluster-dns"}}, {port(5353)})};
    auto api = named<state::EndpointSlice>("kubernetes", "default");
    api.service = "kubernetes";
    api.addresses = {address(kApiServer)};
    auto node_c = named<state::Node>("node-c");
    node_c.addresses = {address(kNodeC)};
    auto service = named<state::Service>("kube-dns", "kube-system");
    service.cluster_ips = {address(kClusterIp)};
    world.protect("payments").ns("blog").ns("kube-system").put(payments).put(api).put(node_c).put(service);
    world.put(kube_dns("kube-system/coredns-1")).put(resource("aurora", {kAurora}, "payments"));
    world.put(slice("node-d", {{"payments/api", {kPayments}}, {"kube-system/coredns-1", {kCoreDns}}}));
    world.cluster.set_own_addresses({address("10.0.0.1")});
    return world;
}

std::string owner_of(World& world, const std::string& text) {
    const auto& endpoints = world.desired().endpoints;
    const auto found = endpoints.find(address(text));
    return found == endpoints.end() ? "" : found->second.owner;
}

bool is_infra(World& world, const std::string& text) {
    return (world.identity(text).flags & BH_INFRA) != 0;
}

} // namespace

TEST_CASE("a slice has no address that is somebody's for sure, and is reported") {
    struct Row {
        const char* address;
        const char* owner;
        const char* told; // in the problem
    };
    const std::vector<Row> rows{{kAurora, "AWSResource aurora", "AWSResource aurora"},
                                {kDns, "cluster-dns", "cluster-dns"},
                                {kApiServer, "kube-apiserver", "kube-apiserver"},
                                {kNodeC, "node node-c", "node node-c"},
                                {kClusterIp, "service kube-system/kube-dns", "service kube-system/kube-dns"},
                                {"fd00:ec2::23", "Pod Identity", "Pod Identity"},
                                {"10.0.0.1", "this node", "this node"},
                                {"10.9.9.9", "this node", "this node"}};
    for (const auto& row : rows) {
        INFO(row.address);
        auto world = guarded();
        REQUIRE(owner_of(world, row.address) == row.owner);
        const auto identity = world.id(row.address);
        world.put(slice("node-b", {{"blog/forged", {row.address, "10.0.1.9"}}}));
        CHECK(owner_of(world, row.address) == row.owner);
        CHECK(world.id(row.address) == identity);
        CHECK(owner_of(world, "10.0.1.9") == "blog/forged"); // which nobody else has
        const auto text = std::string(row.address) + " of Pod blog/forged on node node-b is also " + row.told;
        CHECK(world.has_problem("IdentitySlice node-b-1 spec.endpoints", text));
        CHECK(world.desired().problems.front().nature == state::Problem::Nature::kConflict);
        world.put(slice("node-b", {{"blog/forged", {"10.0.1.9"}}}));
        CHECK(world.desired().problems.empty());
    }
}

TEST_CASE("what a slice claims of a resource's opens nothing") {
    auto world = guarded();
    world.put(slice("node-b", {{"blog/forged", {kAurora}}, {"blog/web", {"10.0.1.1"}}}));
    CHECK(world.ask("10.0.1.1", kAurora) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kPayments, kAurora) == BH_REASON_SAME_TENANT);
    CHECK(world.ask("10.0.1.1", kPayments) == BH_REASON_GRANTED);
    CHECK(world.ask(kAurora, kPayments) == BH_REASON_SAME_TENANT); // as its owner, and not as blog
}

TEST_CASE("a resource of more than one address doesn't keep a pod from having one of them") {
    auto world = guarded();
    world.put(resource("subnet", {"10.0.4.0/31"})).put(resource("single", {"10.0.4.2/32"}));
    world.put(slice("node-b", {{"blog/web", {"10.0.4.1", "10.0.4.2"}}}));
    CHECK(owner_of(world, "10.0.4.1") == "blog/web");
    CHECK(owner_of(world, "10.0.4.2") == "AWSResource single");
    world.put(resource("single", {"10.0.4.4"}));
    CHECK(owner_of(world, "10.0.4.2") == "blog/web");
    CHECK(world.desired().problems.empty());
}

TEST_CASE("what a Service claims for itself takes nothing from another node's pod") {
    auto world = guarded();
    world.put(slice("node-b", {{"blog/web", {"10.0.1.1"}}}));
    auto grabbing = named<state::Service>("grab", "shop");
    grabbing.external_ips = {address("10.0.1.1")};
    world.put(grabbing);
    CHECK(owner_of(world, "10.0.1.1") == "blog/web");
    CHECK(world.desired().problems.empty());
}

TEST_CASE("cluster DNS' pods are pods and cluster DNS, wherever they run") {
    auto world = guarded();
    CHECK(owner_of(world, kCoreDns) == "kube-system/coredns-1");
    CHECK(world.desired().tenants.at(world.identity(kCoreDns).tenant) == "ns/kube-system");
    CHECK((world.identity(kCoreDns).flags & (BH_POD | BH_INFRA)) == (BH_POD | BH_INFRA));
    CHECK(world.ask(kCoreDns, kPayments, 5353) == BH_REASON_GRANTED);
    CHECK(world.desired().problems.empty());
}

TEST_CASE("cluster DNS' address is that pod's which its EndpointSlice names, and no other's") {
    struct Row {
        const char* named;
        const char* told;
        const char* owner;
    };
    const auto row = GENERATE(Row{"kube-system/coredns-1", "kube-system/coredns-1", "kube-system/coredns-1"},
                              Row{"kube-system/coredns-1", "kube-system/coredns-2", "cluster-dns"},
                              Row{"kube-system/coredns-1", "blog/coredns-1", "cluster-dns"},
                              Row{"", "kube-system/coredns-1", "cluster-dns"});
    auto world = guarded();
    world.put(kube_dns(row.named)).put(slice("node-d", {{"payments/api", {kPayments}}}));
    world.put(slice("node-b", {{row.told, {kCoreDns}}}));
    CHECK(owner_of(world, kCoreDns) == row.owner);
    CHECK(is_infra(world, kCoreDns));
    CHECK(world.ask(kCoreDns, kPayments, 5353) == BH_REASON_GRANTED);
    CHECK(world.has_problem("IdentitySlice node-b-1", "is also cluster-dns's") == (row.owner != std::string(row.told)));
}

TEST_CASE("the true pod keeps cluster DNS' address, also where a younger one is told to have it") {
    auto world = guarded();
    world.put(slice("node-b", {{"blog/forged", {kCoreDns}, 900}}));
    CHECK(owner_of(world, kCoreDns) == "kube-system/coredns-1");
    CHECK(
        world.has_problem("IdentitySlice node-b-1", "10.0.8.1 of Pod blog/forged on node node-b is also cluster-dns"));
}

TEST_CASE("a role is an address' and not its pod's: the others of that pod don't get it") {
    auto world = guarded();
    world.put(slice("node-d", {{"payments/api", {kPayments}}, {"kube-system/coredns-1", {kCoreDns, "10.0.8.2"}}}));
    CHECK(is_infra(world, kCoreDns));
    CHECK_FALSE(is_infra(world, "10.0.8.2"));
    CHECK(owner_of(world, "10.0.8.2") == "kube-system/coredns-1");
    CHECK(world.ask(kCoreDns, kPayments, 5353) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.8.2", kPayments, 5353) == BH_REASON_NOT_GRANTED);
    world.put(kube_dns("kube-system/coredns-9"));
    CHECK(owner_of(world, kCoreDns) == "cluster-dns");
    CHECK(owner_of(world, "10.0.8.2") == "kube-system/coredns-1");
}

TEST_CASE("on its own node cluster DNS' pod is one, by the addresses that netlink saw") {
    auto world = guarded();
    world.put(pod("kube-system/coredns-1", "node-a", {}, {}));
    world.local({local_pod(1, "kube-system/coredns-1", {kCoreDns, "169.254.172.2"})});
    const auto identity = world.desired().pods.at(1).identity;
    CHECK((world.desired().identities.at(identity).flags & BH_INFRA) != 0);
    CHECK(world.id(kCoreDns) == identity);
}

TEST_CASE("a pod that has its node's only address is told by that node's slices alone") {
    auto world = guarded(); // node-c's, a Fargate node say
    world.put(slice("node-c", {{"blog/job", {kNodeC}}}));
    CHECK(owner_of(world, kNodeC) == "blog/job");
    world.put(slice("node-c", {})).put(slice("node-b", {{"blog/job", {kNodeC}}}));
    CHECK(owner_of(world, kNodeC) == "node node-c");
    auto liar = named<state::Node>("node-b");
    liar.addresses = {address(kNodeC)};
    world.put(liar); // a node that says of another's address that it is its own
    CHECK((world.identity(kNodeC).flags & (BH_NODE | BH_POD)) == BH_NODE);
}

TEST_CASE("a local pod's address is its own, whoever else is told to have it") {
    auto world = guarded();
    world.put(pod("payments/near", "node-a", {}, {})).local({local_pod(1, "payments/near", {"10.0.2.7"})});
    world.put(slice("node-b", {{"blog/forged", {"10.0.2.7"}, 900}}));
    CHECK(owner_of(world, "10.0.2.7") == "payments/near");
    CHECK(world.has_problem("IdentitySlice node-b-1", "10.0.2.7 of Pod blog/forged on node node-b is also Pod"));
}

TEST_CASE("addresses that other nodes' pods have on their node alone are nothing to this one") {
    auto world = guarded();
    world.put(
        slice("node-b", {{"blog/web", {"10.0.1.1", "169.254.172.2", "fe80::2", "fd00::ac:3ff", "fd00::ac:400"}}}));
    CHECK(owner_of(world, "fd00::ac:3ff").empty());
    CHECK(owner_of(world, "fd00::ac:400") == "blog/web"); // the first that isn't
    CHECK(owner_of(world, "10.0.1.1") == "blog/web");
    CHECK(owner_of(world, "169.254.172.2").empty());
    CHECK(owner_of(world, "fe80::2").empty());
}

TEST_CASE("a Pod object that takes over from a slice is believed, and the slice again is not") {
    auto world = guarded();
    world.put(slice("node-b", {{"blog/web", {kAurora}}}));
    CHECK(owner_of(world, kAurora) == "AWSResource aurora");
    auto same = pod("blog/web", "node-b", {}, {address(kAurora)});
    same.created = state::Time(std::chrono::seconds(100));
    world.put(same);
    CHECK(owner_of(world, kAurora) == "blog/web");
    world.cluster.remove({.kind = "Pod", .ns = "blog", .name = "web"});
    CHECK(owner_of(world, kAurora) == "AWSResource aurora");
}

TEST_CASE("a slice that claims very much is told of in a few lines") {
    auto world = guarded();
    std::vector<std::string> all;
    for (int i = 0; i < 200; ++i)
        all.push_back("10.0.77." + std::to_string(i));
    world.put(resource("cache", all)).put(slice("node-b", {{"blog/forged", all}}));
    CHECK(world.desired().problems.size() == 11);
    CHECK(world.has_problem("IdentitySlice node-b-1", "so it is with 190 more addresses"));
}

TEST_CASE("of two pods that are told to have one address the younger has it, and of one age nobody") {
    struct Row {
        Told first, heir;
        const char* owner;
        bh_reason to_payments; // which lets blog in
    };
    const Told blog{"blog/web", {"10.0.1.1"}}, shop{"shop/web", {"10.0.1.1"}};
    const auto at = [](Told told, int64_t created, uint32_t turn = 0) {
        told.created = created;
        told.turn = turn;
        return told;
    };
    const std::vector<Row> rows{
        {at(blog, 100), at(shop, 101), "shop/web", BH_REASON_NOT_GRANTED},
        {at(blog, 101), at(shop, 100), "blog/web", BH_REASON_GRANTED},
        {at(blog, 101), at(shop, 100, 9), "blog/web", BH_REASON_GRANTED}, // a turn is one within a date
        {at(blog, 100), at(shop, 100), "blog/web or shop/web", BH_REASON_NOT_GRANTED},
        {at(blog, 100, 1), at(shop, 100), "blog/web", BH_REASON_GRANTED},
        {at(blog, 100), at(shop, 100, 1), "shop/web", BH_REASON_NOT_GRANTED},
        {at(blog, 100, 2), at(shop, 100, 2), "blog/web or shop/web", BH_REASON_NOT_GRANTED},
        {at(blog, 100), at({"blog/api", {"10.0.1.1"}}, 100), "blog/api", BH_REASON_GRANTED}, // no rule tells them apart
    };
    const bool reversed = GENERATE(false, true);
    for (const auto& row : rows) {
        CAPTURE(row.owner, row.first.created, row.first.turn, row.heir.created, row.heir.turn, reversed);
        auto world = guarded();
        world.ns("shop");
        world.put(slice("node-b", {reversed ? row.heir : row.first})).desired();
        world.put(slice("node-e", {reversed ? row.first : row.heir}));
        CHECK(owner_of(world, "10.0.1.1") == row.owner);
        CHECK(world.ask("10.0.1.1", kPayments) == row.to_payments);
        world.put(slice("node-b", {})); // a late end takes nothing from the other one
        const auto& left = reversed ? row.first : row.heir;
        CHECK(owner_of(world, "10.0.1.1") == left.pod);
        CHECK(world.ask("10.0.1.1", kPayments) == (left.pod == "shop/web" ? BH_REASON_NOT_GRANTED : BH_REASON_GRANTED));
        CHECK(world.desired().problems.empty());
    }
}

TEST_CASE("an address of which nobody knows whose it is lets nobody in, and is protected if one of them is") {
    struct Row {
        std::vector<std::string> pods;
        bool is_protected;
    };
    const std::vector<Row> rows{{{"blog/web", "shop/web"}, false},
                                {{"blog/web", "payments/api-2"}, true},
                                {{"shop/web", "payments/api-2", "blog/web"}, true},
                                {{"trial/web", "blog/web"}, false}}; // protected, in audit mode
    for (const auto& row : rows) {
        CAPTURE(row.pods.front());
        auto world = guarded();
        world.ns("shop").ns("trial", {{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/mode", "audit"}});
        auto bank = tenant("bank", {"bank"}, state::Level::kProtected);
        bank.allow_from = {grant({state::WorldPeer{}}), grant({state::CidrPeer{cidr("10.0.1.0/24")}})};
        world.protect("bank").put(bank).put(slice("node-d", {{"payments/api", {kPayments}}, {"bank/a", {"10.0.4.1"}}}));
        int number = 0;
        for (const auto& pod : row.pods)
            world.put(slice("node-" + std::to_string(++number), {{pod, {"10.0.1.1"}}}));
        CHECK(((world.identity("10.0.1.1").flags & BH_PROTECTED) != 0) == row.is_protected);
        CHECK(world.identity("10.0.1.1").tenant == 0);
        CHECK(world.ask("10.0.1.1", kPayments) == BH_REASON_NOT_GRANTED);
        CHECK(world.ask("10.0.1.1", "10.0.4.1") == BH_REASON_NOT_GRANTED); // a pod, so neither world nor a CIDR's
        CHECK(world.ask("10.0.9.9", "10.0.4.1") == BH_REASON_GRANTED);
        CHECK(world.ask(kPayments, "10.0.1.1") == (row.is_protected ? BH_REASON_HELD : BH_REASON_OPEN));
    }
}

TEST_CASE("a claim that isn't believed makes nobody's address doubtful") {
    auto world = guarded();
    world.put(slice("node-b", {{"blog/forged", {kCoreDns}}})); // as old as the true one
    CHECK(owner_of(world, kCoreDns) == "kube-system/coredns-1");
    world.put(pod("payments/near", "node-a", {}, {})).local({local_pod(1, "payments/near", {"10.0.2.7"})});
    world.put(slice("node-b", {{"blog/forged", {"10.0.2.7"}}})).put(slice("node-c", {{"shop/forged", {"10.0.2.7"}}}));
    CHECK(owner_of(world, "10.0.2.7") == "payments/near");
}
