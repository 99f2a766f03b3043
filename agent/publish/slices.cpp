// SPDX-License-Identifier: Apache-2.0
#include "publish/slices.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "compile/label_keys.h"
#include "state/labels.h"

namespace bulkhead::publish {

namespace {

using Json = nlohmann::ordered_json;

constexpr auto kDefaultAccount = "default"; // is left out
constexpr auto kNotGuardedSlice = "!";      // no tenant is called so

const char* name_of_transport(uint8_t protocol) {
    return protocol == BH_UDP ? "UDP" : protocol == BH_SCTP ? "SCTP" : "TCP";
}

/// Only ports with a name: numbers open nothing by themselves.
Json ports_of(const state::PodTemplate& common) {
    Json ports = Json::array();
    for (const auto& port : common.ports) {
        if (port.name.empty()) continue;
        Json entry{{"name", port.name}, {"port", port.port}};
        if (port.protocol != BH_TCP) entry["protocol"] = name_of_transport(port.protocol);
        ports.push_back(std::move(entry));
    }
    return ports;
}

Json labels_of(const state::PodTemplate& common, const std::set<std::string>& keys) {
    Json labels = Json::object();
    for (const auto& [key, value] : common.labels)
        if (keys.contains(key)) labels[key] = value;
    return labels;
}

void add_unless_empty(Json& object, const char* key, Json value) {
    if (!value.empty()) object[key] = std::move(value);
}

Json endpoint_of(const state::Pod& pod, const std::vector<Address>& addresses, const std::set<std::string>& keys) {
    Json endpoint{{"namespace", pod.ns}, {"pod", pod.name}, {"addresses", Json::array()}};
    for (const auto& address : addresses)
        endpoint["addresses"].push_back(address.text());
    if (pod.created) endpoint["created"] = rfc3339(*pod.created);
    if (pod.common->service_account != kDefaultAccount) endpoint["serviceAccount"] = pod.common->service_account;
    add_unless_empty(endpoint, "labels", labels_of(*pod.common, keys));
    add_unless_empty(endpoint, "ports", ports_of(*pod.common));
    return endpoint;
}

/// So that the slice goes when its node does, by the cluster's garbage collection.
Json owner_of(const state::Node& node) {
    return {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node.meta.name}, {"uid", node.uid}};
}

class Collector {
public:
    Collector(const state::Cluster& cluster, std::set<std::string> keys, std::string node)
        : cluster_(cluster), keys_(std::move(keys)), node_(std::move(node)) {}

    void add(const state::Pod& pod, const std::vector<Address>& addresses, const std::string& tenant,
             bool is_protected) {
        auto& slice = slices_[node_ + "-" + state::scope_of(tenant)];
        if (slice.endpoints.empty() || tenant < slice.tenant) slice.tenant = tenant;
        slice.is_protected |= is_protected;
        slice.endpoints[pod.ns + "/" + pod.name] = endpoint_of(pod, addresses, keys_);
    }

    void add(const state::PodKey& key, state::NotGuarded why) {
        const auto slash = key.find('/');
        slices_[node_ + "-" + state::scope_of(kNotGuardedSlice)].not_guarded.push_back(
            {{"namespace", key.substr(0, slash)}, {"pod", key.substr(slash + 1)}, {"why", state::name_of(why)}});
    }

    Slices finish() {
        Slices slices;
        for (auto& [name, slice] : slices_)
            slices[name] = object(name, std::move(slice)).dump(-1, ' ', false, Json::error_handler_t::replace);
        return slices;
    }

private:
    struct Slice {
        std::string tenant;        // the first, where names share a hash: a slice may be of several
        bool is_protected = false; // one of its pods
        std::map<state::PodKey, Json> endpoints;
        Json not_guarded = Json::array();
    };

    Json spec_of(Slice slice) const {
        Json spec{{"node", node_}};
        add_unless_empty(spec, "notGuarded", std::move(slice.not_guarded));
        if (slice.endpoints.empty()) return spec;
        spec["tenant"] = slice.tenant;
        spec["level"] = slice.is_protected ? "protected" : "non-protected";
        spec["labelKeys"] = keys_;
        for (auto& [key, endpoint] : slice.endpoints)
            spec["endpoints"].push_back(std::move(endpoint));
        return spec;
    }

    Json labels_of_slice(const Slice& slice) const {
        Json labels{{state::kNodeLabel, state::label_value(node_)}};
        if (slice.endpoints.empty()) return labels; // nothing that another agent needs
        labels[state::kTenantLabel] = state::label_value(slice.tenant);
        labels[state::kScopeLabel] = state::scope_of(slice.tenant);
        return labels;
    }

    Json object(const std::string& name, Slice slice) const {
        Json metadata{{"name", name}, {"labels", labels_of_slice(slice)}};
        if (const auto node = cluster_.nodes().find(node_); node != cluster_.nodes().end() && !node->second.uid.empty())
            metadata["ownerReferences"] = Json::array({owner_of(node->second)});
        return {{"apiVersion", "bulkhead.dev/v1alpha1"},
                {"kind", "IdentitySlice"},
                {"metadata", std::move(metadata)},
                {"spec", spec_of(std::move(slice))}};
    }

    const state::Cluster& cluster_;
    std::set<std::string> keys_;
    std::string node_;
    std::map<std::string, Slice> slices_; // by their names
};

/// The pod is known, and to what tenant it belongs.
void add_local(Collector& collector, const state::Cluster& cluster, const compile::Desired& desired,
               const state::LocalPod& local) {
    const auto pod = cluster.pods().find(local.pod);
    const auto row = desired.pods.find(local.slot);
    if (pod == cluster.pods().end() || !pod->second.slice.empty() || row == desired.pods.end()) return;
    if (row->second.identity == BH_IDENTITY_HELD || local.addresses.empty()) return;
    const auto name = desired.names.find(row->second.identity);
    const auto identity = desired.identities.find(row->second.identity);
    if (name == desired.names.end() || identity == desired.identities.end()) return;
    collector.add(pod->second, local.addresses, name->second.tenant, (identity->second.flags & BH_PROTECTED) != 0);
}

/// It has addresses of its own.
bool has_own_addresses(const state::Pod& pod) {
    return pod.slice.empty() && !pod.finished && !pod.common->host_network && !pod.ips.empty();
}

} // namespace

Slices slices_of(const state::Cluster& cluster, const compile::Desired& desired, const std::string& node,
                 const std::set<std::string>& label_keys, const state::NotGuardedPods& not_guarded) {
    Collector collector(cluster, label_keys, node);
    for (const auto& [slot, pod] : cluster.local_pods())
        add_local(collector, cluster, desired, pod);
    for (const auto& [key, why] : not_guarded)
        collector.add(key, why);
    return collector.finish();
}

Slices slices_of_pods(const state::Cluster& cluster, const compile::Tenancy& tenancy,
                      const std::set<std::string>& nodes) {
    const auto keys = compile::label_keys(cluster);
    std::map<std::string, Collector> collectors; // by node
    for (const auto& [key, pod] : cluster.pods()) {
        if (!has_own_addresses(pod) || !nodes.contains(pod.node)) continue;
        const auto* member = tenancy.find(pod.ns);
        if (member == nullptr) continue;
        collectors.try_emplace(pod.node, cluster, keys, pod.node)
            .first->second.add(pod, pod.ips, member->tenant, member->is_protected());
    }
    Slices slices;
    for (auto& [node, collector] : collectors)
        slices.merge(collector.finish());
    return slices;
}

} // namespace bulkhead::publish
