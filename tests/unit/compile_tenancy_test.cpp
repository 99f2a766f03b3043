// SPDX-License-Identifier: Apache-2.0
#include "compile/tenancy.h"

#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using compile::Membership;
using compile::Settings;
using compile::Tenancy;
using compile::TenantSource;
using state::Level;
using state::Mode;

namespace {

struct Found {
    std::string tenant;
    Level level;
    Mode mode;
    bool operator==(const Found&) const = default;
};

/// Of the namespace called "web".
Found found_in(const std::vector<state::Object>& objects, const Settings& settings = {}, size_t problems = 0) {
    state::Cluster cluster;
    for (const auto& object : objects)
        cluster.put(object);
    std::vector<state::Problem> reported;
    compile::SourcesByOwner sources;
    const Tenancy tenancy(cluster, settings, reported, sources);
    CHECK(reported.size() == problems);
    const auto* member = tenancy.find("web");
    REQUIRE(member);
    return {member->tenant, member->level, member->mode};
}

constexpr auto kProtected = Level::kProtected;
constexpr auto kOpen = Level::kNonProtected;
constexpr auto kEnforce = Mode::kEnforce;
constexpr auto kAudit = Mode::kAudit;

const state::Labels kAllLabels{{"bulkhead.dev/tenant", "a"},
                               {"capsule.clastix.io/tenant", "b"},
                               {"kiosk.sh/account", "c"},
                               {"web.tree.hnc.x-k8s.io/depth", "0"},
                               {"root.tree.hnc.x-k8s.io/depth", "1"}};

} // namespace

TEST_CASE("the first source that is switched on names the tenant") {
    using enum TenantSource;
    struct Row {
        std::set<TenantSource> sources;
        std::string tenant;
    };
    const auto row =
        GENERATE(Row{{kTenantObject, kLabel, kCapsule, kKiosk, kHnc, kNamespace}, "owner"},
                 Row{{kLabel, kCapsule, kKiosk, kHnc, kNamespace}, "a"},
                 Row{{kCapsule, kKiosk, kHnc, kNamespace}, "capsule/b"}, Row{{kKiosk, kHnc, kNamespace}, "kiosk/c"},
                 Row{{kHnc, kNamespace}, "hnc/root"}, Row{{kNamespace}, "ns/web"}, Row{{}, ""});
    Settings settings;
    settings.tenant_sources = row.sources;
    const size_t contradiction = row.tenant == "owner" ? 1 : 0;
    CHECK(found_in({ns("web", kAllLabels), tenant("owner", {"web"})}, settings, contradiction).tenant == row.tenant);
}

TEST_CASE("without any label a namespace is its own tenant and open") {
    CHECK(found_in({ns("web")}) == Found{"ns/web", kOpen, kEnforce});
}

TEST_CASE("a label joins a declared Tenant only with that Tenant's consent") {
    const auto labelled = ns("web", {{"bulkhead.dev/tenant", "payments"}});
    Settings labels_only;
    labels_only.tenant_sources = {TenantSource::kLabel, TenantSource::kNamespace};

    SECTION("undeclared: the label decides") {
        CHECK(found_in({labelled}).tenant == "payments");
    }
    SECTION("declared and naming it") {
        CHECK(found_in({labelled, tenant("payments", {"web"})}, labels_only).tenant == "payments");
    }
    SECTION("declared and not naming it: its own tenant, at the strictest level, reported") {
        CHECK(found_in({labelled, tenant("payments", {"other"}, kProtected)}, {}, 1) ==
              Found{"ns/web", kProtected, kEnforce});
    }
    SECTION("a slash cannot forge another source's tenant") {
        CHECK(found_in({ns("web", {{"bulkhead.dev/tenant", "capsule/payments"}})}, {}, 1).tenant == "ns/web");
    }
}

TEST_CASE("a Tenant selects namespaces by labels; an absent selector selects none, an empty one all") {
    auto selecting = tenant("payments", {});
    CHECK(found_in({ns("web"), selecting}).tenant == "ns/web");
    selecting.namespace_selector = state::Selector{};
    CHECK(found_in({ns("web"), selecting}).tenant == "payments");
    selecting.namespace_selector = label_is("team", "red");
    CHECK(found_in({ns("web", {{"team", "red"}}), selecting}).tenant == "payments");
    CHECK(found_in({ns("web", {{"team", "blue"}}), selecting}).tenant == "ns/web");
    selecting.namespace_selector->terms.front().op = state::Selector::Term::Op::kExists;
    CHECK(found_in({ns("web", {{"team", "blue"}}), selecting}).tenant == "payments");
}

TEST_CASE("of two Tenants that claim a namespace the older has it, with the stricter level and mode of both") {
    const auto at = [](int seconds) { return state::Time(std::chrono::seconds(seconds)); };
    auto young = tenant("a-young", {"web"}, kProtected);
    auto old = tenant("z-old", {"web"});
    young.mode = kEnforce;
    old.mode = kAudit;
    young.meta.created = at(200);
    old.meta.created = at(100);
    CHECK(found_in({ns("web"), young, old}, {}, 1) == Found{"z-old", kProtected, kEnforce});
    young.meta.created = at(100);
    CHECK(found_in({ns("web"), young, old}, {}, 1).tenant == "a-young"); // same age: by name
    young.meta.created.reset();
    CHECK(found_in({ns("web"), young, old}, {}, 1).tenant == "z-old"); // unknown age is no age
}

TEST_CASE("a claim on a namespace that another Tenant has is reported where it is written") {
    auto selecting = tenant("selecting", {});
    selecting.namespace_selector = label_is("team", "red");
    World world;
    world.put(tenant("first", {"web"})).put(tenant("naming", {"own", "web"})).put(selecting);
    world.ns("web", {{"team", "red"}}).ns("own");
    CHECK(
        world.has_problem("Tenant naming spec.namespaces[1]", "claims namespace web too; it belongs to Tenant first"));
    CHECK(world.has_problem("Tenant selecting spec.namespaceSelector", "belongs to Tenant first"));
    CHECK(world.desired().problems.size() == 2);
}

TEST_CASE("two Tenants that name a namespace are rivals before it exists") {
    World world;
    world.put(tenant("a", {"web", "web"})).put(tenant("b", {"web"}));
    CHECK(world.has_problem("Tenant b spec.namespaces[0]", "belongs to Tenant a"));
    CHECK(world.desired().problems.size() == 1);
}

TEST_CASE("the strictest voice sets the level, and silence says nothing") {
    const auto level = [](const char* value) { return state::Labels{{"bulkhead.dev/level", value}}; };
    state::Labels child = level("non-protected");
    child["web.tree.hnc.x-k8s.io/depth"] = "0";
    child["mid.tree.hnc.x-k8s.io/depth"] = "1";
    child["root.tree.hnc.x-k8s.io/depth"] = "2";

    CHECK(found_in({ns("web", level("protected"))}).level == kProtected);
    CHECK(found_in({ns("web", level("non-protected")), tenant("t", {"web"}, kProtected)}).level == kProtected);
    CHECK(found_in({ns("web", level("protected")), tenant("t", {"web"}, kOpen)}).level == kProtected);
    CHECK(found_in({ns("web"), tenant("t", {"web"})}).level == kOpen);
    CHECK(found_in({ns("web", child)}) == Found{"hnc/root", kOpen, kEnforce});
    CHECK(found_in({ns("web", child), ns("mid", level("protected"))}).level == kProtected);
    CHECK(found_in({ns("web", child), ns("stranger", level("protected"))}).level == kOpen);
    CHECK(found_in({ns("web", level("Protected"))}, {}, 1).level == kProtected); // invalid: the stricter reading
}

TEST_CASE("the strictest voice sets the mode, and a silent Tenant says the default") {
    const auto audited = ns("web", {{"bulkhead.dev/mode", "audit"}});
    auto silent = tenant("t", {"web"});
    auto auditing = silent;
    auditing.mode = kAudit;
    Settings lenient;
    lenient.default_mode = kAudit;

    CHECK(found_in({ns("web")}).mode == kEnforce);
    CHECK(found_in({audited}).mode == kAudit);
    CHECK(found_in({audited, silent}).mode == kEnforce);
    CHECK(found_in({audited, auditing}).mode == kAudit);
    CHECK(found_in({ns("web")}, lenient).mode == kAudit);
    CHECK(found_in({ns("web", {{"bulkhead.dev/mode", "enforce"}}), silent}, lenient).mode == kEnforce);
    CHECK(found_in({ns("web", {{"bulkhead.dev/mode", "off"}})}, lenient, 1).mode == kEnforce);
}
