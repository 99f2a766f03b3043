// SPDX-License-Identifier: Apache-2.0
//
// Break glass, as compile() makes it.
#include "base/rfc3339.h"
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kStranger = "203.0.113.9";
constexpr auto kSafe = "10.0.1.1";
constexpr auto kTill = "10.0.1.2";
constexpr auto kRunner = "10.0.1.3";

/// The cluster state tells by its own clock what is over.
const state::Time kNow = state::Cluster::machine_time();

state::Override override_of(const std::string& tenant, state::Time until = kNow + 1h) {
    auto object = named<state::Override>("incident-7");
    object.tenant = tenant;
    object.until = until;
    object.reason = "the till can't be reached";
    return object;
}

World two_vaults() {
    World world;
    world.now = kNow;
    world.ns("vault", {{"bulkhead.dev/tenant", "vault"}, {"bulkhead.dev/level", "protected"}});
    world.ns("shop", {{"bulkhead.dev/tenant", "shop"}, {"bulkhead.dev/level", "protected"}});
    auto runners = tenant("runners", {"runners"});
    runners.confined = true;
    world.ns("runners").put(runners);
    world.pod("vault/safe", {kSafe}).pod("shop/till", {kTill}).pod("runners/one", {kRunner});
    return world;
}

} // namespace

TEST_CASE("an override of a tenant lets in whom it refuses, and says so; no other tenant's") {
    auto world = two_vaults();
    world.put(override_of("vault"));
    CHECK(world.ask(kStranger, kSafe) == BH_REASON_AUDIT);
    CHECK(world.ask(kTill, kSafe) == BH_REASON_AUDIT);
    CHECK(world.ask(kStranger, kTill) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kSafe, kTill) == BH_REASON_NOT_GRANTED); // the one that is overridden gets nothing
    CHECK(world.desired().armed);
    CHECK(world.has_problem("Override incident-7 spec", "until " + rfc3339(kNow + 1h) + " what tenant vault refuses"));
    CHECK(world.has_problem("Override incident-7 spec", "the till can't be reached"));
}

TEST_CASE("an override of a confined tenant lets it out, as far as others let it in") {
    auto world = two_vaults();
    CHECK(world.ask(kRunner, kStranger) == BH_REASON_CONFINED);
    world.put(override_of("runners"));
    CHECK(world.ask(kRunner, kStranger) == BH_REASON_CONFINED_AUDIT);
    CHECK(world.ask(kRunner, kSafe) == BH_REASON_NOT_GRANTED);
    world.put(override_of("vault"));
    CHECK(world.ask(kRunner, kSafe) == BH_REASON_CONFINED);
}

TEST_CASE("an override of everybody lifts levels and confinement of all") {
    auto world = two_vaults();
    world.put(override_of(""));
    CHECK(world.ask(kStranger, kSafe) == BH_REASON_AUDIT);
    CHECK(world.ask(kRunner, kTill) == BH_REASON_AUDIT);
    CHECK(world.ask(kRunner, kStranger) == BH_REASON_CONFINED_AUDIT);
    CHECK(world.has_problem("Override incident-7", "anything passes"));
}

TEST_CASE("an override ends when it says, and again when it is told again") {
    auto world = two_vaults();
    world.put(override_of("vault"));
    world.now = kNow + 1h - 1s;
    CHECK(world.ask(kStranger, kSafe) == BH_REASON_AUDIT);
    world.now = kNow + 1h;
    CHECK(world.ask(kStranger, kSafe) == BH_REASON_NOT_GRANTED);
    world.put(override_of("vault", kNow - 1s)); // a relist tells of what is long over
    CHECK(world.desired().overrides.empty());
    CHECK_FALSE(world.has_problem("Override incident-7", ""));
}

TEST_CASE("that an override is over is a change, once") {
    state::Time clock = kNow;
    state::Cluster cluster([&] { return clock; });
    cluster.put(override_of("vault"));
    CHECK(cluster.take_changes().policy);
    cluster.end_overrides();
    CHECK_FALSE(cluster.dirty());
    clock += 1h;
    cluster.end_overrides();
    CHECK(cluster.take_changes().policy);
    CHECK(cluster.overrides().at("incident-7").over);
    cluster.end_overrides();
    CHECK_FALSE(cluster.dirty());
}

TEST_CASE("of two overrides of one tenant the later end counts") {
    auto world = two_vaults();
    auto longer = override_of("vault", kNow + 2h);
    longer.meta.name = "incident-6";
    world.put(longer).put(override_of("vault"));
    world.now = kNow + 1h + 1min;
    CHECK(world.ask(kStranger, kSafe) == BH_REASON_AUDIT);
}

TEST_CASE("an override of a tenant that isn't there says so, and is in force when it comes") {
    auto world = two_vaults();
    world.put(override_of("bank"));
    CHECK(world.has_problem("Override incident-7 spec.tenant", "there is no tenant bank"));
    world.ns("bank", {{"bulkhead.dev/tenant", "bank"}, {"bulkhead.dev/level", "protected"}});
    world.pod("bank/ledger", {"10.0.1.9"});
    CHECK(world.ask(kStranger, "10.0.1.9") == BH_REASON_AUDIT);
    CHECK_FALSE(world.has_problem("Override incident-7 spec.tenant", ""));
}
