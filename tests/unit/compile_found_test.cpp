// SPDX-License-Identifier: Apache-2.0
//
// Addresses that were found for an AWSResource, as IdentitySlices of no node tell them: as good as its CIDRs.
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

state::IdentitySlice found(const std::string& resource, const std::vector<std::string>& cidrs, int number = 0) {
    auto slice = named<state::IdentitySlice>("resource-" + resource + "-" + std::to_string(number));
    slice.resource = resource;
    for (const auto& text : cidrs)
        slice.addresses.push_back(cidr(text));
    return slice;
}

state::AwsResource looked_up(const std::string& name, const std::string& tenant) {
    auto object = resource(name, {}, tenant);
    object.look_ups.security_groups = {"sg-0123abcd"};
    return object;
}

World with_aurora() {
    World world;
    world.protect("payments").ns("blog");
    world.put(tenant("payments", {"payments"}));
    world.pod("payments/api", {"10.0.2.1"}).pod("blog/web", {"10.0.1.1"});
    world.put(looked_up("aurora", "payments"));
    return world;
}

constexpr auto kApi = "10.0.2.1";
constexpr auto kWeb = "10.0.1.1";

} // namespace

TEST_CASE("what is found for a resource is protected, until the slice that tells of it doesn't any more") {
    auto world = with_aurora();
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_OPEN);
    CHECK(world.has_problem("AWSResource aurora spec.addresses", "is known yet"));
    world.put(found("aurora", {"10.9.0.5", "10.9.1.0/24"}, 0)).put(found("aurora", {"10.9.0.6"}, 1));
    for (const auto* database : {"10.9.0.5", "10.9.0.6", "10.9.1.77"}) {
        INFO(database);
        CHECK(world.ask(kApi, database) == BH_REASON_SAME_TENANT);
        CHECK(world.ask(kWeb, database) == BH_REASON_NOT_GRANTED);
    }
    CHECK(world.ask(kWeb, "10.9.0.7") == BH_REASON_OPEN);
    CHECK_FALSE(world.has_problem("AWSResource aurora", "is known yet"));
    CHECK(world.desired().endpoints.at(address("10.9.0.5")).owner == "AWSResource aurora");

    world.put(found("aurora", {"10.9.0.5"}, 0));
    CHECK(world.ask(kWeb, "10.9.1.77") == BH_REASON_OPEN);
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kWeb, "10.9.0.6") == BH_REASON_NOT_GRANTED);
    world.cluster.remove({.kind = "IdentitySlice", .ns = "", .name = "resource-aurora-1"});
    CHECK(world.ask(kWeb, "10.9.0.6") == BH_REASON_OPEN);
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_NOT_GRANTED);
}

TEST_CASE("a slice of a resource that isn't there means nothing, before it comes and after it went") {
    World world;
    world.ns("blog").pod("blog/web", {kWeb});
    world.put(found("aurora", {"10.9.0.5"}));
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_OPEN);
    world.put(looked_up("aurora", "payments"));
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_NOT_GRANTED);
    // The object is told anew, with what it says alone.
    world.put(looked_up("aurora", "payments"));
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_NOT_GRANTED);
    world.cluster.remove({.kind = "AWSResource", .ns = "", .name = "aurora"});
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_OPEN);
}

TEST_CASE("a pod that another node tells of has its address whatever was found, but not what a resource says itself") {
    auto world = with_aurora();
    auto declared = resource("cache", {"10.9.0.9"}, "payments");
    world.put(declared).put(found("aurora", {"10.9.0.5", "10.9.0.9"}));
    auto slice = named<state::IdentitySlice>("node-b-00000001");
    for (const auto* ip : {"10.9.0.5", "10.9.0.9"}) {
        auto one = pod("blog/at-" + std::string(ip), "node-b", {}, {address(ip)});
        one.slice = slice.meta.name;
        slice.pods.push_back(one);
    }
    world.put(slice);
    CHECK(world.desired().endpoints.at(address("10.9.0.5")).owner == "blog/at-10.9.0.5");
    CHECK(world.ask(kWeb, "10.9.0.5") == BH_REASON_OPEN);
    CHECK(world.ask(kWeb, "10.9.0.9") == BH_REASON_NOT_GRANTED);
}

TEST_CASE("two resources that found the same addresses are told once, and the stricter owns them") {
    auto world = with_aurora();
    auto lax = looked_up("all-databases", "");
    lax.mode = state::Mode::kAudit;
    world.put(lax);
    const std::vector<std::string> shared{"10.9.0.5", "10.9.0.6", "10.9.0.7"};
    world.put(found("aurora", shared)).put(found("all-databases", shared));
    for (const auto& database : shared)
        CHECK(world.desired().endpoints.at(address(database)).owner == "AWSResource aurora");
    const auto& problems = world.desired().problems;
    CHECK(std::ranges::count(problems, std::string("AWSResource all-databases"), &state::Problem::object) == 1);
    CHECK(world.has_problem("AWSResource all-databases spec.addresses", "is also AWSResource aurora's"));
}

TEST_CASE("the API server's address stays its own where a look-up brings it along, unless the resource names it") {
    auto world = with_aurora();
    auto api = named<state::EndpointSlice>("kubernetes", "default");
    api.service = "kubernetes";
    api.addresses = {address("10.9.0.5")};
    world.put(api).put(found("aurora", {"10.9.0.5", "10.9.0.6"}));
    CHECK(world.ask(kWeb, "10.9.0.5", 443) == BH_REASON_OPEN);
    CHECK(world.ask(kWeb, "10.9.0.6", 443) == BH_REASON_NOT_GRANTED);
    CHECK(world.has_problem("AWSResource aurora", "10.9.0.5/32 is the API server's"));
    auto named = looked_up("aurora", "payments");
    named.cidrs = {cidr("10.9.0.5")};
    world.put(named);
    CHECK(world.ask(kWeb, "10.9.0.5", 443) == BH_REASON_NOT_GRANTED);
}
