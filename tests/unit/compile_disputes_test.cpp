// SPDX-License-Identifier: Apache-2.0
//
// Several pods of one age are told to have one address. If all are of one tenant, it is a pod of that tenant, of which
// holds what holds of each of them; of two tenants it is nobody's (compile_slices_test.cpp).
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr auto kAddress = "10.0.1.1"; // which all of them are told to have
constexpr auto kVault = "10.0.2.1";   // lets the shop's pods in: all of them to 443, those of the front to 80
constexpr auto kKin = "10.0.3.1";     // of the shop
constexpr auto kStranger = "10.0.4.1";

constexpr auto kAudit = BH_PROTECTED | BH_AUDIT;

/// The shop: an open namespace, a protected one, a trial in audit mode; and a tenant of its own that is called much
/// like it.
World market() {
    World world;
    auto shop = tenant("shop", {"open", "safe", "trial"});
    shop.mode = state::Mode::kAudit;
    shop.expose = {opening({port(8080)}, label_is("app", "front")), opening({port(8443)})};
    auto vault = tenant("vault", {"vault"}, state::Level::kProtected);
    vault.allow_from = {grant({from_tenant("shop")}, {port(443)}),
                        grant({from_tenant("shop", label_is("app", "front"))}, {port(80)})};
    world.put(shop).put(vault).ns("vault").ns("open", {{"bulkhead.dev/mode", "enforce"}});
    world.ns("safe", {{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/mode", "enforce"}});
    world.ns("trial", {{"bulkhead.dev/level", "protected"}});
    world.ns("other").ns("shops", {{"bulkhead.dev/tenant", "shop"}}); // without that Tenant's consent
    world.pod("vault/api", {kVault}).pod("safe/kin", {kKin}).pod("other/web", {kStranger});
    return world;
}

state::PodTemplate labelled(const std::string& app) {
    state::PodTemplate common;
    if (!app.empty()) common.labels = {{"app", app}};
    return common;
}

/// "safe/front-1": its label is what stands before the dash.
void claim(World& world, const std::string& pod) {
    const auto name = pod.substr(pod.find('/') + 1);
    world.pod(pod, {kAddress}, labelled(name.substr(0, name.find('-'))));
}

/// The mode of who is neither protected nor confined says nothing.
uint32_t flags_at(World& world, const std::string& address) {
    const auto flags = world.identity(address).flags;
    const auto mode = (flags & (BH_PROTECTED | BH_CONFINED)) != 0 ? flags & BH_AUDIT : 0;
    return mode | (flags & (BH_PROTECTED | BH_SEALED | BH_CONFINED | BH_POD | BH_UNNAMED));
}

} // namespace

TEST_CASE("an address that pods of one tenant are told to have may what each of them may, and is guarded like the "
          "strictest") {
    struct Row {
        std::vector<std::string> pods;
        uint32_t flags; // beside BH_POD
        bh_reason to_vault_443, to_vault_80, from_kin, from_stranger_8443, from_stranger_8080;
    };
    constexpr auto kGranted = BH_REASON_GRANTED, kNot = BH_REASON_NOT_GRANTED, kSame = BH_REASON_SAME_TENANT,
                   kOpen = BH_REASON_OPEN, kExposed = BH_REASON_EXPOSED, kAudited = BH_REASON_AUDIT;
    const std::vector<Row> rows{
        // Near misses first: one of them alone.
        {{"safe/front-1"}, BH_PROTECTED, kGranted, kGranted, kSame, kExposed, kExposed},
        {{"safe/back-1"}, BH_PROTECTED, kGranted, kNot, kSame, kExposed, kNot},
        {{"open/back-1"}, 0, kGranted, kNot, kOpen, kOpen, kOpen},
        {{"safe/front-1", "safe/back-1"}, BH_PROTECTED, kGranted, kNot, kSame, kExposed, kNot},
        {{"safe/front-1", "safe/front-2"}, BH_PROTECTED, kGranted, kGranted, kSame, kExposed, kExposed},
        {{"open/back-1", "open/front-1"}, 0, kGranted, kNot, kOpen, kOpen, kOpen},
        {{"open/front-1", "safe/front-1"}, BH_PROTECTED, kGranted, kGranted, kSame, kNot, kNot},
        {{"trial/front-1", "trial/back-1"}, kAudit, kGranted, kNot, kSame, kExposed, kAudited},
        {{"open/front-1", "trial/front-1"}, kAudit, kGranted, kGranted, kSame, kAudited, kAudited},
        {{"safe/front-1", "trial/front-1"}, BH_PROTECTED, kGranted, kGranted, kSame, kExposed, kExposed},
        {{"open/front-1", "trial/front-1", "safe/front-1"}, BH_PROTECTED, kGranted, kGranted, kSame, kNot, kNot},
        {{"safe/front-1", "safe/back-1", "open/front-1"}, BH_PROTECTED, kGranted, kNot, kSame, kNot, kNot},
    };
    const bool reversed = GENERATE(false, true);
    for (auto row : rows) {
        if (reversed) std::ranges::reverse(row.pods);
        CAPTURE(row.pods);
        auto world = market();
        for (const auto& pod : row.pods)
            claim(world, pod);
        CHECK(flags_at(world, kAddress) == (row.flags | BH_POD));
        CHECK(world.desired().tenants.at(world.identity(kAddress).tenant) == "shop");
        CHECK(world.ask(kAddress, kVault, 443) == row.to_vault_443);
        CHECK(world.ask(kAddress, kVault, 80) == row.to_vault_80);
        CHECK(world.ask(kAddress, kVault, 22) == kNot);
        CHECK(world.ask(kKin, kAddress) == row.from_kin);
        CHECK(world.ask(kAddress, kKin) == kSame);
        CHECK(world.ask(kStranger, kAddress, 8443) == row.from_stranger_8443);
        CHECK(world.ask(kStranger, kAddress, 8080) == row.from_stranger_8080);
    }
}

TEST_CASE("one claimant of another tenant, or of a namespace that isn't known, and the address is nobody's") {
    for (const auto* pod : {"shops/front-1", "other/front-1", "unknown/front-1"}) {
        CAPTURE(pod);
        auto world = market();
        claim(world, "safe/front-1");
        claim(world, "safe/back-1");
        REQUIRE(world.ask(kAddress, kVault, 443) == BH_REASON_GRANTED);
        claim(world, pod);
        CHECK(world.identity(kAddress).tenant == 0);
        CHECK(world.ask(kAddress, kVault, 443) == BH_REASON_NOT_GRANTED);
        CHECK(world.ask(kAddress, kKin) == BH_REASON_NOT_GRANTED);
        CHECK(world.ask(kKin, kAddress) == BH_REASON_HELD);
        CHECK(world.has_problem(std::string("Pod ") + (std::string(pod) < "safe" ? "safe/back-1" : "safe/front-1"),
                                "until one of them is gone the address is nobody's"));
    }
}

TEST_CASE(
    "a sealed or confined tenant's address that is in doubt is as sealed and confined, and goes where all may go") {
    auto world = market();
    auto jobs = tenant("jobs", {"jobs"}, state::Level::kProtected);
    jobs.sealed = jobs.confined = true;
    jobs.allow_to = {{.to = {from_tenant("ns/other")}, .ports = {}}};
    auto prometheus = tenant("prometheus", {"prometheus"});
    prometheus.trusted = {opening({port(9090)})};
    world.put(jobs).ns("jobs").put(prometheus).ns("prometheus").pod("prometheus/p", {"10.0.5.1"});
    claim(world, "jobs/a-1");
    claim(world, "jobs/b-1");
    auto exposed = labelled("b");
    exposed.expose = "7000";
    world.pod("jobs/b-1", {kAddress}, exposed);
    CHECK(flags_at(world, kAddress) == (BH_POD | BH_PROTECTED | BH_SEALED | BH_CONFINED));
    CHECK(world.ask("10.0.5.1", kAddress, 9090) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.5.1", kKin, 9090) == BH_REASON_TRUSTED);
    CHECK(world.ask(kStranger, kAddress, 7000) == BH_REASON_NOT_GRANTED); // which only one of them exposes
    CHECK(world.ask(kAddress, kStranger) == BH_REASON_OPEN);
    CHECK(world.ask(kAddress, "203.0.113.9") == BH_REASON_CONFINED);
}

TEST_CASE("a dispute within a tenant is told, ends with one of the claimants, and leaves nothing behind") {
    const bool is_policy = GENERATE(false, true); // with every change everything is compiled anew
    CAPTURE(is_policy);
    auto world = market();
    const auto identities = world.desired().identities.size();
    auto change = [&, number = 0]() mutable {
        if (is_policy) world.ns("unrelated-" + std::to_string(number++));
    };
    claim(world, "safe/front-1");
    const auto alone = world.desired().identities.size();
    change();
    claim(world, "open/back-1");
    change();
    CHECK(world.desired().endpoints.at(address(kAddress)).owner == "open/back-1 or safe/front-1");
    CHECK(world.has_problem("Pod safe/front-1", "until one of them is gone the address may only what both may"));
    CHECK(world.ask(kAddress, kVault, 80) == BH_REASON_NOT_GRANTED);
    change();
    CHECK(world.ask(kAddress, kVault, 443) == BH_REASON_GRANTED);
    world.cluster.remove({.kind = "Pod", .ns = "open", .name = "back-1"});
    change();
    CHECK(world.desired().endpoints.at(address(kAddress)).owner == "safe/front-1");
    CHECK(world.ask(kAddress, kVault, 80) == BH_REASON_GRANTED);
    CHECK(world.ask(kStranger, kAddress, 8080) == BH_REASON_EXPOSED);
    CHECK_FALSE(world.has_problem("Pod safe/front-1", ""));
    CHECK(world.desired().identities.size() == alone);
    world.cluster.remove({.kind = "Pod", .ns = "safe", .name = "front-1"});
    CHECK(world.desired().identities.size() == identities);
    CHECK_FALSE(world.desired().endpoints.contains(address(kAddress)));
}

TEST_CASE("what becomes of the tenant becomes of an address that is in doubt within it") {
    auto world = market();
    claim(world, "open/front-1");
    claim(world, "safe/front-1");
    CHECK(flags_at(world, kAddress) == (BH_POD | BH_PROTECTED));
    world.ns("safe");
    CHECK(flags_at(world, kAddress) == BH_POD);
    world.put(tenant("shop", {"open"})); // the other is a tenant of its own now
    CHECK(world.identity(kAddress).tenant == 0);
    CHECK(world.ask(kAddress, kKin) == BH_REASON_OPEN);
    world.put(tenant("shop", {"open", "safe"}));
    CHECK(world.desired().tenants.at(world.identity(kAddress).tenant) == "shop");
}
