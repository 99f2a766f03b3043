// SPDX-License-Identifier: Apache-2.0
//
// The oracle against the sentences of the design, each with its near miss.
#include <catch2/catch_test_macros.hpp>

#include "support/objects.h"
#include "support/oracle.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace bulkhead::state;

namespace {

struct Row {
    std::string src;
    std::string dst;
    uint8_t protocol;
    uint16_t port;
    std::string line;
};

const Time kNow{std::chrono::seconds(1'800'000'000)};

std::string line_of(const Oracle& oracle, Question question) {
    if (question.time == Time{}) question.time = kNow;
    const auto answer = oracle.ask(question);
    return answer ? std::string(answer->line) : answer.error().text;
}

void check(const std::vector<Object>& objects, const std::vector<Row>& rows, const OracleSettings& settings = {}) {
    const Oracle oracle(objects, settings);
    for (const Row& row : rows) {
        INFO(row.src << " -> " << row.dst << " protocol " << int{row.protocol} << " port " << row.port);
        CHECK(line_of(oracle, {.src = row.src, .dst = row.dst, .protocol = row.protocol, .port = row.port}) ==
              row.line);
    }
}

Pod simple_pod(const std::string& path, const std::string& ip, const std::string& node = "node-a") {
    return pod(path, node, {.labels = {{"app", "web"}}, .service_account = "default"}, {address(ip)});
}

Namespace protected_ns(const std::string& name, Labels labels = {}) {
    labels["bulkhead.dev/level"] = "protected";
    return ns(name, std::move(labels));
}

Node node(const std::string& name, const std::string& ip) {
    auto made = named<Node>(name);
    made.addresses = {address(ip)};
    return made;
}

/// A protected Tenant `name` of the one namespace of the same name.
Tenant protected_tenant(const std::string& name) {
    auto made = named<Tenant>(name);
    made.namespaces = {name};
    made.level = Level::kProtected;
    return made;
}

/// blog (open), payments (Protected, declared), each with a pod; payments' has container ports.
std::vector<Object> shop(Tenant payments) {
    PodTemplate api{.labels = {{"app", "api"}}, .service_account = "default"};
    api.ports = {{"http", BH_TCP, 8080}, {"metrics", BH_TCP, 9090}, {"dns", BH_TCP, 53}, {"dns", BH_UDP, 53}};
    PodTemplate worker{.labels = {{"app", "worker"}}, .service_account = "reports"};
    return {ns("blog"),
            ns("payments"),
            node("node-a", "10.0.0.1"),
            node("node-b", "10.0.1.1"),
            simple_pod("blog/web", "10.0.0.10"),
            pod("blog/worker", "node-b", worker, {address("10.0.1.10")}),
            pod("payments/api", "node-a", api, {address("10.0.0.20")}),
            simple_pod("payments/db", "10.0.1.21", "node-b"),
            std::move(payments)};
}

} // namespace

TEST_CASE("without a single label nothing is protected") {
    check({ns("a"), ns("b"), simple_pod("a/x", "10.0.0.10"), simple_pod("b/y", "10.0.0.11")},
          {{"a/x", "b/y", BH_TCP, 80, "open"},
           {"a/x", "a/x", BH_TCP, 80, "self"},
           {"10.9.9.9", "a/x", BH_ICMP, 0, "open"},
           {"a/x", "10.9.9.9", BH_UDP, 53, "open"}});
}

TEST_CASE("a protected pod is reached by its tenant and its own node and by nobody else") {
    check(shop(protected_tenant("payments")), {
                                                  {"blog/web", "payments/api", BH_TCP, 8080, "not-granted"},
                                                  {"10.9.9.9", "payments/api", BH_TCP, 8080, "not-granted"},
                                                  {"payments/db", "payments/api", BH_TCP, 8080, "same-tenant"},
                                                  {"payments/api", "payments/api", BH_TCP, 8080, "self"},
                                                  {"payments/api", "blog/web", BH_TCP, 80, "open"},
                                                  {"node-a", "payments/api", BH_TCP, 8080, "local-host"},
                                                  {"node-b", "payments/api", BH_TCP, 8080, "not-granted"},
                                                  {"10.0.0.1", "payments/api", BH_ICMP, 0, "local-host"},
                                                  {"node-b", "payments/db", BH_SCTP, 1, "local-host"},
                                              });
}

TEST_CASE("only a packet that the node itself made is local-host") {
    const Oracle oracle(shop(protected_tenant("payments")));
    Question question{.src = "node-a", .dst = "payments/api", .port = 80};
    CHECK(line_of(oracle, question) == "local-host");
    question.made_by_dst_node = false;
    CHECK(line_of(oracle, question) == "not-granted");
    question = {.src = "blog/web", .dst = "payments/api", .port = 80}; // made here, but not the node's address
    CHECK(line_of(oracle, question) == "not-granted");
}

TEST_CASE("a configured probe address is every node's own") {
    check(shop(protected_tenant("payments")),
          {{"169.254.7.127", "payments/api", BH_TCP, 80, "local-host"},
           {"169.254.7.127", "payments/db", BH_TCP, 80, "local-host"},
           {"169.254.7.126", "payments/api", BH_TCP, 80, "not-granted"}},
          {.probe_addresses = {address("169.254.7.127")}});
}

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

TEST_CASE("audit turns not-granted into audit and leaves all other lines") {
    Tenant tenant = protected_tenant("payments");
    tenant.mode = Mode::kAudit;
    tenant.expose = {{{}, {port(443)}}};
    check(shop(tenant), {{"blog/web", "payments/api", BH_TCP, 80, "audit"},
                         {"blog/web", "payments/api", BH_TCP, 443, "exposed"},
                         {"payments/db", "payments/api", BH_TCP, 80, "same-tenant"}});
}

TEST_CASE("a Tenant exposes the ports that it says of the pods that it selects") {
    Tenant tenant = protected_tenant("payments");
    tenant.expose = {{{.namespaces = {}, .pods = label_is("app", "api")},
                      {port(9000, 9010, BH_UDP), port_named("http"), port_named("dns"), ping()}}};
    check(shop(tenant), {{"blog/web", "payments/api", BH_UDP, 8999, "not-granted"},
                         {"blog/web", "payments/api", BH_UDP, 9000, "exposed"},
                         {"blog/web", "payments/api", BH_UDP, 9010, "exposed"},
                         {"blog/web", "payments/api", BH_UDP, 9011, "not-granted"},
                         {"blog/web", "payments/api", BH_TCP, 9000, "not-granted"},
                         {"10.9.9.9", "payments/api", BH_TCP, 8080, "exposed"},
                         {"blog/web", "payments/api", BH_UDP, 8080, "not-granted"},
                         {"blog/web", "payments/api", BH_TCP, 53, "exposed"}, // both ports of that name
                         {"blog/web", "payments/api", BH_UDP, 53, "exposed"},
                         {"blog/web", "payments/api", BH_SCTP, 53, "not-granted"},
                         {"blog/web", "payments/api", BH_ICMP, 0, "exposed"},
                         {"blog/web", "payments/db", BH_UDP, 9000, "not-granted"},
                         {"node-b", "payments/api", BH_TCP, 8080, "exposed"}});
}

TEST_CASE("an expose without ports opens every protocol and port") {
    Tenant tenant = protected_tenant("payments");
    tenant.expose = {{{.namespaces = {}, .pods = label_is("app", "api")}, {}}};
    check(shop(tenant), {{"blog/web", "payments/api", BH_SCTP, 65535, "exposed"},
                         {"blog/web", "payments/api", BH_ICMP, 0, "exposed"},
                         {"blog/web", "payments/db", BH_ICMP, 0, "not-granted"}});
}

TEST_CASE("in an expose annotation the good words count and the bad do not") {
    PodTemplate door{.labels = {}, .service_account = "default", .expose = "", .ports = {{"http", BH_TCP, 8080}}};
    door.expose = " 8443/TCP, http,9000-9010/UDP ,7-5, 70000, 0, 443/tcp, 22/ICMP, -1,,nope";
    std::vector<Object> objects{ns("blog"), simple_pod("blog/web", "10.0.0.10"), protected_ns("pay"),
                                pod("pay/door", "node-a", door, {address("10.0.0.20")})};
    check(objects, {{"blog/web", "pay/door", BH_TCP, 8443, "exposed"},
                    {"blog/web", "pay/door", BH_UDP, 8443, "not-granted"},
                    {"blog/web", "pay/door", BH_TCP, 8080, "exposed"},
                    {"blog/web", "pay/door", BH_UDP, 9000, "exposed"},
                    {"blog/web", "pay/door", BH_UDP, 9010, "exposed"},
                    {"blog/web", "pay/door", BH_UDP, 9011, "not-granted"},
                    {"blog/web", "pay/door", BH_TCP, 9000, "not-granted"},
                    {"blog/web", "pay/door", BH_TCP, 6, "not-granted"},
                    {"blog/web", "pay/door", BH_TCP, 0, "not-granted"},
                    {"blog/web", "pay/door", BH_TCP, 443, "not-granted"},
                    {"blog/web", "pay/door", BH_ICMP, 22, "not-granted"}});

    Tenant strict = protected_tenant("pay");
    strict.pod_expose = false;
    objects.emplace_back(strict);
    check(objects, {{"blog/web", "pay/door", BH_TCP, 8443, "not-granted"}});
}

TEST_CASE("trusted pods reach pods of every tenant but sealed ones, and no AWS resource") {
    auto monitoring = named<Tenant>("monitoring");
    monitoring.namespaces = {"monitoring"};
    monitoring.trusted = {
        {{.namespaces = {}, .pods = label_is("app", "prometheus")}, {port_named("metrics"), port(9100)}}};
    auto aurora = named<AwsResource>("aurora");
    aurora.cidrs = {cidr("10.0.9.0/28")};
    auto objects = shop(protected_tenant("payments"));
    objects.insert(objects.end(), {ns("monitoring"), monitoring, aurora, simple_pod("monitoring/web", "10.0.0.41")});
    objects.emplace_back(pod("monitoring/prom", "node-b", {.labels = {{"app", "prometheus"}}}, {address("10.0.1.40")}));
    check(objects, {{"monitoring/prom", "payments/api", BH_TCP, 9090, "trusted"},
                    {"monitoring/prom", "payments/api", BH_TCP, 9091, "not-granted"},
                    {"monitoring/prom", "payments/api", BH_UDP, 9090, "not-granted"},
                    {"monitoring/prom", "payments/db", BH_TCP, 9090, "not-granted"}, // has no port of that name
                    {"monitoring/prom", "payments/db", BH_TCP, 9100, "trusted"},
                    {"monitoring/web", "payments/db", BH_TCP, 9100, "not-granted"},
                    {"monitoring/prom", "10.0.9.1", BH_TCP, 9100, "not-granted"}});
    std::get<Tenant>(objects[8]).sealed = true;
    check(objects, {{"monitoring/prom", "payments/api", BH_TCP, 9090, "not-granted"},
                    {"payments/db", "payments/api", BH_TCP, 9090, "same-tenant"}});
}

TEST_CASE("a grant names its peer in every form, and only that peer comes in") {
    Tenant tenant = protected_tenant("payments");
    const PodTarget api{.namespaces = {}, .pods = label_is("app", "api")};
    const auto grant = [&](Peer peer, uint16_t number) {
        return Grant{.from = {std::move(peer)}, .to = api, .ports = {port(number)}, .until = {}, .reason = ""};
    };
    tenant.allow_from = {
        grant(TenantPeer{"ns/blog", label_is("app", "worker")}, 1),
        grant(NamespacePeer{.ns = "blog", .pods = {}, .service_account = "reports"}, 2),
        grant(NamespacePeer{.ns = "blog", .pods = label_is("app", "web"), .service_account = {}}, 3),
        grant(ResourcePeer{"nat"}, 4),
        grant(CidrPeer{cidr("10.0.0.0/8")}, 5),
        grant(WorldPeer{}, 6),
        grant(TenantPeer{"blog", {}}, 7), // the label's or the object's tenant: not ns/blog
    };
    auto nat = named<AwsResource>("nat");
    nat.cidrs = {cidr("10.200.0.0/24")};
    auto narrower = named<AwsResource>("narrower");
    narrower.cidrs = {cidr("10.200.0.0/25")};
    auto objects = shop(tenant);
    objects.insert(objects.end(), {nat, narrower});
    check(objects, {{"blog/worker", "payments/api", BH_TCP, 1, "granted"},
                    {"blog/web", "payments/api", BH_TCP, 1, "not-granted"},
                    {"blog/worker", "payments/api", BH_UDP, 1, "not-granted"},
                    {"blog/worker", "payments/db", BH_TCP, 1, "not-granted"},
                    {"blog/worker", "payments/api", BH_TCP, 2, "granted"},
                    {"blog/web", "payments/api", BH_TCP, 2, "not-granted"},
                    {"blog/web", "payments/api", BH_TCP, 3, "granted"},
                    {"blog/worker", "payments/api", BH_TCP, 3, "not-granted"},
                    {"10.200.0.255", "payments/api", BH_TCP, 4, "granted"},
                    {"10.200.0.1", "payments/api", BH_TCP, 4, "granted"}, // all that cover a source count
                    {"10.200.1.0", "payments/api", BH_TCP, 4, "not-granted"},
                    {"10.77.0.1", "payments/api", BH_TCP, 5, "granted"},
                    {"11.77.0.1", "payments/api", BH_TCP, 5, "not-granted"},
                    {"blog/web", "payments/api", BH_TCP, 5, "not-granted"}, // a pod's address, though covered
                    {"node-b", "payments/api", BH_TCP, 5, "not-granted"},   // a node's
                    {"8.8.8.8", "payments/api", BH_TCP, 6, "granted"},
                    {"10.200.0.1", "payments/api", BH_TCP, 6, "granted"},
                    {"blog/web", "payments/api", BH_TCP, 6, "not-granted"},
                    {"node-b", "payments/api", BH_TCP, 6, "not-granted"},
                    {"blog/web", "payments/api", BH_TCP, 7, "not-granted"}});
}

TEST_CASE("a grant with a date ends at that second") {
    Tenant tenant = protected_tenant("payments");
    tenant.allow_from = {{.from = {WorldPeer{}}, .to = {}, .ports = {}, .until = kNow, .reason = ""}};
    const Oracle oracle(shop(tenant));
    Question question{.src = "8.8.8.8", .dst = "payments/api", .port = 1, .time = kNow - std::chrono::seconds(1)};
    CHECK(line_of(oracle, question) == "granted");
    question.time = kNow;
    CHECK(line_of(oracle, question) == "not-granted");
}

TEST_CASE("an AccessGrant opens pods of its own namespace as far as its Tenant lets it") {
    auto mine = named<AccessGrant>("reports", "payments");
    mine.grant.from = {NamespacePeer{.ns = "blog", .pods = {}, .service_account = "reports"}};
    mine.grant.to.pods = label_is("app", "api");
    mine.grant.ports = {port(8080)};
    auto objects = shop(protected_tenant("payments"));
    objects.emplace_back(mine);
    check(objects, {{"blog/worker", "payments/api", BH_TCP, 8080, "granted"},
                    {"blog/web", "payments/api", BH_TCP, 8080, "not-granted"},
                    {"blog/worker", "payments/api", BH_TCP, 8081, "not-granted"},
                    {"blog/worker", "payments/db", BH_TCP, 8080, "not-granted"}});
    std::get<Tenant>(objects[8]).access_grants = false;
    check(objects, {{"blog/worker", "payments/api", BH_TCP, 8080, "not-granted"}});

    mine.meta.ns = "blog"; // opens nothing of another namespace
    objects = shop(protected_tenant("payments"));
    objects.emplace_back(mine);
    check(objects, {{"blog/worker", "payments/api", BH_TCP, 8080, "not-granted"}});
}

TEST_CASE("a confined pod reaches its tenant, cluster DNS, Pod Identity and its allowTo") {
    auto tunnel = named<Tenant>("tunnel");
    tunnel.namespaces = {"tunnel"};
    tunnel.confined = true;
    tunnel.allow_to = {{{TenantPeer{"ns/blog", label_is("app", "web")}}, {port(80)}},
                       {{CidrPeer{cidr("198.51.100.0/24")}}, {}},
                       {{ResourcePeer{"outer"}}, {port(5432)}}};
    auto outer = named<AwsResource>("outer");
    outer.level = Level::kNonProtected;
    outer.cidrs = {cidr("10.50.0.0/16")};
    auto inner = named<AwsResource>("inner");
    inner.level = Level::kNonProtected;
    inner.cidrs = {cidr("10.50.7.0/24")};
    auto dns = named<EndpointSlice>("kube-dns-1", "kube-system");
    dns.service = "kube-dns";
    dns.addresses = {address("10.0.0.53")};
    auto objects = shop(protected_tenant("payments"));
    objects.insert(objects.end(),
                   {ns("tunnel"), tunnel, outer, inner, dns, ns("kube-system"), simple_pod("tunnel/a", "10.0.0.60"),
                    simple_pod("tunnel/b", "10.0.1.60", "node-b"), simple_pod("kube-system/coredns", "10.0.0.53")});
    check(objects,
          {{"tunnel/a", "tunnel/a", BH_TCP, 80, "self"},
           {"tunnel/a", "tunnel/b", BH_TCP, 80, "open"},
           {"tunnel/a", "blog/web", BH_TCP, 80, "open"},
           {"tunnel/a", "blog/web", BH_TCP, 81, "confined"},
           {"tunnel/a", "blog/worker", BH_TCP, 80, "confined"},
           {"tunnel/a", "payments/api", BH_TCP, 80, "confined"},
           {"tunnel/a", "kube-system/coredns", BH_UDP, 53, "open"},
           {"tunnel/a", "169.254.20.10", BH_UDP, 53, "open"},
           {"tunnel/a", "169.254.20.11", BH_UDP, 53, "confined"},
           {"tunnel/a", "169.254.170.23", BH_TCP, 80, "open"},
           {"tunnel/a", "169.254.169.254", BH_TCP, 80, "confined"},
           {"tunnel/a", "node-a", BH_TCP, 10250, "confined"}, // its own node included
           {"tunnel/a", "198.51.100.9", BH_TCP, 1, "open"},
           {"tunnel/a", "198.51.101.9", BH_TCP, 1, "confined"},
           {"tunnel/a", "10.50.1.1", BH_TCP, 5432, "open"},
           {"tunnel/a", "10.50.1.1", BH_TCP, 5433, "confined"},
           {"tunnel/a", "10.50.7.1", BH_TCP, 5432, "confined"}, // the most specific resource owns it
           {"blog/web", "tunnel/a", BH_TCP, 80, "open"}},
          {.dns_addresses = {address("169.254.20.10")}});
}

TEST_CASE("allowTo opens the way out, not the door") {
    auto tunnel = named<Tenant>("tunnel");
    tunnel.namespaces = {"tunnel"};
    tunnel.confined = true;
    tunnel.allow_to = {{{TenantPeer{"payments", {}}}, {}}};
    auto objects = shop(protected_tenant("payments"));
    objects.insert(objects.end(), {ns("tunnel"), tunnel, simple_pod("tunnel/a", "10.0.0.60")});
    check(objects, {{"tunnel/a", "payments/api", BH_TCP, 80, "not-granted"}});
}

TEST_CASE("confined in audit mode the lines below decide, and what they allow is confined-audit") {
    auto tunnel = named<Tenant>("tunnel");
    tunnel.namespaces = {"tunnel"};
    tunnel.confined = true;
    tunnel.mode = Mode::kAudit;
    auto audited = protected_tenant("audited");
    audited.mode = Mode::kAudit;
    auto objects = shop(protected_tenant("payments"));
    objects.insert(objects.end(), {ns("tunnel"), tunnel, ns("audited"), audited, simple_pod("tunnel/a", "10.0.0.60"),
                                   simple_pod("audited/x", "10.0.0.61")});
    check(objects, {{"tunnel/a", "blog/web", BH_TCP, 80, "confined-audit"},
                    {"tunnel/a", "8.8.8.8", BH_TCP, 80, "confined-audit"},
                    {"tunnel/a", "payments/api", BH_TCP, 80, "not-granted"},
                    {"tunnel/a", "audited/x", BH_TCP, 80, "audit"}});
    CHECK(Oracle(objects).ask({.src = "tunnel/a", .dst = "blog/web", .port = 80})->verdict == Verdict::kAudit);
}

TEST_CASE("line 2 is judged where the source lives, and only there") {
    auto tunnel = named<Tenant>("tunnel");
    tunnel.namespaces = {"tunnel"};
    tunnel.confined = true;
    auto objects = shop(protected_tenant("payments"));
    objects.insert(objects.end(), {ns("tunnel"), tunnel, simple_pod("tunnel/a", "10.0.0.60", "node-a")});
    const Oracle oracle(objects);
    Question question{.src = "tunnel/a", .dst = "blog/worker", .port = 80, .side = Side::kDestination};
    CHECK(line_of(oracle, question) == "open"); // from node-b's point of view
    question.same_node = true;
    CHECK(line_of(oracle, question) == "confined");
    question = {.src = "tunnel/a", .dst = "blog/worker", .port = 80, .side = Side::kSource};
    CHECK(line_of(oracle, question) == "confined");
    question = {.src = "blog/web", .dst = "payments/db", .port = 80, .side = Side::kSource};
    CHECK(line_of(oracle, question) == "elsewhere");
    question.dst = "payments/api"; // on the same node: judged here
    CHECK(line_of(oracle, question) == "not-granted");
}

TEST_CASE("an AWS resource is a Protected endpoint with an owner") {
    auto aurora = named<AwsResource>("aurora");
    aurora.tenant = "payments";
    aurora.cidrs = {cidr("10.0.9.0/28"), cidr("fd00:9::/124")};
    aurora.ports = {port(5432)};
    auto subnet = named<AwsResource>("subnet"); // belongs to nobody
    subnet.cidrs = {cidr("10.0.0.0/16")};
    auto objects = shop(protected_tenant("payments"));
    objects.insert(objects.end(), {aurora, subnet});
    check(objects, {{"payments/api", "aurora", BH_TCP, 5432, "same-tenant"},
                    {"blog/web", "aurora", BH_TCP, 5432, "not-granted"},
                    {"blog/web", "aurora", BH_TCP, 5433, "open"},
                    {"blog/web", "aurora", BH_UDP, 5432, "open"},
                    {"blog/web", "aurora", BH_ICMP, 0, "not-granted"}, // `ports` opens other TCP, UDP, SCTP ports
                    {"10.0.9.15", "payments/api", BH_TCP, 80, "same-tenant"},
                    {"blog/web", "10.0.9.15", BH_TCP, 5432, "not-granted"},
                    {"payments/api", "10.0.9.16", BH_TCP, 5432, "not-granted"}, // subnet's
                    {"blog/web", "blog/worker", BH_TCP, 80, "open"},            // a pod wins over a CIDR
                    {"10.0.9.16", "10.0.9.17", BH_TCP, 80, "not-granted"}});    // nobody's are not one tenant
    CHECK(line_of(Oracle(objects), {.src = "blog/web", .dst = "aurora", .port = 5432, .family = BH_IPV6}) ==
          "not-granted");
}

TEST_CASE("a resource's mode is the stricter of its own and its tenant's") {
    auto aurora = named<AwsResource>("aurora");
    aurora.tenant = "payments";
    aurora.cidrs = {cidr("10.0.9.0/28")};
    aurora.mode = Mode::kAudit;
    auto objects = shop(protected_tenant("payments"));
    objects.emplace_back(aurora);
    check(objects, {{"blog/web", "aurora", BH_TCP, 1, "not-granted"}}); // the silent Tenant says enforce
    std::get<Tenant>(objects[8]).mode = Mode::kAudit;
    check(objects, {{"blog/web", "aurora", BH_TCP, 1, "audit"}});
    std::get<AwsResource>(objects.back()).mode = Mode::kEnforce;
    check(objects, {{"blog/web", "aurora", BH_TCP, 1, "not-granted"}});
}

TEST_CASE("AWSResource.allowFrom concerns the resource and Tenant.allowFrom the tenant's pods") {
    auto aurora = named<AwsResource>("aurora");
    aurora.tenant = "payments";
    aurora.cidrs = {cidr("10.0.9.0/28")};
    const NamespacePeer blog{.ns = "blog", .pods = {}, .service_account = {}};
    Tenant tenant = protected_tenant("payments");
    tenant.allow_from = {{.from = {blog}, .to = {}, .ports = {port(1)}, .until = {}, .reason = ""}};
    aurora.allow_from = {{.from = {blog}, .to = {}, .ports = {port(2)}, .until = {}, .reason = ""}};
    auto objects = shop(tenant);
    objects.emplace_back(aurora);
    check(objects, {{"blog/web", "payments/api", BH_TCP, 1, "granted"},
                    {"blog/web", "aurora", BH_TCP, 1, "not-granted"},
                    {"blog/web", "aurora", BH_TCP, 2, "granted"},
                    {"blog/web", "payments/api", BH_TCP, 2, "not-granted"}});
}

TEST_CASE("instance metadata is an AWS resource's address in both families") {
    auto imds = named<AwsResource>("imds");
    imds.instance_metadata = true;
    check({ns("blog"), simple_pod("blog/web", "10.0.0.10"), imds},
          {{"blog/web", "169.254.169.254", BH_TCP, 80, "not-granted"},
           {"blog/web", "fd00:ec2::254", BH_TCP, 80, "not-granted"},
           {"blog/web", "169.254.169.253", BH_TCP, 80, "open"}});
}

TEST_CASE("a hostNetwork pod is its node: no tenant, no trust, at home only where it runs") {
    auto objects = shop(protected_tenant("payments"));
    PodTemplate host{.labels = {{"app", "api"}}, .service_account = "default"};
    host.host_network = true;
    objects.emplace_back(pod("payments/agent", "node-b", host, {address("10.0.1.1")}));
    check(objects, {{"payments/agent", "payments/db", BH_TCP, 80, "local-host"},
                    {"payments/agent", "payments/api", BH_TCP, 80, "not-granted"},
                    {"blog/web", "payments/agent", BH_TCP, 80, "open"}});
}

TEST_CASE("a pod whose namespace is not known is held") {
    auto objects = shop(protected_tenant("payments"));
    PodTemplate early{.labels = {}, .service_account = "default", .expose = "80", .ports = {}};
    objects.emplace_back(pod("unborn/pod", "node-a", early, {address("10.0.0.70")}));
    check(objects, {{"blog/web", "unborn/pod", BH_TCP, 80, "held"},
                    {"node-a", "unborn/pod", BH_TCP, 80, "local-host"},
                    {"node-b", "unborn/pod", BH_TCP, 80, "held"},
                    {"unborn/pod", "unborn/pod", BH_TCP, 80, "self"},
                    {"unborn/pod", "blog/web", BH_TCP, 80, "open"},
                    {"unborn/pod", "payments/api", BH_TCP, 80, "not-granted"}});
}

TEST_CASE("the address of a finished pod is nobody's") {
    auto objects = shop(protected_tenant("payments"));
    Pod done = simple_pod("payments/done", "10.0.0.80");
    done.finished = true;
    objects.emplace_back(done);
    check(objects,
          {{"10.0.0.80", "payments/api", BH_TCP, 80, "not-granted"}, {"blog/web", "10.0.0.80", BH_TCP, 80, "open"}});
}

TEST_CASE("a party that nobody knows by name is an error, not an answer") {
    const Oracle oracle(shop(protected_tenant("payments")));
    CHECK_FALSE(oracle.ask({.src = "blog/nobody", .dst = "payments/api"}));
    CHECK_FALSE(oracle.ask({.src = "blog/web", .dst = "no-such-resource"}));
}
