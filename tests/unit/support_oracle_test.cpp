// SPDX-License-Identifier: Apache-2.0
//
// The oracle on the lines of the rule, each sentence of the design with its near miss.
#include "support_oracle_rows.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace bulkhead::state;

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
    PodTemplate door{.labels = {},
                     .service_account = "default",
                     .expose = "",
                     .ports = {{"http", BH_TCP, 8080}, {"", BH_TCP, 8081}}};
    door.expose = " 8443/TCP, http,9000-9010/UDP ,7-5, 70000, 0, 443/tcp, 22/ICMP, -1,,nope";
    std::vector<Object> objects{ns("blog"), simple_pod("blog/web", "10.0.0.10"), protected_ns("pay"),
                                pod("pay/door", "node-a", door, {address("10.0.0.20")})};
    check(objects, {{"blog/web", "pay/door", BH_TCP, 8443, "exposed"},
                    {"blog/web", "pay/door", BH_UDP, 8443, "not-granted"},
                    {"blog/web", "pay/door", BH_TCP, 8080, "exposed"},
                    {"blog/web", "pay/door", BH_TCP, 8081, "not-granted"}, // an empty word is no name
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

/// payments lets one peer of each form in, each to a port of its own.
static Tenant tenant_with_every_peer() {
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
    return tenant;
}

TEST_CASE("a grant names its peer in every form, and only that peer comes in") {
    auto nat = named<AwsResource>("nat");
    nat.cidrs = {cidr("10.200.0.0/24")};
    auto narrower = named<AwsResource>("narrower");
    narrower.cidrs = {cidr("10.200.0.0/25")};
    auto objects = shop(tenant_with_every_peer());
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
                    {"169.254.170.23", "payments/api", BH_TCP, 6, "not-granted"}, // Pod Identity: every node's own
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
