// SPDX-License-Identifier: Apache-2.0
//
// Who says what a namespace or a resource is, told to people.
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using compile::Sources;
using state::Mode;

namespace {

/// Of the namespace or resource `owner`.
Sources found_in(const std::vector<state::Object>& objects, const std::string& owner = "web") {
    World world;
    for (const auto& object : objects)
        world.put(object);
    return world.desired().sources.at(owner);
}

state::Tenant with_mode(state::Tenant tenant, Mode mode) {
    tenant.mode = mode;
    return tenant;
}

} // namespace

TEST_CASE("of a namespace about which nobody says anything, everything is by default") {
    CHECK(found_in({ns("web")}) == Sources{"the namespace itself", "by default", "by default"});
    CHECK(found_in({ns("web"), tenant("t", {"web"})}) ==
          Sources{"Tenant t spec.namespaces[0]", "by default", "by default"});
}

TEST_CASE("whoever names the tenant is told") {
    const auto tenant_from = [](const std::vector<state::Object>& objects) { return found_in(objects).tenant; };
    auto selecting = tenant("t", {});
    selecting.namespace_selector = label_is("team", "red");
    const auto labelled = [](const char* label, const char* value) { return ns("web", {{label, value}}); };
    CHECK(tenant_from({labelled("team", "red"), selecting}) == "Tenant t spec.namespaceSelector");
    CHECK(tenant_from({labelled("bulkhead.dev/tenant", "a")}) == "Namespace web label bulkhead.dev/tenant");
    CHECK(tenant_from({labelled("capsule.clastix.io/tenant", "a")}) == "Namespace web label capsule.clastix.io/tenant");
    CHECK(tenant_from({labelled("kiosk.sh/account", "a")}) == "Namespace web label kiosk.sh/account");
    CHECK(tenant_from({labelled("root.tree.hnc.x-k8s.io/depth", "1")}) ==
          "Namespace web label root.tree.hnc.x-k8s.io/depth");
    CHECK(tenant_from({labelled("bulkhead.dev/tenant", "t"), tenant("t", {})}) ==
          "the namespace itself, as Tenant t neither names nor selects it");
    CHECK(tenant_from({labelled("bulkhead.dev/tenant", "a/b")}) ==
          "the namespace itself, as its label bulkhead.dev/tenant is not a tenant's name");
}

TEST_CASE("whoever is the strictest about level and mode is told, also an ancestor or a rival's Tenant") {
    const state::Labels loose{{"bulkhead.dev/level", "non-protected"}, {"bulkhead.dev/mode", "audit"}};
    const state::Labels strict{{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/mode", "enforce"}};
    auto child = loose;
    child["root.tree.hnc.x-k8s.io/depth"] = "1";
    const auto own = found_in({ns("web", loose)});
    CHECK(own.level == "Namespace web label bulkhead.dev/level");
    CHECK(own.mode == "Namespace web label bulkhead.dev/mode");
    const auto inherited = found_in({ns("web", child), ns("root", strict)});
    CHECK(inherited.level == "Namespace root label bulkhead.dev/level (HNC ancestor)");
    CHECK(inherited.mode == "Namespace root label bulkhead.dev/mode (HNC ancestor)");
    const auto declared = found_in({ns("web", loose), with_mode(tenant("a", {"web"}), Mode::kAudit),
                                    with_mode(tenant("b", {"web"}, state::Level::kProtected), Mode::kEnforce)});
    CHECK(declared.tenant == "Tenant a spec.namespaces[0]");
    CHECK(declared.level == "Tenant b spec.level");
    CHECK(declared.mode == "Tenant b spec.mode");
}

TEST_CASE("a default that overrules somebody says why") {
    const auto audited = ns("web", {{"bulkhead.dev/mode", "audit"}});
    CHECK(found_in({audited, tenant("t", {"web"})}).mode == "by default, as Tenant t says none");
    CHECK(found_in({ns("web"), tenant("a", {"web"}), with_mode(tenant("b", {"web"}), Mode::kAudit)}).mode ==
          "by default, as Tenant a says none");
}

TEST_CASE("of a resource only what its object has is named") {
    const std::string owner = "AWSResource aurora";
    auto aurora = resource("aurora", {"10.9.0.1"});
    CHECK(found_in({aurora}, owner) == Sources{"", "by default", "by default"});
    aurora.tenant = "t";
    aurora.says_level = true;
    aurora.mode = Mode::kAudit;
    CHECK(found_in({aurora}, owner) == Sources{owner + " spec.tenant", owner + " spec.level", owner + " spec.mode"});
    CHECK(found_in({aurora, tenant("t", {})}, owner).mode == "by default, as Tenant t says none");
    CHECK(found_in({aurora, with_mode(tenant("t", {}), Mode::kEnforce)}, owner).mode == "Tenant t spec.mode");
}

TEST_CASE("namespaces of one class have reasons of their own") {
    World world;
    world.ns("a", {{"bulkhead.dev/tenant", "t"}, {"bulkhead.dev/level", "protected"}});
    world.ns("b", {{"bulkhead.dev/tenant", "t"}, {"root.tree.hnc.x-k8s.io/depth", "1"}}).protect("root");
    world.pod("a/pod", {"10.0.1.1"}).pod("b/pod", {"10.0.1.2"});
    CHECK(world.id("10.0.1.1") == world.id("10.0.1.2"));
    CHECK(world.desired().sources.at("a").level == "Namespace a label bulkhead.dev/level");
    CHECK(world.desired().sources.at("b").level == "Namespace root label bulkhead.dev/level (HNC ancestor)");
}
