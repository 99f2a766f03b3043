// SPDX-License-Identifier: Apache-2.0
#include "support/random_cluster.h"

#include <algorithm>

#include "support/objects.h"

namespace bulkhead::test {

using namespace state;

namespace {

using Words = std::vector<std::string>;

const Words kTenants{"t0", "t1", "t2"};
const Words kTeams{"red", "blue"};
const Words kApps{"web", "db", "job"};
const Words kAccounts{"default", "worker"};
const Words kPortNames{"http", "metrics", "dns"};
const Words kExposes{"80", "http", "80-81/UDP", "metrics, 443", "81/SCTP", "nonsense!, 82", "90-80", "dns, 80/TCP"};
const Words kCidrs4{"10.0.0.0/16",  "10.0.0.0/23",  "10.0.1.0/24",   "10.0.2.0/24",   "10.0.2.0/25",
                    "10.0.2.16/28", "10.0.2.20/32", "10.0.2.128/25", "203.0.113.0/24"};
const Words kCidrs6{"fd00::/56", "fd00:0:0:1::/64", "fd00:0:0:2::/64", "fd00:0:0:2::10/124", "fd00:0:0:2::14/128"};
const std::vector<Ports> kPortLists{
    {},
    {},
    {port(80)},
    {port(80, 81)},
    {port(80, 82, BH_UDP)},
    {port(81, 81, BH_SCTP)},
    {ping()},
    {port_named("http")},
    {port_named("metrics"), port(443)},
    {port(80), port(80, 80, BH_UDP), ping()},
};

class Builder {
public:
    explicit Builder(uint64_t seed) : dice_(seed) {
        cluster_.seed = seed;
        cluster_.now = Time(std::chrono::seconds(1'800'000'000));
    }

    RandomCluster build();

private:
    void add(Object object) { cluster_.objects.push_back(std::move(object)); }
    void add_nodes();
    void add_namespaces();
    void add_namespace(size_t index);
    void label_tenant(Labels& labels, size_t index);
    void add_pods();
    void add_pod(const std::string& ns, size_t index);
    void add_cluster_dns();
    void add_tenants();
    void add_tenant(const std::string& name);
    void add_access_grants();
    void add_resources();

    PodTemplate pod_template();
    std::vector<Address> pod_addresses(const std::string& node);
    std::string any_node() { return dice_.percent(50) ? "node-a" : "node-b"; }
    std::optional<Selector> app_selector();
    PodTarget target();
    Peer peer();
    Peer named_peer();
    std::vector<Peer> peers();
    Grant grant();
    std::string any_cidr() { return dice_.pick(dice_.percent(60) ? kCidrs4 : kCidrs6); }
    std::string tenant_name();

    Dice dice_;
    RandomCluster cluster_;
    Words namespaces_;
    size_t pods_made_ = 0;
};

RandomCluster Builder::build() {
    cluster_.settings.default_mode = dice_.percent(90) ? Mode::kEnforce : Mode::kAudit;
    if (dice_.percent(40)) cluster_.settings.dns_addresses = {address("169.254.20.10")};
    add_nodes();
    add_namespaces();
    add_cluster_dns();
    add_pods();
    add_tenants();
    add_access_grants();
    add_resources();
    if (dice_.percent(20)) cluster_.settings.keep_open = {dice_.pick(namespaces_)};
    return std::move(cluster_);
}

void Builder::add_nodes() {
    auto first = named<Node>("node-a");
    first.addresses = {address("10.0.0.1"), address("fd00:0:0:1::1")};
    add(first);
    auto second = named<Node>("node-b");
    second.addresses = {address("10.0.1.1"), address("fd00:0:0:1::2")};
    add(second);
}

void Builder::add_namespaces() {
    const size_t count = dice_.between(2, 12);
    for (size_t i = 0; i < count; ++i)
        namespaces_.push_back("ns-" + std::to_string(i));
    for (size_t i = 0; i < count; ++i)
        add_namespace(i);
}

void Builder::label_tenant(Labels& labels, size_t index) {
    if (dice_.percent(30)) labels["bulkhead.dev/tenant"] = dice_.pick(kTenants);
    if (dice_.percent(12)) labels["capsule.clastix.io/tenant"] = dice_.pick(kTenants);
    if (dice_.percent(12)) labels["kiosk.sh/account"] = dice_.pick(kTenants);
    if (!dice_.percent(25)) return;
    const std::string suffix = ".tree.hnc.x-k8s.io/depth";
    labels[namespaces_[index] + suffix] = "0";
    if (index > 1 && dice_.percent(80)) labels[namespaces_[dice_.below(2)] + suffix] = "1";
}

void Builder::add_namespace(size_t index) {
    Labels labels;
    label_tenant(labels, index);
    if (dice_.percent(60)) labels["team"] = dice_.pick(kTeams);
    if (dice_.percent(65)) labels["bulkhead.dev/level"] = dice_.percent(75) ? "protected" : "non-protected";
    if (dice_.percent(30)) labels["bulkhead.dev/mode"] = dice_.percent(75) ? "audit" : "enforce";
    if (dice_.percent(2)) labels["bulkhead.dev/level"] = "secret"; // invalid: the stricter reading
    add(ns(namespaces_[index], std::move(labels)));
}

std::vector<Address> Builder::pod_addresses(const std::string& node) {
    const std::string host = std::to_string(10 + pods_made_++);
    const std::string subnet = node == "node-a" ? "0" : "1";
    return {address("10.0." + subnet + "." + host), address("fd00:0:0:1:" + subnet + "::" + host)};
}

PodTemplate Builder::pod_template() {
    PodTemplate common;
    common.labels = {{"app", dice_.pick(kApps)}};
    common.service_account = dice_.pick(kAccounts);
    if (dice_.percent(50)) common.ports.push_back({"http", BH_TCP, dice_.percent(50) ? uint16_t{80} : uint16_t{82}});
    if (dice_.percent(50)) common.ports.push_back({"metrics", BH_TCP, 90});
    if (dice_.percent(25)) common.ports.push_back({"dns", BH_UDP, 53});
    if (dice_.percent(25)) common.expose = dice_.pick(kExposes);
    return common;
}

void Builder::add_pod(const std::string& ns, size_t index) {
    PodTemplate common = pod_template();
    common.host_network = dice_.percent(6);
    const std::string node = any_node();
    std::vector<Address> ips = pod_addresses(node);
    if (common.host_network) {
        const bool first = node == "node-a";
        ips = {address(first ? "10.0.0.1" : "10.0.1.1"), address(first ? "fd00:0:0:1::1" : "fd00:0:0:1::2")};
    }
    Pod made = pod(ns + "/pod-" + std::to_string(index), node, std::move(common), std::move(ips));
    made.finished = dice_.percent(3);
    add(std::move(made));
}

void Builder::add_pods() {
    for (const std::string& ns : namespaces_) {
        const size_t count = dice_.between(1, 3);
        for (size_t i = 0; i < count; ++i)
            add_pod(ns, i);
    }
    if (!dice_.percent(35)) return;
    PodTemplate unborn = pod_template(); // its namespace is not known: held
    std::vector<Address> ips = pod_addresses("node-a");
    add(pod("unborn/pod-0", "node-a", std::move(unborn), std::move(ips)));
}

void Builder::add_cluster_dns() {
    if (dice_.percent(30)) return;
    Labels labels;
    if (dice_.percent(50)) labels["bulkhead.dev/level"] = "protected";
    add(ns("kube-system", std::move(labels)));
    PodTemplate coredns = pod_template();
    coredns.expose = "53/UDP";
    const std::string node = any_node();
    const auto ips = pod_addresses(node);
    add(pod("kube-system/coredns", node, std::move(coredns), ips));
    auto slice = named<EndpointSlice>("kube-dns-x", "kube-system");
    slice.service = "kube-dns";
    slice.addresses = ips;
    for (const auto& ip : ips)
        slice.pods[ip] = {"kube-system/coredns"};
    add(slice);
}

std::optional<Selector> Builder::app_selector() {
    if (dice_.percent(55)) return std::nullopt;
    if (dice_.percent(80)) return label_is("app", dice_.pick(kApps));
    return Selector{{{.key = "app", .op = Selector::Term::Op::kNotIn, .values = {dice_.pick(kApps)}}}};
}

PodTarget Builder::target() {
    PodTarget target{.namespaces = std::nullopt, .pods = app_selector()};
    if (dice_.percent(20)) target.namespaces = label_is("team", dice_.pick(kTeams));
    if (dice_.percent(10)) target.namespaces = label_is("kubernetes.io/metadata.name", dice_.pick(namespaces_));
    return target;
}

/// As people write a tenant: declared or labelled by its name, others with their source.
std::string Builder::tenant_name() {
    if (dice_.percent(60)) return dice_.pick(kTenants);
    if (dice_.percent(50)) return "ns/" + dice_.pick(namespaces_);
    const Words sources{"capsule/", "kiosk/"};
    return dice_.pick(sources) + dice_.pick(kTenants);
}

Peer Builder::named_peer() {
    if (dice_.percent(50)) return TenantPeer{.tenant = tenant_name(), .pods = app_selector()};
    NamespacePeer peer{.ns = dice_.pick(namespaces_), .pods = app_selector(), .service_account = std::nullopt};
    if (dice_.percent(40)) peer.service_account = dice_.pick(kAccounts);
    return peer;
}

Peer Builder::peer() {
    const size_t kind = dice_.below(100);
    if (kind < 60) return named_peer();
    if (kind < 70) return ResourcePeer{"res-" + std::to_string(dice_.below(4))};
    if (kind < 73) return ResourcePeer{"cluster-dns"};
    if (kind < 93) return CidrPeer{cidr(any_cidr())};
    return WorldPeer{};
}

std::vector<Peer> Builder::peers() {
    std::vector<Peer> made{peer()};
    while (dice_.percent(55))
        made.push_back(peer());
    return made;
}

Grant Builder::grant() {
    Grant made{
        .from = peers(), .to = target(), .ports = dice_.pick(kPortLists), .until = std::nullopt, .reason = "random"};
    if (dice_.percent(30)) made.until = cluster_.now + std::chrono::hours(dice_.below(3)) - std::chrono::hours(1);
    return made;
}

void Builder::add_tenant(const std::string& name) {
    auto made = named<Tenant>(name);
    made.meta.created = cluster_.now - std::chrono::hours(dice_.between(1, 3)); // equal ones happen
    for (const std::string& ns : namespaces_) {
        if (dice_.percent(35)) made.namespaces.push_back(ns);
    }
    if (dice_.percent(20)) made.namespace_selector = label_is("team", dice_.pick(kTeams));
    if (dice_.percent(3)) made.namespace_selector = Selector{}; // all
    if (dice_.percent(50)) made.level = dice_.percent(85) ? Level::kProtected : Level::kNonProtected;
    if (dice_.percent(50)) made.mode = dice_.percent(70) ? Mode::kAudit : Mode::kEnforce;
    made.sealed = dice_.percent(20);
    made.confined = dice_.percent(25);
    made.pod_expose = dice_.percent(80);
    made.access_grants = dice_.percent(80);
    for (size_t i = dice_.below(2); i > 0; --i)
        made.expose.push_back({target(), dice_.pick(kPortLists)});
    for (size_t i = dice_.below(3); i > 0; --i)
        made.trusted.push_back({target(), dice_.pick(kPortLists)});
    for (size_t i = dice_.between(1, 4); i > 0; --i)
        made.allow_from.push_back(grant());
    for (size_t i = dice_.below(3); i > 0; --i)
        made.allow_to.push_back({peers(), dice_.pick(kPortLists)});
    add(std::move(made));
}

void Builder::add_tenants() {
    for (const std::string& name : kTenants) {
        if (dice_.percent(70)) add_tenant(name);
    }
    if (dice_.percent(40)) add_tenant("t9"); // no label names it
}

void Builder::add_access_grants() {
    for (size_t i = 0; i < namespaces_.size(); ++i) {
        if (!dice_.percent(50)) continue;
        auto made = named<AccessGrant>("grant-" + std::to_string(i), namespaces_[i]);
        made.grant = grant();
        made.grant.to.namespaces.reset();
        add(std::move(made));
    }
}

void Builder::add_resources() {
    Words unused = kCidrs4; // two resources never name the same CIDR: who would own it is compile()'s to report
    unused.insert(unused.end(), kCidrs6.begin(), kCidrs6.end());
    const size_t count = dice_.below(5);
    for (size_t i = 0; i < count; ++i) {
        auto made = named<AwsResource>("res-" + std::to_string(i));
        if (dice_.percent(65)) made.tenant = tenant_name();
        if (dice_.percent(15)) made.level = Level::kNonProtected;
        if (dice_.percent(40)) made.mode = dice_.percent(70) ? Mode::kAudit : Mode::kEnforce;
        for (size_t n = dice_.between(1, 3); n > 0; --n) {
            const auto at = static_cast<std::ptrdiff_t>(dice_.below(unused.size()));
            made.cidrs.push_back(cidr(unused[static_cast<size_t>(at)]));
            unused.erase(unused.begin() + at);
        }
        if (dice_.percent(35)) made.ports = {port(80, 81), port(80, 80, BH_UDP)};
        if (i == 0) made.instance_metadata = dice_.percent(30);
        for (size_t n = dice_.below(3); n > 0; --n) {
            Grant given = grant();
            given.to = {};
            std::erase_if(given.ports, [](const PortSpec& spec) { return !spec.name.empty(); }); // names are for pods
            if (given.ports.empty()) given.ports = {port(80)};
            made.allow_from.push_back(std::move(given));
        }
        add(std::move(made));
    }
}

} // namespace

RandomCluster random_cluster(uint64_t seed) {
    return Builder(seed).build();
}

} // namespace bulkhead::test
