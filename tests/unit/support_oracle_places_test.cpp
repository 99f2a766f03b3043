// SPDX-License-Identifier: Apache-2.0
//
// The oracle on what is more than a pod in a tenant: confinement, AWS resources, nodes, held pods.
#include "support_oracle_rows.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace bulkhead::state;

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

TEST_CASE("a cluster IP is nobody's and no part of the world; the address beside it is") {
    Tenant batch;
    batch.meta.name = "batch";
    batch.namespaces = {"batch"};
    batch.confined = true;
    batch.allow_to = {{{CidrPeer{cidr("0.0.0.0/0")}, WorldPeer{}}, {}}};
    auto service = named<Service>("web", "blog");
    service.cluster_ips = {address("172.20.0.9"), address("10.9.0.5")};
    service.external_ips = {address("198.51.100.7")};
    auto one = named<AwsResource>("one");
    one.cidrs = {cidr("10.9.0.5")};
    check({ns("batch"), simple_pod("batch/job", "10.0.0.10"), batch, service, one},
          {{"batch/job", "172.20.0.9", BH_TCP, 80, "confined"},
           {"batch/job", "172.20.0.8", BH_TCP, 80, "open"},
           {"batch/job", "198.51.100.7", BH_TCP, 80, "open"},
           {"batch/job", "10.9.0.5", BH_TCP, 80, "not-granted"}});
}
