// SPDX-License-Identifier: Apache-2.0
#include "bpf/small_cluster.h"

#include "datapath/counters.h"
#include "support/objects.h"

namespace bulkhead::test {

using namespace state;

namespace {

Pod at(const std::string& path, const std::string& node, const std::string& v4, const std::string& v6,
       PodTemplate common = {}) {
    return pod(path, node, std::move(common), {address(v4), address(v6)});
}

Namespace protected_namespace(const std::string& name) {
    return ns(name, {{"bulkhead.dev/tenant", name}, {"bulkhead.dev/level", "protected"}});
}

Node node(const std::string& name, const std::string& v4, const std::string& v6) {
    auto out = named<Node>(name);
    out.addresses = {address(v4), address(v6)};
    return out;
}

} // namespace

Namespace blog_namespace(bool is_protected) {
    return is_protected ? protected_namespace("blog") : ns("blog", {{"bulkhead.dev/tenant", "blog"}});
}

Namespace audited_namespace(const std::string& name) {
    auto audited = protected_namespace(name);
    audited.labels["bulkhead.dev/mode"] = "audit";
    return audited;
}

Pod ledger_pod(const std::string& expose) {
    PodTemplate common;
    common.expose = expose;
    return at(kLedger, "node-a", "10.0.1.2", "fd00:1::2", common);
}

Tenant batch_tenant(bool allowed_to_world) {
    auto batch = named<Tenant>("batch");
    batch.namespaces = {"batch"};
    batch.confined = true;
    AllowTo outside;
    outside.to = {CidrPeer{cidr("203.0.113.0/24")}};
    batch.allow_to = {outside};
    if (allowed_to_world) batch.allow_to.push_back({.to = {WorldPeer{}}, .ports = {}});
    return batch;
}

std::vector<Object> small_cluster() {
    auto vault = named<AwsResource>("vault");
    vault.cidrs = {cidr("10.0.200.10"), cidr("fd00:c8::10")};
    PodTemplate gate;
    gate.expose = "8080";
    return {
        node("node-a", "10.0.0.1", "fd00::1"),
        node("node-b", "10.0.0.2", "fd00::2"),
        blog_namespace(false),
        protected_namespace("payments"),
        protected_namespace("accounts"),
        ns("batch"),
        batch_tenant(false),
        vault,
        at(kWeb, "node-a", "10.0.1.1", "fd00:1::1"),
        at(kFar, "node-b", "10.0.2.1", "fd00:2::1"),
        ledger_pod("8443, 5300/UDP"),
        at(kRemote, "node-b", "10.0.2.2", "fd00:2::2"),
        at(kJob, "node-a", "10.0.1.3", "fd00:1::3"),
        at(kGate, "node-a", "10.0.1.4", "fd00:1::4", gate),
    };
}

uint64_t Wire::statistic(bh_statistic which) const {
    return datapath::read_statistics(machine_.kernel().maps()).value()[which];
}

} // namespace bulkhead::test
