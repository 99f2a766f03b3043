// SPDX-License-Identifier: Apache-2.0
//
// The oracle on namespaces: whose they are and how strict, each sentence with its near miss.
#include "support_oracle_rows.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace bulkhead::state;

TEST_CASE("equal names from different sources are different tenants") {
    const std::vector<Object> objects{
        protected_ns("a", {{"bulkhead.dev/tenant", "payments"}}),
        protected_ns("a2", {{"bulkhead.dev/tenant", "payments"}}),
        protected_ns("b", {{"capsule.clastix.io/tenant", "payments"}}),
        protected_ns("c", {{"kiosk.sh/account", "payments"}}),
        protected_ns("d", {{"payments.tree.hnc.x-k8s.io/depth", "2"}, {"mid.tree.hnc.x-k8s.io/depth", "1"}}),
        protected_ns("e", {{"capsule.clastix.io/tenant", "payments"}, {"kiosk.sh/account", "x"}}),
        protected_ns("payments"),
    };
    const Oracle oracle(objects);
    CHECK(oracle.tenant_of_namespace("a") == "payments");
    CHECK(oracle.tenant_of_namespace("a2") == "payments");
    CHECK(oracle.tenant_of_namespace("b") == "capsule/payments");
    CHECK(oracle.tenant_of_namespace("c") == "kiosk/payments");
    CHECK(oracle.tenant_of_namespace("d") == "hnc/payments");
    CHECK(oracle.tenant_of_namespace("e") == "capsule/payments");
    CHECK(oracle.tenant_of_namespace("payments") == "ns/payments");
}

TEST_CASE("a tenant source that is switched off is passed over") {
    const std::vector<Object> objects{
        ns("a", {{"capsule.clastix.io/tenant", "x"}, {"kiosk.sh/account", "y"}, {"r.tree.hnc.x-k8s.io/depth", "1"}})};
    CHECK(Oracle(objects, {.tenant_sources = {"kiosk", "hnc"}}).tenant_of_namespace("a") == "kiosk/y");
    CHECK(Oracle(objects, {.tenant_sources = {"hnc"}}).tenant_of_namespace("a") == "hnc/r");
    CHECK(Oracle(objects, {.tenant_sources = {}}).tenant_of_namespace("a") == "ns/a");
}

TEST_CASE("a label joins a declared Tenant only where that Tenant claims the namespace") {
    Tenant payments = protected_tenant("payments");
    const Namespace usurper = ns("usurper", {{"bulkhead.dev/tenant", "payments"}, {"kiosk.sh/account", "k"}});
    const std::vector<Object> objects{ns("payments"), usurper, payments, simple_pod("payments/api", "10.0.0.20"),
                                      simple_pod("usurper/web", "10.0.0.30")};
    const Oracle oracle(objects);
    CHECK(oracle.tenant_of_namespace("usurper") == "ns/usurper");
    CHECK(oracle.is_protected_namespace("usurper")); // at the strictest level that anybody says
    check(objects, {{"usurper/web", "payments/api", BH_TCP, 80, "not-granted"}});

    payments.namespaces.push_back("usurper");
    check({ns("payments"), usurper, payments, simple_pod("payments/api", "10.0.0.20"),
           simple_pod("usurper/web", "10.0.0.30")},
          {{"usurper/web", "payments/api", BH_TCP, 80, "same-tenant"}});
}

TEST_CASE("an absent namespaceSelector claims nothing and an empty one everything") {
    auto tenant = named<Tenant>("t");
    CHECK(Oracle({ns("a"), tenant}).tenant_of_namespace("a") == "ns/a");
    tenant.namespace_selector = Selector{};
    CHECK(Oracle({ns("a"), tenant}).tenant_of_namespace("a") == "t");
    tenant.namespace_selector = label_is("kubernetes.io/metadata.name", "a");
    CHECK(Oracle({ns("a"), ns("b"), tenant}).tenant_of_namespace("a") == "t");
    CHECK(Oracle({ns("a"), ns("b"), tenant}).tenant_of_namespace("b") == "ns/b");
}

TEST_CASE("a namespace that two Tenants claim belongs to the older at the stricter level and mode") {
    auto older = named<Tenant>("z-older");
    auto younger = named<Tenant>("a-younger");
    older.namespaces = younger.namespaces = {"shared"};
    older.meta.created = kNow - std::chrono::hours(2);
    younger.meta.created = kNow - std::chrono::hours(1);
    older.mode = Mode::kAudit;
    younger.level = Level::kProtected;
    younger.mode = Mode::kEnforce;
    const Oracle two({ns("shared"), younger, older});
    CHECK(two.tenant_of_namespace("shared") == "z-older");
    CHECK(two.is_protected_namespace("shared"));
    CHECK_FALSE(two.is_audited_namespace("shared"));

    younger.meta.created = older.meta.created;
    CHECK(Oracle({ns("shared"), older, younger}).tenant_of_namespace("shared") == "a-younger");
}

TEST_CASE("a namespace is as strict as the strictest of its Tenant, its HNC ancestors and its own label") {
    const std::string depth = ".tree.hnc.x-k8s.io/depth";
    const Namespace child = ns("child", {{"child" + depth, "0"}, {"root" + depth, "1"}});
    CHECK(Oracle({child, protected_ns("root")}).is_protected_namespace("child"));
    CHECK_FALSE(Oracle({child, ns("root")}).is_protected_namespace("child"));
    CHECK_FALSE(Oracle({child, ns("root"), protected_ns("stranger")}).is_protected_namespace("child"));
    CHECK(Oracle({child}).tenant_of_namespace("child") == "hnc/root");
    auto own = child;
    own.labels["bulkhead.dev/level"] = "non-protected";
    CHECK(Oracle({own, protected_ns("root")}).is_protected_namespace("child"));
    own.labels["bulkhead.dev/level"] = "Protected!"; // invalid: the stricter reading
    CHECK(Oracle({own, ns("root")}).is_protected_namespace("child"));
}

TEST_CASE("mode: the strictest wins and a declared Tenant that is silent says the default") {
    const Namespace audited = protected_ns("payments", {{"bulkhead.dev/mode", "audit"}});
    CHECK(Oracle({audited}).is_audited_namespace("payments"));
    CHECK_FALSE(Oracle({audited, protected_tenant("payments")}).is_audited_namespace("payments"));
    Tenant tenant = protected_tenant("payments");
    tenant.mode = Mode::kAudit;
    CHECK(Oracle({audited, tenant}).is_audited_namespace("payments"));
    CHECK(Oracle({ns("payments"), tenant}).is_audited_namespace("payments"));
    CHECK_FALSE(Oracle({ns("payments", {{"bulkhead.dev/mode", "Audit"}}), tenant}).is_audited_namespace("payments"));
    CHECK(Oracle({ns("x")}, {.default_mode = Mode::kAudit}).is_audited_namespace("x"));
    CHECK_FALSE(Oracle({ns("x")}).is_audited_namespace("x"));
}

TEST_CASE("a namespace that is kept open is neither protected nor confined, and its neighbour is") {
    Tenant tenant = protected_tenant("t");
    tenant.namespaces = {"a", "b"};
    tenant.confined = true;
    const std::vector<Object> objects{ns("a"),
                                      ns("b"),
                                      ns("c"),
                                      tenant,
                                      simple_pod("a/x", "10.0.0.1"),
                                      simple_pod("b/x", "10.0.0.2"),
                                      simple_pod("c/x", "10.0.0.3")};
    const Oracle oracle(objects, {.keep_open = {"a"}});
    CHECK_FALSE(oracle.is_protected_namespace("a"));
    CHECK(oracle.is_protected_namespace("b"));
    const auto line = [&](const std::string& src, const std::string& dst) {
        return oracle.ask({.src = src, .dst = dst, .port = 80})->line;
    };
    CHECK(line("c/x", "a/x") == "open");
    CHECK(line("c/x", "b/x") == "not-granted");
    CHECK(line("a/x", "c/x") == "open");
    CHECK(line("b/x", "c/x") == "confined");
}
