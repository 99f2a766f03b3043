// SPDX-License-Identifier: Apache-2.0
#include "support/crd_objects.h"

namespace bulkhead::test {

namespace {

constexpr auto kWholeTenant = R"({
  namespaces: [payments, payments-batch],
  namespaceSelector: {matchLabels: {team: payments}, matchExpressions: [
    {key: example.org/tier, operator: In, values: [web, api]}, {key: old, operator: DoesNotExist}]},
  level: protected, mode: audit, sealed: true, confined: true,
  podExpose: false, accessGrants: false, sourceCheck: false,
  aws: {region: eu-west-1, roleArn: "arn:aws:iam::111122223333:role/bulkhead", externalId: payments},
  expose: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}, matchExpressions: [
              {key: tier, operator: NotIn, values: [db]}]},
            podSelector: {matchLabels: {app: login}, matchExpressions: [{key: a, operator: In, values: [b]}]},
            ports: [{port: 8443}, {port: http, protocol: TCP}, {port: 9000, endPort: 9010, protocol: UDP},
                    {protocol: ICMP}, {port: 65535, protocol: SCTP}]}],
  trusted: [{namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]},
             podSelector: {matchLabels: {app: prometheus}, matchExpressions: [{key: a, operator: In, values: [b]}]},
             ports: [{port: 9100, endPort: 9100, protocol: TCP}, {port: metrics}]}],
  allowFrom: [
    {from: [{tenant: capsule/accounts, podSelector: {matchLabels: {a: b}, matchExpressions: [
               {key: a, operator: In, values: [b]}]}},
            {namespace: blog, serviceAccount: reports, podSelector: {}},
            {awsResource: cluster-dns}, {cidr: 203.0.113.0/24}, {cidr: "2001:db8::1"}, {world: true}],
     to: {namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]},
          podSelector: {matchLabels: {app: api}, matchExpressions: [{key: a, operator: In, values: [b]}]}},
     ports: [{port: 8443, endPort: 8444, protocol: TCP}],
     until: "2030-12-31T23:59:59.5+01:00", reason: login asks for the balance}],
  allowTo: [{to: [{tenant: Team_A, podSelector: {matchLabels: {a: b}, matchExpressions: [
                     {key: a, operator: In, values: [b]}]}},
                  {namespace: blog, serviceAccount: reports}, {awsResource: aurora}, {cidr: 10.0.0.0/8},
                  {world: true}],
             ports: [{port: 443, endPort: 444, protocol: TCP}]}]})";

constexpr auto kWholeGrant = R"({
  podSelector: {matchLabels: {app: vault}, matchExpressions: [{key: a, operator: In, values: [b]}]},
  from: [{tenant: hnc/accounts, podSelector: {matchLabels: {a: b}, matchExpressions: [
            {key: a, operator: In, values: [b]}]}},
         {namespace: blog, serviceAccount: reports}, {awsResource: aurora}, {cidr: "2001:db8::/32"}, {world: true}],
  ports: [{port: 8443, endPort: 8444, protocol: TCP}, {port: export}],
  until: "2030-12-31T23:59:59Z", reason: the yearly report})";

constexpr auto kWholeResource = R"({
  tenant: payments, level: non-protected, levelFrom: {tag: "bulkhead.dev/level"}, mode: enforce,
  ports: [{port: 5432, endPort: 5433, protocol: TCP}],
  allowFrom: [{from: [{tenant: ns/accounts, podSelector: {matchLabels: {a: b}, matchExpressions: [
                         {key: a, operator: In, values: [b]}]}},
                      {namespace: blog, serviceAccount: reports}, {awsResource: aurora}, {cidr: 192.0.2.1/32},
                      {world: true}],
               ports: [{port: 5432, endPort: 5432, protocol: TCP}],
               until: "2030-12-31T23:59:59Z", reason: the day's accounts}],
  addresses: {cidrs: [10.0.200.0/28, "fd00:10:0:200::/64", 192.0.2.7],
              hostnames: [payments.cluster-abc.eu-central-1.rds.amazonaws.com], securityGroups: [sg-0123456789abcdef0],
              networkInterfaceTags: {team: payments}, resourceTags: {"aws:tag": "any value, really"},
              subnets: [subnet-0123456789abcdef0], prefixLists: [pl-0123456789abcdef0], instanceMetadata: true},
  aws: {region: us-gov-west-1, roleArn: "arn:aws-us-gov:iam::111122223333:role/teams/bulkhead", externalId: "x,1"}})";

constexpr auto kWholeOverride =
    R"({tenant: capsule/payments, mode: audit, until: "2030-12-31T23:59:59Z", reason: the till can't be reached})";
constexpr auto kOverrideOfAll = R"({all: true, until: "2030-12-31T23:59:59Z", reason: a drill})";

constexpr auto kWholeSlice = R"({
  node: ip-10-0-1-1.eu-central-1.compute.internal, tenant: capsule/payments, level: protected, labelKeys: [app, tier],
  endpoints: [
    {namespace: payments, pod: ledger-0, addresses: [10.0.1.7, "2001:db8::7"], created: "2026-11-27T12:00:00Z",
     since: "2026-11-27T13:00:00Z", turn: 1,
     serviceAccount: ledger, labels: {app: ledger}, workload: Deployment/ledger, expose: "8443, 9000-9010/UDP",
     ports: [{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}]},
    {namespace: payments, pod: ledger-1, addresses: []}],
  notGuarded: [{namespace: payments, pod: ledger-2, why: no-program}],
  overrides: [{tenant: capsule/payments, until: "2030-12-31T23:59:59Z", reason: the till can't be reached},
              {until: "2030-12-31T23:59:59Z", reason: a drill}],
  kubeApiserver: [{namespace: hooks, service: admit, selector: {app: admit},
                   ports: [{port: 8443}, {port: https, protocol: TCP}]}]})";

constexpr auto kTaggedResource = R"({tenantFrom: {tag: team}, levelFrom: {tag: level}, level: protected,
  addresses: {resourceTags: {team: "*"}, subnets: [subnet-0123456789abcdef0]}})";

constexpr auto kWholeFound =
    R"({awsResource: aurora, tenant: "whatever it says", level: open, addresses: [10.0.7.12, 10.0.200.0/28, "fd00:10:0:200::/64"]})";

// Rows about one part of an object, which stand in many of them.
std::string peer(const std::string& peer) {
    return "{from: [" + peer + "]}";
}
std::string port(const std::string& port) {
    return "{from: [{world: true}], ports: [" + port + "]}";
}
std::string until(const std::string& date) {
    return "{from: [{world: true}], until: '" + date + "'}";
}
std::string override_spec(const std::string& more) {
    return "{until: '2030-12-31T23:59:59Z', reason: a drill, " + more + "}";
}
std::string selector(const std::string& selector) {
    return "{from: [{world: true}], podSelector: " + selector + "}";
}
std::string cidr(const std::string& cidr) {
    return "{addresses: {cidrs: ['" + cidr + "']}}";
}

/// With an address, which every resource must have.
std::string resource(const std::string& more) {
    return "{addresses: {cidrs: [10.0.200.0/28]}, " + more + "}";
}

std::vector<WrongObject> wrong_fields() {
    using enum Refuses;
    return {
        {"a level", "Tenant", "{level: secret}", "{level: protected}", kSchema, "supported values: \"protected\"",
         "neither protected nor non-protected"},
        {"a mode", "Tenant", "{mode: warn}", "{mode: audit}", kSchema, "supported values: \"enforce\"",
         "neither enforce nor audit"},
        {"a quoted truth", "Tenant", "{sealed: 'true'}", "{sealed: true}", kSchema, "must be of type boolean",
         "neither true nor false"},
        {"a namespace's name", "Tenant", "{namespaces: [Payments]}", "{namespaces: [payments]}", kSchema,
         "spec.namespaces", "is not a Kubernetes name"},
        {"one namespace without its list", "Tenant", "{namespaces: payments}", "{namespaces: [payments]}", kSchema,
         "must be of type array", "is not a list"},
        {"an AWS resource's level", "AWSResource", resource("level: open"), resource("level: non-protected"), kSchema,
         "supported values: \"protected\"", "neither protected nor non-protected"},
        {"an AWS resource's tenant", "AWSResource", resource("tenant: eks/a"), resource("tenant: kiosk/a"), kSchema,
         "spec.tenant", "has none of the sources"},
        {"an AWS resource without addresses", "AWSResource", "{tenant: a}", resource("tenant: a"), kSchema,
         "spec.addresses: Required value", "is missing or empty"},
        {"an AWS resource that names nothing", "AWSResource", "{addresses: {}}",
         "{addresses: {instanceMetadata: true}}", kSchema, "should have at least 1 properties", "is missing or empty"},
        {"no peers in a tenant's grant", "Tenant", "{allowFrom: [{ports: [{port: 80}]}]}",
         "{allowFrom: [{from: [{world: true}], ports: [{port: 80}]}]}", kSchema, "from: Required value", "is missing"},
        {"no peers to reach", "Tenant", "{allowTo: [{to: []}]}", "{allowTo: [{to: [{world: true}]}]}", kSchema,
         "should have at least 1 items", "name at least one peer"},
        {"no peers in a grant", "AccessGrant", "{ports: [{port: 80}]}", port("{port: 80}"), kSchema,
         "spec.from: Required value", "is missing"},
        {"an override of a tenant and of all", "Override", override_spec("tenant: a, all: true"),
         override_spec("tenant: a"), kSchema, "must validate one and only one schema", "must be either of one tenant"},
        {"an override of nobody", "Override", override_spec("mode: audit"), override_spec("all: true"), kSchema,
         "must validate one and only one schema", "must be either of one tenant"},
        {"an override that makes stricter", "Override", override_spec("all: true, mode: enforce"),
         override_spec("all: true, mode: audit"), kSchema, "supported values: \"audit\"",
         "can't make anything stricter"},
        {"an override without an end", "Override", "{all: true, reason: a drill}", override_spec("all: true"), kSchema,
         "spec.until: Required value", "an override has an end"},
        {"an override without a reason", "Override", "{all: true, until: '2030-12-31T23:59:59Z'}",
         override_spec("all: true"), kSchema, "spec.reason: Required value", "say why"},
        {"a date without a time", "AccessGrant", until("2026-02-03"), until("2026-02-03T00:00:00Z"), kSchema,
         "must be of type date-time", "is not a date"},
        {"a day that no month has", "AccessGrant", until("2026-02-30T00:00:00Z"), until("2026-02-28T00:00:00Z"),
         kSchema, "must be of type date-time", "is not a date"},
        {"an offset of 25 hours", "AccessGrant", until("2026-02-03T00:00:00+25:00"), until("2026-02-03T00:00:00+13:00"),
         kSchema, "should match", "is not a date"},
        {"an offset of a day", "AccessGrant", until("2026-02-03T00:00:00+24:00"), until("2026-02-03T00:00:00+23:59"),
         kSchema, "should match", "is not a date"},
        {"a fraction after a comma", "AccessGrant", until("2026-02-03T23:59:59,5Z"), until("2026-02-03T23:59:59.5Z"),
         kSchema, "should match", "is not a date"},
        {"a date before 1970", "AccessGrant", until("1969-12-31T23:59:59Z"), until("1970-01-01T00:00:00Z"), kSchema,
         "should match", "is not within the years 1970 to 9999"},
        {"a date before 1970 elsewhere", "AccessGrant", until("1970-01-01T00:00:00+00:01"),
         until("1970-01-01T00:00:00-00:01"), kAgent, "", "is not within the years 1970 to 9999"},
        {"a date after 9999", "AccessGrant", until("9999-12-31T23:59:59-00:01"), until("9999-12-31T23:59:59Z"), kAgent,
         "", "is not within the years 1970 to 9999"},
        {"a slice of no node", "IdentitySlice", "{tenant: a}", "{node: a}", kAgent, "", "is missing"},
        {"a resource's slice of a node", "IdentitySlice", "{node: a, awsResource: b}", "{node: a}", kAgent, "",
         "is not for"},
        {"an endpoint without its pod", "IdentitySlice", "{node: a, endpoints: [{namespace: b}]}",
         "{node: a, endpoints: [{namespace: b, pod: c}]}", kSchema, "pod: Required value", "is missing"},
        {"an endpoint's port by ICMP", "IdentitySlice",
         "{node: a, endpoints: [{namespace: b, pod: c, ports: [{name: d, port: 1, protocol: ICMP}]}]}",
         "{node: a, endpoints: [{namespace: b, pod: c, ports: [{name: d, port: 1, protocol: SCTP}]}]}", kSchema,
         "supported values: \"TCP\"", "ICMP has no ports"},
    };
}

std::vector<WrongObject> wrong_peers() {
    using enum Refuses;
    const std::string one = "must be exactly one of tenant, namespace, awsResource, cidr, world";
    return {
        {"two peers in one", "AccessGrant", peer("{tenant: a, namespace: b}"), peer("{tenant: a}, {namespace: b}"),
         kRules, one, one},
        {"a peer that is nobody", "AccessGrant", peer("{}"), peer("{world: true}"), kRules, one, one},
        {"pods of nobody", "AccessGrant", peer("{podSelector: {}}"), peer("{tenant: a, podSelector: {}}"), kRules, one,
         one},
        {"pods of a resource", "AccessGrant", peer("{awsResource: a, podSelector: {}}"), peer("{awsResource: a}"),
         kRules, "podSelector goes with tenant or namespace", "is an unknown field"},
        {"an account of a tenant", "AccessGrant", peer("{tenant: a, serviceAccount: b}"),
         peer("{namespace: a, serviceAccount: b}"), kRules, "serviceAccount goes with namespace",
         "is an unknown field"},
        {"a world that is false", "AccessGrant", peer("{world: false}"), peer("{world: true}"), kSchema,
         "Unsupported value: false", "is true or isn't there"},
        {"an unknown source", "AccessGrant", peer("{tenant: hns/a}"), peer("{tenant: hnc/a}"), kSchema,
         "tenant in body should match", "has none of the sources"},
        {"a source without a name", "AccessGrant", peer("{tenant: ns/}"), peer("{tenant: ns/a}"), kSchema,
         "tenant in body should match", "is not a tenant's name"},
        {"an account's name", "AccessGrant", peer("{namespace: a, serviceAccount: B}"),
         peer("{namespace: a, serviceAccount: b}"), kSchema, "serviceAccount in body should match",
         "is not a Kubernetes name"},
        {"a CIDR with host bits", "AccessGrant", peer("{cidr: 10.0.0.1/8}"), peer("{cidr: 10.0.0.0/8}"), kRules,
         "has bits set beyond its prefix length", "has bits set beyond its prefix length"},
        {"a resource's CIDR with host bits", "AWSResource", cidr("10.0.200.1/31"), cidr("10.0.200.0/31"), kRules,
         "has bits set beyond its prefix length", "has bits set beyond its prefix length"},
        {"an IPv6 CIDR with host bits", "AWSResource", cidr("2001:db8::1/127"), cidr("2001:DB8::0/127"), kRules,
         "has bits set beyond its prefix length", "has bits set beyond its prefix length"},
        {"a prefix that is too long", "AWSResource", cidr("10.0.0.0/33"), cidr("10.0.0.0/32"), kRules,
         "is not a CIDR such as 10.0.0.0/16", "has no valid prefix length"},
        {"a short address", "AWSResource", cidr("10.0.0/24"), cidr("10.0.0.0/24"), kRules,
         "is not a CIDR such as 10.0.0.0/16", "is not a CIDR"},
        {"an address with leading zeros", "AWSResource", cidr("010.0.0.0/8"), cidr("10.0.0.0/8"), kRules,
         "is not a CIDR such as 10.0.0.0/16", "is not a CIDR"},
        {"an IPv4-mapped address", "AWSResource", cidr("::ffff:10.0.0.0/104"), cidr("64:ff9b::10.0.0.0/104"), kRules,
         "is not a CIDR such as 10.0.0.0/16", "is not a CIDR"},
        {"a prefix with a leading zero", "AWSResource", cidr("10.0.0.0/08"), cidr("10.0.0.0/8"), kSchema,
         "should match", "has no valid prefix length"},
        {"a prefix that is missing", "AWSResource", cidr("10.0.0.0/"), cidr("10.0.0.0"), kSchema, "should match",
         "has no valid prefix length"},
        {"a host's name among CIDRs", "AWSResource", cidr("db.example.org"),
         "{addresses: {hostnames: [db.example.org]}}", kSchema, "should match", "is not a CIDR"},
        {"a security group's name", "AWSResource", "{addresses: {securityGroups: [databases]}}",
         "{addresses: {securityGroups: [sg-0123abcd]}}", kSchema, "should match", "is no id such as sg-"},
        {"an id that is too short", "AWSResource", "{addresses: {subnets: [subnet-0123456789abcdef]}}",
         "{addresses: {subnets: [subnet-0123456789abcdef0]}}", kSchema, "should match", "is no id such as subnet-"},
        {"a host's name with a space", "AWSResource", "{addresses: {hostnames: ['db .example.org']}}",
         "{addresses: {hostnames: [DB.example.org.]}}", kSchema, "should match", "db .example.org"},
        {"tags without any", "AWSResource", "{addresses: {resourceTags: {}}}", "{addresses: {resourceTags: {team: a}}}",
         kSchema, "at least 1", "names no tag"},
        {"an owner said twice", "AWSResource",
         "{tenant: a, tenantFrom: {tag: team}, addresses: {subnets: [subnet-0123abcd]}}",
         "{tenantFrom: {tag: team}, addresses: {subnets: [subnet-0123abcd]}}", kSchema, "must not validate",
         "doesn't go with tenant"},
        {"a name without a tag", "AWSResource",
         "{tenantFrom: {tag: team}, addresses: {hostnames: [db.example.org], subnets: [subnet-0123abcd]}}",
         "{levelFrom: {tag: team}, addresses: {hostnames: [db.example.org], subnets: [subnet-0123abcd]}}", kSchema,
         "must not validate", "has no tags for spec.tenantFrom"},
        {"CIDRs without a tag", "AWSResource", "{tenantFrom: {tag: team}, addresses: {cidrs: [10.0.0.1]}}",
         "{tenantFrom: {tag: team}, addresses: {prefixLists: [pl-0123abcd]}}", kSchema, "must not validate",
         "has no tags for spec.tenantFrom"},
        {"an owner's tag without a key", "AWSResource",
         "{tenantFrom: {tag: ''}, addresses: {subnets: [subnet-0123abcd]}}",
         "{tenantFrom: {tag: t}, addresses: {subnets: [subnet-0123abcd]}}", kSchema, "should be at least 1 chars long",
         "is no tag's key"},
        {"a level's tag without a key", "AWSResource", "{levelFrom: {}, addresses: {subnets: [subnet-0123abcd]}}",
         "{levelFrom: {tag: t}, addresses: {subnets: [subnet-0123abcd]}}", kSchema, "tag: Required value",
         "names no tag"},
        {"a zone for a region", "AWSResource", "{addresses: {instanceMetadata: true}, aws: {region: eu-central-1a}}",
         "{addresses: {instanceMetadata: true}, aws: {region: eu-central-1}}", kSchema, "should match",
         "is no region such as"},
        {"a user for a role", "AWSResource",
         "{addresses: {instanceMetadata: true}, aws: {roleArn: 'arn:aws:iam::111122223333:user/bulkhead'}}",
         "{addresses: {instanceMetadata: true}, aws: {roleArn: 'arn:aws:iam::111122223333:role/bulkhead'}}", kSchema,
         "should match", "is no role such as"},
    };
}

std::vector<WrongObject> wrong_ports() {
    using enum Refuses;
    const std::string quoted = "a number stands without quotes; the name of a container's port has a letter";
    const std::string end = "endPort goes with a port that is a number and not greater than it";
    return {
        {"port 0", "AccessGrant", port("{port: 0}"), port("{port: 1}"), kSchema, "greater than or equal to 1",
         "0 is not a port (1-65535)"},
        {"port 65536", "AccessGrant", port("{port: 65536}"), port("{port: 65535}"), kSchema,
         "less than or equal to 65535", "65536 is not a port (1-65535)"},
        {"an end beyond all ports", "AccessGrant", port("{port: 1, endPort: 70000}"), port("{port: 1, endPort: 65535}"),
         kSchema, "less than or equal to 65535", "70000 is not a port (1-65535)"},
        {"a quoted number", "AccessGrant", port("{port: '8443'}"), port("{port: 8443}"), kSchema, "should match",
         "a number stands without quotes", quoted},
        {"as many digits as a name may have", "AccessGrant", port("{port: '123456789012345'}"),
         port("{port: 12345678901234a}"), kSchema, "should match", "a number stands without quotes", quoted},
        {"a name that is too long", "AccessGrant", port("{port: abcdefghijklmnop}"), port("{port: abcdefghijklmno}"),
         kSchema, "port", "is not a port's name"},
        {"a name with two hyphens", "AccessGrant", port("{port: a--1}"), port("{port: 1-a-1}"), kSchema, "should match",
         "is not a port's name"},
        {"a name that ends in a hyphen", "AccessGrant", port("{port: web-}"), port("{port: web-1}"), kSchema,
         "should match", "is not a port's name"},
        {"half a port", "AccessGrant", port("{port: 1.5}"), port("{port: 1}"), kSchema, "port",
         "is not a whole number"},
        {"a protocol in lower case", "AccessGrant", port("{port: 80, protocol: tcp}"),
         port("{port: 80, protocol: TCP}"), kSchema, "supported values: \"TCP\"", "is none of TCP, UDP, SCTP, ICMP"},
        {"a port that is nothing", "AccessGrant", port("{}"), port("{protocol: UDP}"), kSchema,
         "should have at least 1 properties", "names neither a port nor a protocol"},
        {"an end before the port", "AccessGrant", port("{port: 90, endPort: 80}"), port("{port: 80, endPort: 80}"),
         kRules, end, "80 is less than port 90"},
        {"an end without a port", "AccessGrant", port("{endPort: 80, protocol: TCP}"),
         port("{port: 80, endPort: 80, protocol: TCP}"), kRules, end, "goes with port only"},
        {"an end of a name", "AccessGrant", port("{port: http, endPort: 80}"), port("{port: http}"), kRules, end,
         "goes with a number, not with a name"},
        {"a port of ICMP", "AccessGrant", port("{port: 8, protocol: ICMP}"), port("{protocol: ICMP}"), kRules,
         "ICMP has no ports", "ICMP has no ports"},
        {"a resource's port by name", "AWSResource", resource("ports: [{port: mysql}]"),
         resource("ports: [{port: 3306}]"), kSchema, "must be of type integer", "those are for pods"},
        {"a grant on a resource's port by name", "AWSResource",
         resource("allowFrom: [{from: [{world: true}], ports: [{port: mysql}]}]"),
         resource("allowFrom: [{from: [{world: true}], ports: [{port: 3306}]}]"), kSchema, "must be of type integer",
         "those are for pods"},
        {"a resource's end before the port", "AWSResource", resource("ports: [{port: 90, endPort: 80}]"),
         resource("ports: [{port: 80, endPort: 90}]"), kRules, "endPort goes with a port that is not greater than it",
         "80 is less than port 90"},
    };
}

std::vector<WrongObject> wrong_selectors() {
    using enum Refuses;
    const std::string some = "In and NotIn go with at least one of values; for any value write Exists";
    const std::string none = "Exists and DoesNotExist go without values; for some values write In or NotIn";
    const auto expression = [](const std::string& text) { return selector("{matchExpressions: [" + text + "]}"); };
    return {
        {"an operator", "AccessGrant", expression("{key: a, operator: Near, values: [b]}"),
         expression("{key: a, operator: In, values: [b]}"), kSchema, "supported values: \"In\"",
         "is none of In, NotIn, Exists, DoesNotExist"},
        {"no operator", "AccessGrant", expression("{key: a}"), expression("{key: a, operator: Exists}"), kSchema,
         "operator: Required value", "is missing"},
        {"In nothing", "AccessGrant", expression("{key: a, operator: In}"),
         expression("{key: a, operator: In, values: [b]}"), kSchema, "must not validate", "names nothing", some},
        {"NotIn an empty list", "AccessGrant", expression("{key: a, operator: NotIn, values: []}"),
         expression("{key: a, operator: NotIn, values: [b]}"), kSchema, "must not validate", "names nothing", some},
        {"Exists with a value", "AccessGrant", expression("{key: a, operator: Exists, values: [b]}"),
         expression("{key: a, operator: Exists, values: []}"), kSchema, "must not validate",
         "goes with In and NotIn only", none},
        {"DoesNotExist with a value", "AccessGrant", expression("{key: a, operator: DoesNotExist, values: [b]}"),
         expression("{key: a, operator: DoesNotExist}"), kSchema, "must not validate", "goes with In and NotIn only",
         none},
        {"a label's name", "AccessGrant", expression("{key: -a, operator: Exists}"),
         expression("{key: x.y/a_b.c-d, operator: Exists}"), kSchema, "key in body should match",
         "is not a label's name"},
        {"a label's value", "AccessGrant", selector("{matchLabels: {a: 'b c'}}"), selector("{matchLabels: {a: b.c}}"),
         kSchema, "should match", "is not a label's value"},
        {"a label's value that is a number", "AccessGrant", selector("{matchLabels: {a: 1}}"),
         selector("{matchLabels: {a: '1'}}"), kSchema, "must be of type string", "is not a string"},
        {"a name among matchLabels", "AccessGrant", selector("{matchLabels: {'a b': c}}"),
         selector("{matchLabels: {a: c}}"), kAgent, "", "is not a label's name"},
    };
}

} // namespace

std::string document_of(const std::string& kind, const std::string& name, const std::string& spec) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name +
           (kind == "AccessGrant" ? ", namespace: payments" : "") + "}\nspec: " + spec + "\n";
}

std::vector<std::string> whole_objects() {
    return {document_of("Tenant", "whole", kWholeTenant),
            document_of("AccessGrant", "whole", kWholeGrant),
            document_of("AWSResource", "whole", kWholeResource),
            document_of("AWSResource", "tagged", kTaggedResource),
            document_of("Override", "whole", kWholeOverride),
            document_of("Override", "all", kOverrideOfAll),
            document_of("IdentitySlice", "whole", kWholeSlice),
            document_of("IdentitySlice", "resource-aurora-0", kWholeFound)};
}

std::vector<WrongObject> wrong_objects() {
    std::vector<WrongObject> rows;
    for (const auto& more : {wrong_fields(), wrong_peers(), wrong_ports(), wrong_selectors()})
        rows.insert(rows.end(), more.begin(), more.end());
    return rows;
}

} // namespace bulkhead::test
