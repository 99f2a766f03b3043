// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "source/check.h"
#include "source/decode.h"
#include "source/reader.h"
#include "source_fixture.h"

namespace bulkhead::source {
namespace {

using namespace std::chrono_literals;

/// The one object of a YAML text; fails with what was complained about.
Decoded decode_text(const std::string& yaml) {
    Decoded decoded;
    state::Pool pool;
    const auto read = read_yaml(yaml, [&](const Value& document) { decoded = decode(document, "test.yaml", pool); });
    REQUIRE(read.has_value());
    return decoded;
}

template <typename T>
T good(const std::string& yaml) {
    const auto decoded = decode_text(yaml);
    for (const auto& error : decoded.complaints.errors)
        UNSCOPED_INFO(error.field + ": " + error.text);
    REQUIRE(decoded.object.has_value());
    return std::get<T>(*decoded.object);
}

const std::string kTenant = "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: payments}\nspec: ";
const std::string kGrant =
    "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: g, namespace: payments}\nspec: ";
const std::string kResource = "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\nspec: ";

TEST_CASE("every mistake in an object of ours is told with its field") {
    struct Row {
        std::string yaml;
        const char* complaint;
    };
    const std::vector<Row> rows{
        {kTenant + "{allowFrom: [{from: [{world: true}], ports: [{port: 443}, {port: 70000}]}]}",
         "spec.allowFrom[0].ports[1].port: 70000 is not a port (1-65535)"},
        {kTenant + "{expose: [{ports: [{port: 0}]}]}", "spec.expose[0].ports[0].port: 0 is not a port (1-65535)"},
        {kTenant + "{expose: [{ports: [{port: 90, endPort: 80}]}]}",
         "spec.expose[0].ports[0].endPort: 80 is less than port 90"},
        {kTenant + "{expose: [{ports: [{port: http, endPort: 80}]}]}",
         "spec.expose[0].ports[0].endPort: goes with a number, not with a name"},
        {kTenant + "{expose: [{ports: [{port: '8443'}]}]}",
         "spec.expose[0].ports[0].port: \"8443\" is not a port's name"},
        {kTenant + "{expose: [{ports: [{port: 1.5}]}]}", "spec.expose[0].ports[0].port: 1.5 is not a whole number"},
        {kTenant + "{expose: [{ports: [{port: 80, protocol: tcp}]}]}",
         "spec.expose[0].ports[0].protocol: \"tcp\" is none of TCP, UDP, SCTP, ICMP"},
        {kTenant + "{expose: [{ports: [{port: 80, protocol: ICMP}]}]}",
         "spec.expose[0].ports[0].port: ICMP has no ports"},
        {kTenant + "{expose: [{ports: [{}]}]}", "spec.expose[0].ports[0]: names neither a port nor a protocol"},
        {kTenant + "{expose: [{port: 80}]}", "spec.expose[0].port: is an unknown field"},
        {kTenant + "{level: secret}", "spec.level: \"secret\" is neither protected nor non-protected"},
        {kTenant + "{mode: warn}", "spec.mode: \"warn\" is neither enforce nor audit"},
        {kTenant + "{mode: audit, mode: enforce}", "spec.mode: is there twice"},
        {kTenant + "{allowFrom: [{from: [{world: true}], until: 2030-01-01T00:00:00Z, until: null}]}",
         "spec.allowFrom[0].until: is there twice"},
        {kTenant + "{namespaceSelector: {matchLabels: {team: red, team: blue}}}",
         "spec.namespaceSelector.matchLabels.team: is there twice"},
        {kTenant + "{}\nspec: {level: protected}", "spec: is there twice"},
        {kTenant + "{}\nkind: Pod", "kind: is there twice"},
        {"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, name: b}", "metadata.name: is there twice"},
        {kTenant + "{sealed: 'true'}", "spec.sealed: \"true\" is neither true nor false"},
        {kTenant + "{allowFrom: [{ports: []}]}", "spec.allowFrom[0].from: is missing"},
        {kTenant + "{allowFrom: [{from: []}]}", "spec.allowFrom[0].from: is empty"},
        {kTenant + "{allowFrom: [{from: null}]}", "spec.allowFrom[0].from: is missing"},
        {kTenant + "{allowFrom: [{from: [{}]}]}", "spec.allowFrom[0].from[0]: must be exactly one of"},
        {kTenant + "{allowFrom: [{from: [{tenant: a, cidr: 10.0.0.0/8}]}]}",
         "spec.allowFrom[0].from[0]: must be exactly one of"},
        {kTenant + "{allowFrom: [{from: [{tenant: a, serviceAccount: b}]}]}",
         "spec.allowFrom[0].from[0].serviceAccount: is an unknown field"},
        {kTenant + "{allowFrom: [{from: [{cidr: 10.0.0.1/8}]}]}",
         "spec.allowFrom[0].from[0].cidr: \"10.0.0.1/8\" has bits"},
        {kTenant + "{allowFrom: [{from: [{world: false}]}]}",
         "spec.allowFrom[0].from[0].world: is true or isn't there"},
        {kTenant + "{allowFrom: [{from: [{tenant: other/a}]}]}",
         "spec.allowFrom[0].from[0].tenant: \"other/a\" has none"},
        {kTenant + "{allowFrom: [{from: [{tenant: a b}]}]}",
         "spec.allowFrom[0].from[0].tenant: \"a b\" is not a tenant's name"},
        {kTenant + "{allowFrom: [{from: [{tenant: ns/}]}]}",
         "spec.allowFrom[0].from[0].tenant: \"ns/\" is not a tenant's name"},
        {kTenant + "{allowFrom: [{from: [{tenant: ns/a/b}]}]}",
         "spec.allowFrom[0].from[0].tenant: \"ns/a/b\" is not a tenant's name"},
        {kTenant + "{allowTo: [{ports: [{port: 80}]}]}", "spec.allowTo[0].to: is missing"},
        {kTenant + "{namespaceSelector: {app: web}}", "spec.namespaceSelector.app: is an unknown field"},
        {kTenant + "{namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}",
         "spec.namespaceSelector.matchExpressions[0].values: names nothing"},
        {kTenant + "{namespaceSelector: {matchExpressions: [{key: a, operator: Near, values: [b]}]}}",
         "spec.namespaceSelector.matchExpressions[0].operator: \"Near\" is none of"},
        {kTenant + "{namespaces: [Payments]}", "spec.namespaces[0]: \"Payments\" is not a Kubernetes name"},
        {kTenant + "protected", "spec: \"protected\" is not an object"},
        {kGrant + "{from: [{world: true}], to: {}}", "spec.to: is an unknown field"},
        {kGrant + "{from: [{world: true}], until: tomorrow}", "spec.until: \"tomorrow\" is not a date"},
        {kGrant + "{from: [{world: true}], until: 2026-02-30T00:00:00Z}",
         "spec.until: \"2026-02-30T00:00:00Z\" is not a date"},
        {kGrant + "{from: [{world: true}], until: 2026-02-03}", "spec.until: \"2026-02-03\" is not a date"},
        {kResource + "{tenant: a}", "spec.addresses: is missing or empty: name at least one of cidrs"},
        {kResource + "{addresses: {}}", "spec.addresses: is missing or empty"},
        {kResource + "{addresses: null}", "spec.addresses: is missing or empty"},
        {kResource + "{addresses: [10.0.0.0/8]}", "is not an object"},
        {kResource + "{ports: [{port: mysql}]}", "spec.ports[0].port: \"mysql\" is a name: those are for pods"},
        {kResource + "{addresses: {cidrs: [10.0.0.0/33]}}",
         "spec.addresses.cidrs[0]: \"10.0.0.0/33\" has no valid prefix"},
        {kResource + "{addresses: {cidrs: [10.0.0.0/08]}}",
         "spec.addresses.cidrs[0]: \"10.0.0.0/08\" has no valid prefix"},
        {kResource + "{addresses: {cidrs: [0.0.0.0/-0]}}",
         "spec.addresses.cidrs[0]: \"0.0.0.0/-0\" has no valid prefix"},
        {kResource + "{addresses: {cidrs: [10.0.0.0/]}}", "spec.addresses.cidrs[0]: \"10.0.0.0/\" has no valid prefix"},
        {kResource + "{addresses: {cidrs: [010.0.0.0/8]}}", "spec.addresses.cidrs[0]: \"010.0.0.0/8\" is not a CIDR"},
        {kResource + "{addresses: {cidrs: [\"10.0.0.1\\0\"]}}", "is not a CIDR"},
        {kResource + "{tenant: other/a}", "spec.tenant: \"other/a\" has none of the sources"},
        {kResource + "{tenant: ''}", "spec.tenant: \"\" is not a tenant's name"},
        {kResource + "{addresses: {ips: []}}", "spec.addresses.ips: is an unknown field"},
        {"apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: a, namespace: b}",
         "metadata.namespace: is not"},
        {"apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: a}", "metadata.namespace: is missing"},
        {"apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: a/b}", "metadata.name: \"a/b\" is not"},
        {"apiVersion: bulkhead.dev/v1beta1\nkind: Tenant\nmetadata: {name: a}",
         "apiVersion: version v1beta1 of Tenant"},
        {"apiVersion: bulkhead.dev/v1alpha1\nkind: Tennant\nmetadata: {name: a}", "kind: \"Tennant\" is not a kind of"},
        {"apiVersion: v2\nkind: Pod\nmetadata: {name: a, namespace: b}", "apiVersion: version v2 of Pod"},
        {"metadata: {name: a}", "kind: is missing"},
        {"kind: Tenant", "apiVersion: is missing"},
    };
    for (const auto& row : rows) {
        const auto decoded = decode_text(row.yaml);
        INFO(row.yaml);
        CHECK(decoded.ours);
        CHECK_FALSE(decoded.object.has_value());
        std::string all;
        for (const auto& error : decoded.complaints.errors)
            all += error.field + ": " + error.text + "\n";
        INFO(all);
        CHECK(all.find(row.complaint) != std::string::npos);
    }
}

TEST_CASE("a label or an annotation that is there twice has the stricter reading, and is told of") {
    struct Row {
        std::string key;
        std::string first;
        std::string second;
        std::string counts;
    };
    const std::vector<Row> rows{
        {"bulkhead.dev/level", "protected", "non-protected", "protected"},
        {"bulkhead.dev/level", "non-protected", "protected", "protected"},
        {"bulkhead.dev/level", "non-protected", "protectd", "protectd"},
        {"bulkhead.dev/mode", "enforce", "audit", "enforce"},
        {"bulkhead.dev/mode", "audit", "enforce", "enforce"},
        {"bulkhead.dev/tenant", "payments", "blog", "payments, blog"},
        {"bulkhead.dev/tenant", "blog", "blog", "blog"},
        {"team", "red", "blue", "blue"},
    };
    const std::string kNamespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {";
    for (const auto& [key, first, second, counts] : rows) {
        for (const auto* between : {", ", "}, labels: {"}) {
            const auto yaml = kNamespace + key + ": " + first + between + key + ": " + second + "}}";
            INFO(yaml);
            CHECK(good<state::Namespace>(yaml).labels.at(key) == counts);
            const auto& remarks = decode_text(yaml).complaints.remarks;
            REQUIRE(remarks.size() == 1);
            CHECK(remarks[0].text.starts_with("is there twice; "));
        }
    }
    const std::string pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b, annotations: "
                            "{bulkhead.dev/expose: '80', bulkhead.dev/expose: '443'}}";
    CHECK(good<state::Pod>(pod).common->expose.empty());
    const auto& remarks = decode_text(pod).complaints.remarks;
    REQUIRE(remarks.size() == 1);
    CHECK(remarks[0].field == "metadata.annotations[bulkhead.dev/expose]");
}

TEST_CASE("a key is found twice among many, too") {
    std::string labels = "team: first";
    for (int i = 0; i < 40; ++i)
        labels += ", l" + std::to_string(i) + ": x";
    const auto decoded =
        decode_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b, labels: {" + labels + ", l7: y}}");
    REQUIRE(decoded.complaints.remarks.size() == 1);
    CHECK(decoded.complaints.remarks[0].field == "metadata.labels.l7");
}

TEST_CASE("one pass finds all mistakes, each with its line") {
    const auto decoded = decode_text(kTenant + "\n  level: high\n  expose:\n  - ports:\n    - port: 0\n");
    REQUIRE(decoded.complaints.errors.size() == 2);
    CHECK(decoded.complaints.errors[0].line == 5);
    CHECK(decoded.complaints.errors[1].line == 8);
}

TEST_CASE("other kinds are nobody's business, also those that share a name with ours") {
    for (const auto* text :
         {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1}", "apiVersion: apps/v1\nkind: Deployment",
          "apiVersion: capsule.clastix.io/v1beta2\nkind: Tenant\nspec: {owners: []}",
          "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a, namespace: "
          "blog, labels: {kubernetes.io/service-name: web}}"}) {
        const auto decoded = decode_text(text);
        INFO(text);
        CHECK_FALSE(decoded.ours);
        CHECK(decoded.complaints.errors.empty());
    }
}

TEST_CASE("a tenant is read whole") {
    const auto tenant = good<state::Tenant>(kTenant + R"(
  namespaces: [payments, payments-batch]
  namespaceSelector: {}
  level: protected
  mode: audit
  sealed: true
  confined: true
  podExpose: false
  accessGrants: false
  sourceCheck: false
  expose: [{namespaceSelector: {matchLabels: {a: b}}, podSelector: {}, ports: [{port: http}]}]
  trusted: [{ports: [{port: 9000, endPort: 9010, protocol: UDP}]}]
  allowFrom:
  - from: [{tenant: capsule/a, podSelector: {matchExpressions: [{key: x, operator: NotIn, values: [y]}]}},
           {namespace: blog, serviceAccount: reader}, {awsResource: aurora}, {cidr: "2001:db8::/32"}, {world: true}]
    to: {podSelector: {matchLabels: {app: api}}}
    ports: [{protocol: ICMP}, {protocol: SCTP}]
    until: 2026-12-31T23:59:59.5+09:00
    reason: monthly close
  allowTo: [{to: [{namespace: b}]}]
)");
    using Term = state::Selector::Term;
    CHECK(tenant.namespaces == std::vector<std::string>{"payments", "payments-batch"});
    CHECK(tenant.namespace_selector == state::Selector{});
    CHECK(tenant.level == state::Level::kProtected);
    CHECK(tenant.mode == state::Mode::kAudit);
    CHECK((tenant.sealed && tenant.confined && !tenant.pod_expose && !tenant.access_grants && !tenant.source_check));
    REQUIRE(tenant.expose.size() == 1);
    CHECK(tenant.expose[0].target.namespaces == state::Selector{{{"a", Term::Op::kIn, {"b"}}}});
    CHECK(tenant.expose[0].target.pods == state::Selector{});
    CHECK(tenant.expose[0].ports == state::Ports{{BH_ANY_PROTOCOL, 0, 0, "http"}});
    CHECK_FALSE(tenant.trusted.at(0).target.pods.has_value());
    CHECK(tenant.trusted.at(0).ports == state::Ports{{BH_UDP, 9000, 9010, ""}});
    const auto& grant = tenant.allow_from.at(0);
    CHECK(grant.from ==
          std::vector<state::Peer>{state::TenantPeer{"capsule/a", state::Selector{{{"x", Term::Op::kNotIn, {"y"}}}}},
                                   state::NamespacePeer{"blog", std::nullopt, "reader"}, state::ResourcePeer{"aurora"},
                                   state::CidrPeer{*Cidr::parse("2001:db8::/32")}, state::WorldPeer{}});
    CHECK(grant.to.pods == state::Selector{{{"app", Term::Op::kIn, {"api"}}}});
    CHECK(grant.ports == state::Ports{{BH_ICMP, 0, 65535, ""}, {BH_SCTP, 0, 65535, ""}});
    CHECK(grant.until == std::chrono::sys_days(std::chrono::year(2026) / 12 / 31) + 14h + 59min + 59s);
    CHECK(grant.reason == "monthly close");
    CHECK(tenant.allow_to.at(0).ports.empty());
    CHECK(tenant.meta.origin == "test.yaml:1");
}

TEST_CASE("a silent tenant has the defaults, and no selector is not the same as an empty one") {
    const auto tenant = good<state::Tenant>(kTenant + "\n  namespaceSelector:\n");
    CHECK_FALSE(tenant.namespace_selector.has_value());
    CHECK_FALSE(tenant.level.has_value());
    CHECK_FALSE(tenant.mode.has_value());
    CHECK((tenant.pod_expose && tenant.access_grants && tenant.source_check && !tenant.sealed && !tenant.confined));
}

TEST_CASE("an AWS resource is protected unless it says otherwise") {
    const auto resource = good<state::AwsResource>(
        kResource + "{tenant: payments, addresses: {cidrs: [10.9.0.0/24, '10.8.0.5'], instanceMetadata: true}}");
    CHECK(resource.level == state::Level::kProtected);
    CHECK(resource.tenant == "payments");
    CHECK(resource.instance_metadata);
    CHECK(resource.cidrs == std::vector<Cidr>{*Cidr::parse("10.9.0.0/24"), *Cidr::parse("10.8.0.5/32")});
    CHECK(resource.look_ups.empty());
    CHECK(good<state::AwsResource>(kResource + "{level: non-protected, addresses: {instanceMetadata: true}}").level ==
          state::Level::kNonProtected);
}

TEST_CASE("what an AWS resource names for AWS and DNS to tell is read, with where to ask") {
    const auto text = kResource + R"({addresses: {hostnames: [DB.Example.COM., db.example.com],
        securityGroups: [sg-0123abcd, sg-0123456789abcdef0], subnets: [subnet-0123456789abcdef0],
        prefixLists: [pl-0123456789abcdef0, com.amazonaws.eu-central-1.s3], networkInterfaceTags: {team: payments},
        resourceTags: {"aws:x": "", team: payments}},
      aws: {region: ap-southeast-2, roleArn: "arn:aws:iam::111122223333:role/bulkhead", externalId: once}})";
    const auto resource = good<state::AwsResource>(text);
    const auto& look_ups = resource.look_ups;
    CHECK(look_ups.hostnames == std::set<std::string>{"db.example.com"});
    CHECK(look_ups.security_groups == std::set<std::string>{"sg-0123abcd", "sg-0123456789abcdef0"});
    CHECK(look_ups.subnets == std::set<std::string>{"subnet-0123456789abcdef0"});
    CHECK(look_ups.prefix_lists == std::set<std::string>{"pl-0123456789abcdef0", "com.amazonaws.eu-central-1.s3"});
    CHECK(look_ups.interface_tags == state::Labels{{"team", "payments"}});
    CHECK(look_ups.resource_tags == state::Labels{{"aws:x", ""}, {"team", "payments"}});
    CHECK(resource.place.region == "ap-southeast-2");
    CHECK(resource.place.role == "arn:aws:iam::111122223333:role/bulkhead");
    CHECK(resource.place.external_id == "once");
    CHECK(decode_text(text).complaints.remarks.empty());
}

TEST_CASE("a Tenant says where AWS is asked for its AWSResources, as one of these does") {
    const std::string head = R"({apiVersion: bulkhead.dev/v1alpha1, kind: Tenant, metadata: {name: payments}, spec: )";
    const auto tenant = good<state::Tenant>(
        head + R"({aws: {region: eu-west-1, roleArn: "arn:aws:iam::111122223333:role/bulkhead", externalId: once}}})");
    CHECK(tenant.place == state::AwsPlace{.role = "arn:aws:iam::111122223333:role/bulkhead",
                                          .external_id = "once",
                                          .region = "eu-west-1"});
    CHECK_FALSE(decode_text(head + "{aws: {externalId: once}}}").complaints.errors.empty());
    CHECK_FALSE(decode_text(head + "{aws: {region: Frankfurt}}}").complaints.errors.empty());
    CHECK_FALSE(decode_text(head + "{aws: {role: x}}}").complaints.errors.empty());
}

TEST_CASE("whose an AWS resource's things are, and of which level, tags of theirs may say") {
    const auto tagged = good<state::AwsResource>(
        kResource + "{tenantFrom: {tag: team}, levelFrom: {tag: 'acme:level'}, level: non-protected, "
                    "addresses: {resourceTags: {team: '*'}}}");
    CHECK(tagged.tenant.empty());
    CHECK(tagged.tenant_tag == "team");
    CHECK(tagged.level_tag == "acme:level");
    CHECK(tagged.level == state::Level::kNonProtected);
    CHECK(tagged.asks_tags());
    const auto by_level = good<state::AwsResource>(
        kResource + "{tenant: payments, levelFrom: {tag: level}, addresses: {cidrs: [10.0.0.1]}}");
    CHECK(by_level.tenant == "payments");
    CHECK(by_level.tenant_tag.empty());
    CHECK(by_level.asks_tags());
    CHECK_FALSE(good<state::AwsResource>(kResource + "{addresses: {cidrs: [10.0.0.1]}}").asks_tags());
    const auto text = kResource + "{tenantFrom: {tag: team}, addresses: {instanceMetadata: true}}";
    const auto wrong = decode_text(text);
    REQUIRE(wrong.complaints.errors.size() == 1);
    CHECK(wrong.complaints.errors[0].field == "spec.addresses.instanceMetadata");
}

TEST_CASE("what a tag says of a slice's addresses is read as it stands there") {
    const std::string head = "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\n"
                             "metadata: {name: resource-aurora-0}\nspec: ";
    const auto slice = good<state::IdentitySlice>(
        head + "{awsResource: aurora, tenant: 'no such', level: open, addresses: [10.9.0.5, 10.9.0.6]}");
    const std::set<state::OwnerTags> owner{{.tenant = "no such", .level = "open"}};
    CHECK(slice.owners == state::OwnersByAddress{{*Cidr::parse("10.9.0.5"), owner}, {*Cidr::parse("10.9.0.6"), owner}});
    CHECK(good<state::IdentitySlice>(head + "{awsResource: aurora, addresses: [10.9.0.5]}").owners.empty());
}

TEST_CASE("a slice of a resource is of no node, and is called as one") {
    const auto head = [](const std::string& name) {
        return "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: " + name + "}\nspec: ";
    };
    const std::string spec = "awsResource: aurora, addresses: [10.9.0.5, 'fd00::/64']";
    const auto slice = good<state::IdentitySlice>(head("resource-aurora-0") + "{" + spec + "}");
    CHECK(slice.resource == "aurora");
    CHECK(slice.addresses == std::vector<Cidr>{*Cidr::parse("10.9.0.5"), *Cidr::parse("fd00::/64")});
    for (const auto& forged :
         {head("resource-aurora-0") + "{node: node-a, " + spec + "}",
          head("resource-aurora-0") + "{endpoints: [], " + spec + "}", head("node-a-00000001") + "{" + spec + "}",
          head("resource-aurora-0") + "{awsResource: aurora, addresses: [10.9.0.5/8]}"}) {
        INFO(forged);
        CHECK_FALSE(decode_text(forged).complaints.errors.empty());
    }
    // Addresses alone say nothing.
    CHECK(good<state::IdentitySlice>(head("node-a-00000001") + "{node: node-a, addresses: [10.9.0.5]}")
              .addresses.empty());
}

TEST_CASE("a resource whose list of addresses is empty protects nothing, and that is said") {
    const auto none = decode_text(kResource + "{addresses: {cidrs: []}}");
    REQUIRE(none.object.has_value());
    REQUIRE(none.complaints.remarks.size() == 1);
    CHECK(none.complaints.remarks[0].text.starts_with("names no address"));
    CHECK(decode_text(kResource + "{addresses: {cidrs: [10.0.0.1]}}").complaints.remarks.empty());
    CHECK(decode_text(kResource + "{addresses: {cidrs: [], instanceMetadata: true}}").complaints.remarks.empty());
}

TEST_CASE("an access grant concerns pods of its namespace") {
    const auto read =
        good<state::AccessGrant>(kGrant + "{podSelector: {matchLabels: {app: api}}, from: [{tenant: blog}]}");
    CHECK(read.meta.ns == "payments");
    CHECK_FALSE(read.grant.to.namespaces.has_value());
    CHECK(read.grant.to.pods->matches({{"app", "api"}}));
    CHECK(read.grant.ports.empty());
}

TEST_CASE("a pod is read whole, unknown fields and all") {
    const auto pod = good<state::Pod>(R"(
apiVersion: v1
kind: Pod
whatever: 1
metadata:
  name: web-1
  namespace: blog
  labels: {app: web}
  annotations: {bulkhead.dev/expose: "http, 8443", other: x}
spec:
  nodeName: node-a
  hostNetwork: true
  serviceAccountName: reader
  containers: [{name: a, ports: [{name: http, containerPort: 8080}, {containerPort: 53, protocol: UDP}]}, {name: b}]
  initContainers: [{name: proxy, restartPolicy: Always, ports: [{name: admin, containerPort: 15000}]}]
status: {phase: Failed, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "2001:db8::1"}]}
)");
    CHECK(pod.node == "node-a");
    CHECK(pod.common->host_network);
    CHECK(pod.common->service_account == "reader");
    CHECK(pod.common->labels == state::Labels{{"app", "web"}});
    CHECK(pod.common->expose == "http, 8443");
    CHECK(pod.common->ports ==
          std::vector<state::ContainerPort>{{"http", BH_TCP, 8080}, {"", BH_UDP, 53}, {"admin", BH_TCP, 15000}});
    CHECK(pod.ips == std::vector<Address>{*Address::parse("10.0.0.1"), *Address::parse("2001:db8::1")});
    CHECK(pod.finished);
    CHECK(pod.origin.text() == "test.yaml:2");
}

TEST_CASE("a pod's workload is the object that people know, not the one that a rollout or a run made") {
    struct Row {
        const char* owners;
        const char* labels;
        state::Workload expected;
    };
    const std::vector<Row> rows{
        {"[{kind: ReplicaSet, name: web-7f9c, controller: true}]", "{pod-template-hash: 7f9c}", {"Deployment", "web"}},
        {"[{kind: ReplicaSet, name: web-7f9c, controller: true}]",
         "{pod-template-hash: other}",
         {"ReplicaSet", "web-7f9c"}},
        {"[{kind: ReplicaSet, name: web-7f9c, controller: true}]", "{}", {"ReplicaSet", "web-7f9c"}},
        {"[{kind: ReplicaSet, name: web, controller: true}]", "{pod-template-hash: web}", {"ReplicaSet", "web"}},
        {"[{kind: Job, name: backup-28712345, controller: true}]", "{}", {"CronJob", "backup"}},
        {"[{kind: Job, name: backup-1234567, controller: true}]", "{}", {"Job", "backup-1234567"}},
        {"[{kind: Job, name: backup-2871234x, controller: true}]", "{}", {"Job", "backup-2871234x"}},
        {"[{kind: StatefulSet, name: db-12345678, controller: true}]", "{}", {"StatefulSet", "db-12345678"}},
        {"[{kind: Some, name: a}, {kind: Other, name: b, controller: true}]", "{}", {"Other", "b"}},
        {"[{kind: Some, name: a, controller: false}]", "{}", {}},
        {"[{kind: Some, controller: true}]", "{}", {}},
        {"[]", "{}", {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.owners, row.labels);
        const auto pod = good<state::Pod>(std::string("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b, "
                                                      "labels: ") +
                                          row.labels + ", ownerReferences: " + row.owners + "}");
        CHECK(pod.common->workload == row.expected);
    }
}

TEST_CASE("a bare pod has the default account, its podIP and nothing else") {
    const auto pod =
        good<state::Pod>("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\nstatus: {podIP: 10.0.0.9}");
    CHECK(pod.common->service_account == "default");
    CHECK(pod.ips == std::vector<Address>{*Address::parse("10.0.0.9")});
    CHECK_FALSE(pod.finished);
    CHECK(pod.node.empty());
}

TEST_CASE("a namespace always carries its name as a label, whatever else it claims") {
    const auto ns = good<state::Namespace>("apiVersion: v1\nkind: Namespace\nmetadata: {name: blog, creationTimestamp: "
                                           "'2026-01-02T03:04:05Z', labels: {kubernetes.io/metadata.name: payments, "
                                           "bulkhead.dev/level: nonsense}}");
    CHECK(ns.labels.at("kubernetes.io/metadata.name") == "blog");
    CHECK(ns.labels.at("bulkhead.dev/level") == "nonsense"); // compile() reports that
    CHECK(ns.meta.created == std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + 3h + 4min + 5s);
}

TEST_CASE("a node has its IP addresses, not its names") {
    const auto node =
        good<state::Node>("apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {addresses: [{type: "
                          "InternalIP, address: 10.0.0.1}, {type: Hostname, address: n}, {type: ExternalIP, "
                          "address: 203.0.113.7}]}");
    CHECK(node.addresses == std::vector<Address>{*Address::parse("10.0.0.1"), *Address::parse("203.0.113.7")});
}

TEST_CASE("a pod that waited for its node for long says since when it has been there") {
    struct Row {
        std::string condition;
        std::optional<std::chrono::seconds> after; // its creation
    };
    const std::vector<Row> rows{
        {"{type: PodScheduled, status: 'True', lastTransitionTime: '2026-11-27T15:00:00Z'}", 3h},
        {"{type: PodScheduled, status: 'False', lastTransitionTime: '2026-11-27T15:00:00Z'}", {}},
        {"{type: PodScheduled, status: 'True', lastTransitionTime: '2026-11-27T12:00:31Z'}", 31s},
        {"{type: PodScheduled, status: 'True', lastTransitionTime: '2026-11-27T12:00:30Z'}", {}},
        {"{type: PodScheduled, status: 'True'}", {}},
        {"{type: Ready, status: 'True', lastTransitionTime: '2026-11-27T15:00:00Z'}", {}},
    };
    for (const auto& [condition, after] : rows) {
        CAPTURE(condition);
        const auto pod = good<state::Pod>("apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: blog, "
                                          "creationTimestamp: '2026-11-27T12:00:00Z'}\nspec: {nodeName: n}\n"
                                          "status: {conditions: [" +
                                          condition + "]}");
        CHECK(pod.since == (after ? std::optional(*pod.created + *after) : std::nullopt));
        CHECK(pod.dated() == *pod.created + after.value_or(0s));
    }
}

TEST_CASE("an identity slice tells of pods, and of which labels it knows; what is newer than we are is passed over") {
    const auto slice = good<state::IdentitySlice>(R"(
apiVersion: bulkhead.dev/v1alpha1
kind: IdentitySlice
metadata: {name: node-a-1234, labels: {bulkhead.dev/node: node-a}, ownerReferences: []}
spec:
  node: node-a
  tenant: payments
  level: protected
  labelKeys: [app, tier]
  fromTheFuture: 1
  endpoints:
    - {namespace: payments, pod: ledger-0, addresses: [10.0.1.7, "2001:db8::7"], created: "2026-11-27T12:00:00Z",
       since: "2026-11-27T13:00:00Z", turn: 3, serviceAccount: ledger, labels: {app: ledger}, expose: "8443",
       ports: [{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}], weather: fine}
    - {namespace: payments, pod: ledger-1, addresses: []}
)");
    REQUIRE(slice.pods.size() == 2);
    const auto& pod = slice.pods[0];
    CHECK(pod.ns + "/" + pod.name == "payments/ledger-0");
    CHECK(pod.node == "node-a");
    CHECK(pod.slice == "node-a-1234");
    CHECK(pod.ips == std::vector<Address>{*Address::parse("10.0.1.7"), *Address::parse("2001:db8::7")});
    CHECK(pod.created == std::chrono::sys_days(std::chrono::year(2026) / 11 / 27) + 12h);
    CHECK(pod.since == *pod.created + 1h);
    CHECK(pod.turn == 3);
    CHECK(slice.pods[1].turn == 0);
    CHECK(pod.common->service_account == "ledger");
    CHECK(pod.common->labels == state::Labels{{"app", "ledger"}});
    CHECK(pod.common->known_labels == std::set<std::string>{"app", "tier"});
    CHECK(pod.common->expose == "8443");
    CHECK(pod.common->ports == std::vector<state::ContainerPort>{{"http", BH_TCP, 8080}, {"dns", BH_UDP, 53}});
    CHECK_FALSE(pod.common->host_network);
    CHECK(slice.pods[1].common->service_account == "default");
    CHECK(slice.pods[1].common->labels.empty());
}

TEST_CASE("the identity slice of no node says whom the API server calls, and never more than some ports of some pods") {
    const std::string head = "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: ";
    const std::string reach = "kubeApiserver: [{namespace: hooks, service: admit, selector: {app: a}, "
                              "ports: [{port: 8443, protocol: TCP}, {port: https}]}]";
    const auto slice = good<state::IdentitySlice>(head + "kube-apiserver}\nspec: {" + reach + "}");
    REQUIRE(slice.reach.size() == 1);
    CHECK(slice.reach[0].ns == "hooks");
    CHECK(slice.reach[0].pods.matches({{"app", "a"}, {"tier", "b"}}));
    CHECK_FALSE(slice.reach[0].pods.matches({{"app", "b"}}));
    REQUIRE(slice.reach[0].ports.size() == 2);
    CHECK(slice.reach[0].ports[0].first == 8443);
    CHECK(slice.reach[0].ports[1].name == "https");
    CHECK(slice.pods.empty());

    // A node's says nothing of that kind, whatever is in it.
    CHECK(good<state::IdentitySlice>(head + "node-a-01234567}\nspec: {node: node-a, " + reach + "}").reach.empty());
    for (const auto* wrong : {"kubeApiserver: [{namespace: hooks, service: admit, ports: [{port: 8443}]}]",
                              "kubeApiserver: [{namespace: hooks, service: admit, selector: {}, ports: [{port: 1}]}]",
                              "kubeApiserver: [{namespace: hooks, service: admit, selector: {a: b}}]",
                              "node: node-a, kubeApiserver: []", "endpoints: []"})
        CHECK_FALSE(decode_text(head + "kube-apiserver}\nspec: {" + wrong + "}").object);
}

TEST_CASE("the endpoint slices of cluster DNS and the API server count") {
    const auto slice = good<state::EndpointSlice>(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns-abc, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
endpoints:
- {addresses: [10.0.0.2], targetRef: {kind: Pod, namespace: kube-system, name: coredns-1}}
- {addresses: [10.0.0.3], targetRef: {kind: Node, name: coredns-2}, conditions: {ready: false}}
ports: [{name: dns, port: 53, protocol: UDP}]
)");
    CHECK(slice.service == "kube-dns");
    CHECK(slice.addresses == std::vector<Address>{*Address::parse("10.0.0.2"), *Address::parse("10.0.0.3")});
    CHECK(slice.pods.size() == 1);
    CHECK(slice.pods.at(*Address::parse("10.0.0.2")) == std::set<std::string>{"kube-system/coredns-1"});
    CHECK(slice.ports == state::Ports{{BH_UDP, 53, 53, ""}});
}

TEST_CASE("a Service is its addresses: those that nodes translate") {
    const std::string head = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n";
    const auto addresses = [](const std::vector<Address>& all) {
        std::string text;
        for (const auto& one : all)
            text += one.text() + " ";
        return text;
    };
    struct Row {
        const char* yaml;
        const char* cluster;
        const char* external;
    };
    for (const auto& row : {
             Row{"spec: {clusterIP: 172.20.0.9, clusterIPs: [172.20.0.9, 'fd00::9']}", "172.20.0.9 fd00::9 ", ""},
             Row{"spec: {clusterIP: 172.20.0.9}", "172.20.0.9 ", ""},
             Row{"spec: {clusterIP: None, clusterIPs: [None]}", "", ""},
             Row{"spec: {clusterIP: ''}", "", ""},
             Row{"spec: {type: ExternalName, externalName: example.org}", "", ""},
             Row{"spec: {clusterIP: 172.20.0.9, externalIPs: [198.51.100.7]}\n"
                 "status: {loadBalancer: {ingress: [{ip: 198.51.100.8}, {hostname: a.example}, {ip: 198.51.100.9, "
                 "ipMode: Proxy}, {ip: 198.51.100.10, ipMode: VIP}]}}",
                 "172.20.0.9 ", "198.51.100.7 198.51.100.8 198.51.100.10 "},
         }) {
        INFO(row.yaml);
        const auto service = good<state::Service>(head + row.yaml);
        CHECK(addresses(service.cluster_ips) == row.cluster);
        CHECK(addresses(service.external_ips) == row.external);
    }
    const auto bad = decode_text(head + "spec: {clusterIPs: [172.20.0]}");
    CHECK_FALSE(bad.object.has_value());
    REQUIRE(bad.complaints.errors.size() == 1);
    CHECK(bad.complaints.errors.front().field == "spec.clusterIPs[0]");
}

} // namespace
} // namespace bulkhead::source
