// SPDX-License-Identifier: Apache-2.0
#include "compile/tenancy.h"

#include <algorithm>

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

/// Without those about what isn't there.
size_t count(const std::vector<state::Problem>& problems) {
    return problems.size() -
           static_cast<size_t>(std::ranges::count(problems, state::Problem::Nature::kMissing, &state::Problem::nature));
}

/// Of the namespace called "web".
Found found_in(const std::vector<state::Object>& objects, const Settings& settings = {}, size_t problems = 0) {
    state::Cluster cluster;
    for (const auto& object : objects)
        cluster.put(object);
    std::vector<state::Problem> reported;
    compile::SourcesByOwner sources;
    const Tenancy tenancy(cluster, settings, reported, sources);
    CHECK(count(reported) == problems);
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
    CHECK(count(world.desired().problems) == 1);
}

TEST_CASE("a namespace that a Tenant names and that isn't there is reported as missing, until it is there") {
    World world;
    world.ns("payments").put(tenant("t", {"payments", "paymnets"}));
    CHECK(world.has_problem("Tenant t spec.namespaces[1]", "there is no namespace paymnets"));
    REQUIRE(world.desired().problems.size() == 1);
    CHECK(world.desired().problems.front().nature == state::Problem::Nature::kMissing);
    world.ns("paymnets");
    CHECK(world.desired().problems.empty());
}

TEST_CASE("a selector that selects no namespace is reported as missing one, also if the Tenant names some") {
    auto selecting = tenant("t", {"payments"});
    selecting.namespace_selector = label_is("team", "red");
    World world;
    world.ns("payments", {{"team", "rde"}}).put(selecting);
    CHECK(world.has_problem("Tenant t spec.namespaceSelector", "selects no namespace"));
    REQUIRE(world.desired().problems.size() == 1);
    CHECK(world.desired().problems.front().nature == state::Problem::Nature::kMissing);
    world.ns("payments", {{"team", "red"}});
    CHECK(world.desired().problems.empty());
    selecting.namespace_selector = state::Selector{}; // all
    world.put(selecting);
    CHECK(world.desired().problems.empty());
    world.put(tenant("t", {"payments"})); // absent: none, and nobody misses any
    CHECK(world.desired().problems.empty());
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

TEST_CASE("a protected namespace without any tenant is reported: its own pods are strangers to each other") {
    auto settings = settings_of("node-a");
    settings.tenant_sources = {TenantSource::kTenantObject, TenantSource::kLabel};
    const state::Labels strict{{"bulkhead.dev/level", "protected"}};
    World world(settings);
    world.ns("web", strict).ns("open").ns("named", {{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/tenant", "t"}});
    world.pod("web/a", {"10.0.1.1"}).pod("web/b", {"10.0.1.2"});
    CHECK(world.ask("10.0.1.1", "10.0.1.2") == BH_REASON_NOT_GRANTED);
    CHECK(world.has_problem("Namespace web", "belongs to no tenant: its own pods are strangers to each other"));
    CHECK(world.desired().problems.size() == 1);

    settings.tenant_sources.insert(TenantSource::kNamespace);
    World usual(settings);
    usual.ns("web", strict).pod("web/a", {"10.0.1.1"}).pod("web/b", {"10.0.1.2"});
    CHECK(usual.ask("10.0.1.1", "10.0.1.2") == BH_REASON_SAME_TENANT);
    CHECK(usual.desired().problems.empty());

    settings.tenant_sources = {};
    settings.keep_open = {"web"};
    World kept(settings);
    kept.ns("web", strict);
    CHECK_FALSE(kept.has_problem("Namespace web", "no tenant"));
}

TEST_CASE("a label of ours that doesn't exist is reported where it is written; those of others are nobody's business") {
    World world;
    world.ns("web", {{"bulkhead.dev/levle", "protected"},
                     {"bulkhead.dev/mode", "audit"},
                     {"bulkhead.devs/level", "x"},
                     {"a.bulkhead.dev/level", "x"},
                     {"bulkhead.dev", "x"},
                     {"level", "protected"}});
    CHECK(world.has_problem("Namespace web metadata.labels[bulkhead.dev/levle]", "there is no such label"));
    REQUIRE(world.desired().problems.size() == 1);
    CHECK(world.desired().problems.front().nature == state::Problem::Nature::kMistake);
    world.ns("web",
             {{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/tenant", "t"}, {"bulkhead.dev/mode", "audit"}});
    CHECK(world.desired().problems.empty());
}

TEST_CASE("a thousand labels that don't exist are told by a few, and by their number") {
    state::Labels labels;
    for (int i = 0; i < 1000; ++i)
        labels["bulkhead.dev/x" + std::to_string(i)] = "";
    World world;
    world.ns("web", labels);
    CHECK(world.desired().problems.size() == 11);
    CHECK(world.has_problem("Namespace web metadata.labels", "so it is with 990 more labels"));
}

namespace {

Settings keeping_open(const std::string& ns) {
    Settings settings = settings_of("node-a");
    settings.keep_open = {ns};
    return settings;
}

} // namespace

TEST_CASE("a namespace that is kept open is never protected, whoever says it, and keeps its tenant and mode") {
    const state::Labels strict{{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/mode", "audit"}};
    const auto labelled = ns("web", strict);
    const auto child = ns("web", {{"root.tree.hnc.x-k8s.io/depth", "1"}});
    const auto declared = tenant("t", {"web"}, kProtected);

    CHECK(found_in({labelled}, keeping_open("web"), 1) == Found{"ns/web", kOpen, kAudit});
    CHECK(found_in({ns("web", {{"bulkhead.dev/level", "Protected"}})}, keeping_open("web"), 2).level == kOpen);
    CHECK(found_in({child, ns("root", strict)}, keeping_open("web"), 1) == Found{"hnc/root", kOpen, kAudit});
    CHECK(found_in({ns("web"), declared}, keeping_open("web"), 1) == Found{"t", kOpen, kEnforce});
    CHECK(found_in({ns("web"), declared, tenant("u", {"web"}, kProtected)}, keeping_open("web"), 3).level == kOpen);
    CHECK(found_in({ns("web", {{"bulkhead.dev/tenant", "t"}}), tenant("t", {}, kProtected)}, keeping_open("web"), 2) ==
          Found{"ns/web", kOpen, kEnforce});
    for (const char* other : {"we", "web-1", "ns/web", ""}) { // near misses
        CAPTURE(other);
        CHECK(found_in({labelled}, keeping_open(other)).level == kProtected);
        CHECK(found_in({child, ns("root", strict)}, keeping_open(other)).level == kProtected);
    }
    CHECK(found_in({child, ns("root", strict)}, keeping_open("root"), 1).level == kProtected);
}

TEST_CASE("who calls a namespace protected that is kept open is told, with what is in force instead") {
    const state::Labels strict{{"bulkhead.dev/level", "protected"}};
    auto confining = tenant("t", {"web", "api"}, kProtected);
    confining.confined = true;
    World world(keeping_open("web"));
    world.ns("web", {{"bulkhead.dev/level", "protected"}, {"root.tree.hnc.x-k8s.io/depth", "1"}});
    world.ns("root", strict).ns("api", strict).put(confining);
    const std::string open = "namespace web is kept open, so it is non-protected; take it out of keep-open to force";
    CHECK(world.has_problem("Namespace web metadata.labels[bulkhead.dev/level]", open));
    CHECK(world.has_problem("Namespace root metadata.labels[bulkhead.dev/level]", open));
    CHECK(world.has_problem("Tenant t spec.level", open));
    CHECK(world.has_problem("Tenant t spec.confined", "namespace web is kept open, so it is not confined"));
    CHECK(world.desired().problems.size() == 4);
    CHECK(world.desired().sources.at("web").level == "the agent's setting keep-open");
    CHECK(world.desired().sources.at("api").level == "Tenant t spec.level");
}

TEST_CASE("nobody is told of a namespace that is kept open and of which nobody says anything strict") {
    World world(keeping_open("web"));
    auto lenient = tenant("t", {"web"}, kOpen);
    lenient.sealed = true;
    world.ns("web", {{"bulkhead.dev/level", "non-protected"}}).protect("api").put(lenient);
    CHECK(world.desired().problems.empty());
    CHECK(world.desired().sources.at("api").level == "Namespace api label bulkhead.dev/level");
}

TEST_CASE("pods of a namespace that is kept open are reached and reach others, those of its neighbours don't") {
    auto confining = tenant("t", {"web", "api"}, kProtected);
    confining.confined = true;
    World world(keeping_open("web"));
    world.ns("web").ns("api").ns("blog").protect("bank").put(confining);
    world.pod("web/a", {"10.0.1.1"}).pod("api/a", {"10.0.1.2"}).pod("blog/a", {"10.0.1.3"}).pod("bank/a", {"10.0.1.4"});
    CHECK(world.ask("10.0.1.3", "10.0.1.1") == BH_REASON_OPEN);
    CHECK(world.ask("10.0.1.3", "10.0.1.2") == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "10.0.1.3") == BH_REASON_OPEN);
    CHECK(world.ask("10.0.1.2", "10.0.1.3") == BH_REASON_CONFINED);
    CHECK(world.ask("10.0.1.1", "10.0.1.4") == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.1", "10.0.1.2") == BH_REASON_SAME_TENANT);
}

TEST_CASE("where one change takes a namespace out of a tenant and another in, that one waits until it is gone") {
    World world;
    for (const auto* name : {"old", "new", "stays"})
        world.ns(name);
    world.put(tenant("t", {"old", "stays"}, kProtected)).put(tenant("u", {"new"}, kProtected));
    world.pod("old/a", {"10.0.1.1"}).pod("new/a", {"10.0.1.2"}).pod("stays/a", {"10.0.1.3"});
    world.desired();
    auto& compiler = world.compiler();
    const auto tenant_of = [&](const std::string& text) {
        const auto& desired = compiler.desired();
        return desired.tenants.at(desired.identities.at(compile::identity_of(desired, address(text))).tenant);
    };
    world.put(tenant("t", {"new", "stays"}, kProtected)).put(tenant("u", {"old"}, kProtected));
    compiler.update(world.cluster, world.cluster.take_changes());
    REQUIRE(compiler.is_halfway());
    CHECK(tenant_of("10.0.1.1") == "moving/old");
    CHECK(tenant_of("10.0.1.2") == "moving/new");
    CHECK(tenant_of("10.0.1.3") == "t");
    compiler.update(world.cluster, {});
    CHECK_FALSE(compiler.is_halfway());
    CHECK(tenant_of("10.0.1.1") == "u");
    CHECK(tenant_of("10.0.1.2") == "t");

    world.put(tenant("u", {})); // only out, or only in, takes no step more
    compiler.update(world.cluster, world.cluster.take_changes());
    CHECK_FALSE(compiler.is_halfway());
    world.put(tenant("t", {"new", "stays", "old"}, kProtected));
    compiler.update(world.cluster, world.cluster.take_changes());
    CHECK_FALSE(compiler.is_halfway());
    CHECK(tenant_of("10.0.1.1") == "t");
}
