// SPDX-License-Identifier: Apache-2.0
//
// What objects open, asked through the rule itself. blog (10.0.1.x, open), payments (10.0.2.x,
// protected), accounts (10.0.3.x, protected); each row has its near miss.
#include "compile_world.h"
#include "state/labels.h"

using namespace bulkhead;
using namespace bulkhead::test;
using state::PodTemplate;

namespace {

constexpr const char* kBlog = "10.0.1.1";
constexpr const char* kPayments = "10.0.2.1";
constexpr const char* kDatabase = "10.0.2.2"; // of payments, app=db
constexpr const char* kAccounts = "10.0.3.1";
constexpr const char* kStranger = "198.51.100.7";

PodTemplate app(std::string name, std::vector<state::ContainerPort> ports = {}) {
    PodTemplate common;
    common.labels = {{"app", std::move(name)}};
    common.service_account = "default";
    common.ports = std::move(ports);
    return common;
}

state::Tenant payments() {
    return tenant("payments", {"payments"}, state::Level::kProtected);
}

World cluster_with(const state::Tenant& payments_object) {
    World world;
    world.ns("blog").ns("payments").protect("accounts");
    world.put(payments_object).put(tenant("blog", {"blog"}));
    world.pod("blog/web", {kBlog}, app("web"));
    world.pod("payments/api", {kPayments}, app("api", {{"http", BH_TCP, 8080}, {"metrics", BH_TCP, 9100}}));
    world.pod("payments/db", {kDatabase}, app("db"));
    world.pod("accounts/api", {kAccounts}, app("api"));
    return world;
}

} // namespace

TEST_CASE("nothing opens a protected pod to strangers, and everything else is open") {
    auto world = cluster_with(payments());
    CHECK(world.ask(kBlog, kPayments) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kStranger, kPayments) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kAccounts, kPayments) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kDatabase, kPayments) == BH_REASON_SAME_TENANT);
    CHECK(world.ask(kPayments, kPayments) == BH_REASON_SELF);
    CHECK(world.ask(kPayments, kBlog) == BH_REASON_OPEN);
    CHECK(world.ask(kPayments, kStranger) == BH_REASON_OPEN);
    CHECK(world.desired().armed);
}

TEST_CASE("audit mode reports what would be denied and arms nothing") {
    auto object = payments();
    object.mode = state::Mode::kAudit;
    World world;
    world.ns("payments").put(object).pod("payments/api", {kPayments});
    CHECK(world.ask(kStranger, kPayments) == BH_REASON_AUDIT);
    CHECK_FALSE(world.desired().armed);
}

TEST_CASE("a Tenant's expose opens ports of the selected pods to everybody") {
    auto object = payments();
    object.expose = {opening({port(443), port_named("http")}, label_is("app", "api"))};
    auto world = cluster_with(object);
    CHECK(world.ask(kStranger, kPayments, 443) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kPayments, 8080) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kPayments, 444) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBlog, kPayments, 443, BH_UDP) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBlog, kDatabase, 443) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("an expose without ports opens every protocol and port") {
    auto object = payments();
    object.expose = {opening({}, label_is("app", "db"))};
    auto world = cluster_with(object);
    CHECK(world.ask(kBlog, kDatabase, 0, BH_ICMP) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kDatabase, 9999, BH_SCTP) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kPayments, 0, BH_ICMP) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("an address of which two pods are told is the younger one's, whatever their names") {
    auto world = cluster_with(payments());
    for (const bool payments_is_younger : {true, false}) {
        CAPTURE(payments_is_younger);
        auto old_one = pod("payments/gone", "node-c", {}, {address("10.0.9.1")});
        auto new_one = pod("zeta/here", "node-b", {}, {address("10.0.9.1")});
        old_one.created = state::Time(std::chrono::seconds(payments_is_younger ? 300 : 100));
        new_one.created = state::Time(std::chrono::seconds(200));
        world.ns("zeta").put(old_one).put(new_one);
        CHECK(world.ask("10.0.9.1", kPayments) ==
              (payments_is_younger ? BH_REASON_SAME_TENANT : BH_REASON_NOT_GRANTED));
    }
}

TEST_CASE("an address of which two pods are told is that one's which came later, however long it had waited before") {
    auto world = cluster_with(payments());
    for (const int64_t since : {0, 150, 199, 201, 5000}) {
        CAPTURE(since);
        auto dead = pod("payments/gone", "node-c", {}, {address("10.0.9.1")});
        auto waited = pod("zeta/here", "node-b", {}, {address("10.0.9.1")});
        dead.created = state::Time(std::chrono::seconds(200));
        waited.created = state::Time(std::chrono::seconds(100));
        if (since != 0) waited.since = state::Time(std::chrono::seconds(since));
        world.ns("zeta").put(dead).put(waited);
        CHECK(world.ask("10.0.9.1", kPayments) == (since > 200 ? BH_REASON_NOT_GRANTED : BH_REASON_SAME_TENANT));
    }
}

TEST_CASE("of whom it is not known whether a label is there, no selector that asks for it means") {
    auto object = payments();
    auto not_batch = state::Selector{{{.key = "tier", .op = state::Selector::Term::Op::kNotIn, .values = {"batch"}}}};
    object.allow_from = {grant({from_tenant("blog", not_batch)})};
    auto world = cluster_with(object);
    CHECK(world.ask(kBlog, kPayments) == BH_REASON_GRANTED);
    auto common = app("web");
    common.known_labels = {"app"};
    world.pod("blog/web", {kBlog}, common);
    CHECK(world.ask(kBlog, kPayments) == BH_REASON_NOT_GRANTED);
    common.known_labels = {"app", "tier"};
    world.pod("blog/web", {kBlog}, common);
    CHECK(world.ask(kBlog, kPayments) == BH_REASON_GRANTED);
}

TEST_CASE("a pod's annotation exposes its good words and reports the bad") {
    auto world = cluster_with(payments());
    auto common = app("api", {{"http", BH_TCP, 8080}});
    common.expose = "8443/TCP, http, 9000-9010/UDP, nosuch, 70000, 5-4";
    world.pod("payments/api", {kPayments}, common);
    CHECK(world.ask(kBlog, kPayments, 8443) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kPayments, 8080) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kPayments, 9010, BH_UDP) == BH_REASON_EXPOSED);
    CHECK(world.ask(kBlog, kPayments, 9011, BH_UDP) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBlog, kPayments, 9000) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBlog, kDatabase, 8443) == BH_REASON_NOT_GRANTED);
    for (const auto* word : {"nosuch", "70000", "5-4"})
        CHECK(world.has_problem("Pod payments/api metadata.annotations[bulkhead.dev/expose]",
                                std::string("\"") + word + "\""));
}

TEST_CASE("the bad words of an annotation are reported, also of a pod whose namespace is not known") {
    World world;
    auto common = app("api");
    common.expose = "99999, foo/BAR, http";
    world.pod("nowhere/api", {kPayments}, common);
    for (const auto* word : {"99999", "foo/BAR", "http"})
        CHECK(world.has_problem("Pod nowhere/api metadata.annotations[bulkhead.dev/expose]",
                                std::string("\"") + word + "\""));
}

TEST_CASE("names that mean nobody are reported where they are written, those that will do are not") {
    auto object = payments();
    object.allow_from = {grant({from_tenant("blog"), from_tenant("nosuch")}),
                         grant({from_namespace("nosuchns"), from_namespace("blog")})};
    object.confined = true;
    object.allow_to = {{.to = {state::ResourcePeer{"nosuchresource"}, from_tenant("ns/other")}, .ports = {}}};
    auto lost = named<state::AccessGrant>("lost", "nowhere");
    lost.grant = grant({from_tenant("blog")});
    World world;
    world.put(object).put(lost).ns("payments").ns("blog", {{"bulkhead.dev/tenant", "blog"}}).ns("other");
    world.put(resource("owned", {"10.9.0.1"}, "blog")).put(resource("lost", {"10.9.0.2"}, "bolg"));

    const std::string tenant = "Tenant payments spec.";
    CHECK(world.has_problem(tenant + "allowFrom[0].from[1].tenant", "there is no tenant nosuch"));
    CHECK(world.has_problem(tenant + "allowFrom[1].from[0].namespace", "there is no namespace nosuchns"));
    CHECK(world.has_problem(tenant + "allowTo[0].to[0].awsResource", "there is no AWSResource nosuchresource"));
    CHECK(world.has_problem("AccessGrant nowhere/lost metadata.namespace", "there is no namespace nowhere"));
    CHECK(world.has_problem("AWSResource lost spec.tenant", "there is no tenant bolg"));
    CHECK(world.desired().problems.size() == 5);
    for (const auto& problem : world.desired().problems)
        CHECK(problem.nature == state::Problem::Nature::kMissing);
}

TEST_CASE("a Tenant can forbid its pods to expose and its namespaces to grant") {
    auto object = payments();
    object.pod_expose = false;
    object.access_grants = false;
    auto world = cluster_with(object);
    auto common = app("api");
    common.expose = "8443";
    world.pod("payments/api", {kPayments}, common);
    auto grants = named<state::AccessGrant>("all", "payments");
    grants.grant = grant({from_tenant("blog")});
    world.put(grants);
    CHECK(world.ask(kBlog, kPayments, 8443) == BH_REASON_NOT_GRANTED);
    CHECK(world.has_problem("Pod payments/api", "does not let its pods expose"));
    CHECK(world.has_problem("AccessGrant payments/all spec", "does not let its namespaces grant"));
}

TEST_CASE("allowFrom grants named peers named ports, until its date") {
    auto object = payments();
    object.allow_from = {grant({from_tenant("blog")}, {port(80, 90)})};
    object.allow_from[0].to.pods = label_is("app", "api");
    object.allow_from[0].until = state::Time(std::chrono::seconds(1000));
    object.allow_from[0].reason = "monthly close";
    auto world = cluster_with(object);
    CHECK(world.ask(kBlog, kPayments, 90) == BH_REASON_GRANTED);
    CHECK(world.ask(kBlog, kPayments, 91) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBlog, kDatabase, 90) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kAccounts, kPayments, 90) == BH_REASON_NOT_GRANTED);
    const auto rows = world.desired().openings.at({world.id(kPayments), world.id(kBlog)});
    CHECK(world.desired().origins.at(rows.at(0).origin) == "Tenant payments spec.allowFrom[0]: monthly close");
    world.now = state::Time(std::chrono::seconds(999));
    CHECK(world.ask(kBlog, kPayments, 90) == BH_REASON_GRANTED);
    world.now += std::chrono::seconds(1);
    CHECK(world.ask(kBlog, kPayments, 90) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("a tenant as a peer may be narrowed by its pods' labels and is told apart by its source") {
    auto object = payments();
    object.allow_from = {grant({from_tenant("blog", label_is("app", "job")), from_tenant("ns/accounts")}, {port(80)})};
    auto world = cluster_with(object);
    world.pod("blog/job", {"10.0.1.2"}, app("job")).ns("trap", {{"capsule.clastix.io/tenant", "blog"}});
    world.pod("trap/job", {"10.0.4.1"}, app("job"));
    CHECK(world.ask("10.0.1.2", kPayments) == BH_REASON_GRANTED);
    CHECK(world.ask(kAccounts, kPayments) == BH_REASON_GRANTED);
    CHECK(world.ask(kBlog, kPayments) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.4.1", kPayments) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("an AccessGrant opens pods of its own namespace to one ServiceAccount") {
    auto world = cluster_with(payments());
    auto object = named<state::AccessGrant>("reports", "payments");
    object.grant = grant({from_namespace("blog", "reporter")}, {port(80)});
    object.grant.to.pods = label_is("app", "api");
    auto reporter = app("web");
    reporter.service_account = "reporter";
    world.put(object).pod("blog/reporter", {"10.0.1.9"}, reporter);
    CHECK(world.ask("10.0.1.9", kPayments) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.1.9", kPayments, 81) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.9", kDatabase) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.1.9", kAccounts) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBlog, kPayments) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("trust reaches protected pods on its ports, but neither sealed tenants nor resources") {
    auto monitoring = tenant("monitoring", {"monitoring"});
    monitoring.trusted = {opening({port_named("metrics"), port(9999)}, label_is("app", "prometheus"))};
    auto sealed = tenant("vault", {"vault"}, state::Level::kProtected);
    sealed.sealed = true;
    auto world = cluster_with(payments());
    world.ns("monitoring").ns("vault").put(monitoring).put(sealed).put(resource("aurora", {"10.9.0.1"}, "payments"));
    world.pod("monitoring/prometheus", {"10.0.5.1"}, app("prometheus")).pod("monitoring/other", {"10.0.5.2"}, app("x"));
    world.pod("vault/store", {"10.0.6.1"}, app("api", {{"metrics", BH_TCP, 9100}}));
    CHECK(world.ask("10.0.5.1", kPayments, 9100) == BH_REASON_TRUSTED); // the name, as that pod has it
    CHECK(world.ask("10.0.5.1", kDatabase, 9100) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.5.1", kDatabase, 9999) == BH_REASON_TRUSTED);
    CHECK(world.ask("10.0.5.2", kDatabase, 9999) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.5.1", "10.0.6.1", 9100) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.5.1", "10.0.6.1", 9999) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.5.1", "10.9.0.1", 9999) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("an allowTo of a Tenant that isn't confined is reported: it restricts nothing") {
    auto tunnel = tenant("tunnel", {"tunnel"});
    tunnel.allow_to = {{{from_tenant("blog")}, {port(80)}}};
    auto silent = tenant("silent", {"silent"});
    World world;
    world.ns("tunnel").ns("silent").ns("blog", {{"bulkhead.dev/tenant", "blog"}}).ns("other");
    world.pod("tunnel/a", {"10.0.1.1"}).pod("other/a", {"10.0.1.2"}).put(tunnel).put(silent);
    CHECK(world.ask("10.0.1.1", "10.0.1.2") == BH_REASON_OPEN);
    CHECK(world.has_problem("Tenant tunnel spec.allowTo", "restricts nothing: the Tenant isn't confined"));
    CHECK(world.desired().problems.size() == 1);
    tunnel.confined = true;
    world.put(tunnel);
    CHECK(world.ask("10.0.1.1", "10.0.1.2") == BH_REASON_CONFINED);
    CHECK(world.desired().problems.empty());
}

TEST_CASE("a confined tenant reaches itself, cluster DNS and its allowTo") {
    auto tunnel = tenant("tunnel", {"tunnel"});
    tunnel.confined = true;
    tunnel.allow_to = {{{from_tenant("blog")}, {port(80)}}, {{state::CidrPeer{cidr("203.0.113.0/24")}}, {port(443)}}};
    auto settings = settings_of("node-a");
    settings.dns_addresses = {address("10.100.0.10")};
    World world(settings);
    world.ns("tunnel").ns("blog").put(tunnel).put(tenant("blog", {"blog"})).put(named<state::Node>("node-a"));
    world.pod("tunnel/a", {"10.0.7.1"}).pod("tunnel/b", {"10.0.7.2"}).pod("blog/web", {kBlog});
    auto node = named<state::Node>("node-b");
    node.addresses = {address("10.0.0.1")};
    world.put(node);
    CHECK(world.ask("10.0.7.1", "10.0.7.2") == BH_REASON_OPEN);
    CHECK(world.ask("10.0.7.1", "10.100.0.10", 53, BH_UDP) == BH_REASON_OPEN);
    CHECK(world.ask("10.0.7.1", "169.254.170.23") == BH_REASON_OPEN);
    CHECK(world.ask("10.0.7.1", kBlog, 80) == BH_REASON_OPEN);
    CHECK(world.ask("10.0.7.1", "203.0.113.5", 443) == BH_REASON_OPEN);
    CHECK(world.ask("10.0.7.1", kBlog, 81) == BH_REASON_CONFINED);
    CHECK(world.ask("10.0.7.1", "203.0.114.5", 443) == BH_REASON_CONFINED);
    CHECK(world.ask("10.0.7.1", "10.0.0.1") == BH_REASON_CONFINED);
    CHECK(world.ask(kBlog, "10.0.7.1") == BH_REASON_OPEN);
    CHECK(world.desired().armed);
}

TEST_CASE("world and CIDRs are neither pods nor nodes") {
    auto object = payments();
    object.allow_from = {
        grant({state::WorldPeer{}}, {port(443)}),
        grant({state::CidrPeer{cidr("10.0.0.0/16")}, state::CidrPeer{cidr("198.51.100.0/24")}}, {port(22)})};
    auto world = cluster_with(object);
    auto node = named<state::Node>("node-b");
    node.addresses = {address("10.0.0.1")};
    world.put(node);
    CHECK(world.ask(kStranger, kPayments, 443) == BH_REASON_GRANTED);
    CHECK(world.ask(kStranger, kPayments, 22) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.200.1", kPayments, 22) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.200.1", kPayments, 443) == BH_REASON_GRANTED);
    for (const uint16_t to : {uint16_t{22}, uint16_t{443}}) {
        CHECK(world.ask(kBlog, kPayments, to) == BH_REASON_NOT_GRANTED);
        CHECK(world.ask("10.0.0.1", kPayments, to) == BH_REASON_NOT_GRANTED);
    }
}

TEST_CASE("port ranges that touch become one row, and a list beyond the kernel's room is cut and reported") {
    auto object = payments();
    object.allow_from = {grant({from_tenant("blog")}, {port(80), port(81, 90), port(85, 100)})};
    auto world = cluster_with(object);
    CHECK(world.desired().openings.at({world.id(kPayments), world.id(kBlog)}).size() == 1);
    for (uint16_t number = 1000; number < 1400; number = static_cast<uint16_t>(number + 2))
        object.allow_from[0].ports.push_back(port(number));
    world.put(object);
    const auto& rows = world.desired().openings.at({world.id(kPayments), world.id(kBlog)});
    CHECK(rows.size() == BH_OPENINGS_PER_BLOCK * BH_OPENING_PARTS);
    CHECK(world.has_problem("Tenant payments spec.allowFrom[0]",
                            "201 port ranges open pods of payments to pods of blog"));
    CHECK(world.desired().problems.front().origin == "test");
    CHECK(world.ask(kBlog, kPayments, 1000) == BH_REASON_GRANTED);
    CHECK(world.ask(kBlog, kPayments, 1398) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("an annotation that is beyond the kernel's room is reported at the first pod that has it") {
    auto common = app("api");
    for (int number = 1000; number < 1400; number += 2)
        common.expose += std::to_string(number) + ",";
    auto world = cluster_with(payments());
    world.pod("payments/two", {"10.0.2.2"}, common).pod("payments/one", {kPayments}, common);
    CHECK(world.has_problem("Pod payments/one metadata.annotations[bulkhead.dev/expose]", "200 port ranges open"));
    CHECK(world.desired().problems.front().origin == "test");
}

TEST_CASE("flags say which rows can exist, so that a look-up is made only where it may find one") {
    auto object = payments();
    object.allow_from = {grant({from_tenant("blog")}, {port(80)})};
    object.expose = {opening({port(443)}, label_is("app", "db"))};
    auto world = cluster_with(object);
    constexpr uint32_t kAsk = BH_ASK_TO | BH_ASK_TO_FROM | BH_ASK_FROM | BH_ASK_FROM_TO;
    CHECK((world.identity(kPayments).flags & kAsk) == BH_ASK_TO_FROM);
    CHECK((world.identity(kDatabase).flags & kAsk) == (BH_ASK_TO | BH_ASK_TO_FROM));
    CHECK((world.identity(kBlog).flags & kAsk) == 0);
    CHECK((world.identity(kAccounts).flags & kAsk) == 0);
}

namespace {

/// As bulkhead-controller says it of a webhook's Service.
state::IdentitySlice reach_of(const std::string& ns, uint16_t port) {
    auto slice = named<state::IdentitySlice>(std::string(state::kReachSlice));
    slice.reach = {{.origin = "server",
                    .ns = ns,
                    .service = "admit",
                    .pods = label_is("app", "admit"),
                    .ports = {{.protocol = BH_TCP, .first = port, .last = port, .name = ""}}}};
    return slice;
}

} // namespace

TEST_CASE("the API server reaches the pods that it calls, on those ports, whatever their Tenant says of AccessGrants") {
    World world;
    auto closed = tenant("hooks", {"hooks"}, state::Level::kProtected);
    closed.access_grants = closed.pod_expose = false;
    state::PodTemplate admit;
    admit.labels = {{"app", "admit"}};
    state::EndpointSlice server = named<state::EndpointSlice>("kubernetes", "default");
    server.service = "kubernetes";
    server.addresses = {address("10.0.0.200")};
    world.ns("hooks").protect("bank").put(closed).put(server);
    world.pod("hooks/admit", {"10.0.1.1"}, admit)
        .pod("hooks/other", {"10.0.1.2"})
        .pod("bank/admit", {"10.0.1.3"}, admit);
    CHECK(world.ask("10.0.0.200", "10.0.1.1", 8443) == BH_REASON_NOT_GRANTED);

    world.put(reach_of("hooks", 8443));
    CHECK(world.ask("10.0.0.200", "10.0.1.1", 8443) == BH_REASON_GRANTED);
    CHECK(world.ask("10.0.0.200", "10.0.1.1", 8442) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.0.200", "10.0.1.1", 8443, BH_UDP) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask("10.0.0.200", "10.0.1.2", 8443) == BH_REASON_NOT_GRANTED); // another pod there
    CHECK(world.ask("10.0.0.200", "10.0.1.3", 8443) == BH_REASON_NOT_GRANTED); // such a pod elsewhere
    CHECK(world.ask("10.0.0.201", "10.0.1.1", 8443) == BH_REASON_NOT_GRANTED); // not the API server

    world.cluster.remove({.kind = "IdentitySlice", .ns = "", .name = std::string(state::kReachSlice)});
    CHECK(world.ask("10.0.0.200", "10.0.1.1", 8443) == BH_REASON_NOT_GRANTED);
}
