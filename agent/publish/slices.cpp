// SPDX-License-Identifier: Apache-2.0
#include "publish/slices.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "state/labels.h"

namespace bulkhead::publish {

namespace {

using Json = nlohmann::ordered_json;

constexpr auto kDefaultAccount = "default"; // is left out
constexpr size_t kMostKeys = 128;           // of labels

void add_keys(const std::optional<state::Selector>& selector, std::set<std::string>& keys) {
    if (!selector) return;
    for (const auto& term : selector->terms)
        keys.insert(term.key);
}

struct AddKeysOf {
    std::set<std::string>& keys;
    void operator()(const state::TenantPeer& peer) const { add_keys(peer.pods, keys); }
    void operator()(const state::NamespacePeer& peer) const { add_keys(peer.pods, keys); }
    void operator()(const auto&) const {} // no pods
};

void add_keys(const std::vector<state::Peer>& peers, std::set<std::string>& keys) {
    for (const auto& peer : peers)
        std::visit(AddKeysOf{keys}, peer);
}

void add_keys(const state::Tenant& tenant, std::set<std::string>& keys) {
    for (const auto& trusted : tenant.trusted)
        add_keys(trusted.target.pods, keys);
    for (const auto& grant : tenant.allow_from)
        add_keys(grant.from, keys);
    for (const auto& allowed : tenant.allow_to)
        add_keys(allowed.to, keys);
}

std::string utc(state::Time time) {
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss clock(time - days);
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

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
    if (pod.created) endpoint["created"] = utc(*pod.created);
    if (pod.common->service_account != kDefaultAccount) endpoint["serviceAccount"] = pod.common->service_account;
    if (!pod.common->expose.empty()) endpoint["expose"] = pod.common->expose;
    add_unless_empty(endpoint, "labels", labels_of(*pod.common, keys));
    add_unless_empty(endpoint, "ports", ports_of(*pod.common));
    return endpoint;
}

/// So that the slice goes when its node does, by the cluster's garbage collection.
Json owner_of(const state::Node& node) {
    return {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node.meta.name}, {"uid", node.uid}};
}

std::string name_of_slice(const std::string& node, const std::string& tenant) {
    std::array<char, 10> hash{};
    std::snprintf(hash.data(), hash.size(), "-%08x", fnv1a_32(tenant));
    return node + hash.data();
}

class Collector {
public:
    Collector(const state::Cluster& cluster, const compile::Desired& desired, const std::string& node)
        : cluster_(cluster), desired_(desired), node_(node), keys_(selected_labels(cluster)) {}

    void add(const state::LocalPod& local) {
        const auto pod = cluster_.pods().find(local.pod);
        const auto row = desired_.pods.find(local.slot);
        if (pod == cluster_.pods().end() || !pod->second.slice.empty() || row == desired_.pods.end()) return;
        if (row->second.identity == BH_IDENTITY_HELD || local.addresses.empty()) return;
        const auto name = desired_.names.find(row->second.identity);
        const auto identity = desired_.identities.find(row->second.identity);
        if (name == desired_.names.end() || identity == desired_.identities.end()) return;
        const auto& tenant = name->second.tenant;
        auto& slice = slices_[name_of_slice(node_, tenant)];
        if (slice.endpoints.empty() || tenant < slice.tenant) slice.tenant = tenant;
        slice.is_protected |= (identity->second.flags & BH_PROTECTED) != 0;
        slice.endpoints[local.pod] = endpoint_of(pod->second, local.addresses, keys_);
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
    };

    Json spec_of(Slice slice) const {
        Json endpoints = Json::array();
        for (auto& [key, endpoint] : slice.endpoints)
            endpoints.push_back(std::move(endpoint));
        return {{"node", node_},
                {"tenant", slice.tenant},
                {"level", slice.is_protected ? "protected" : "non-protected"},
                {"labelKeys", keys_},
                {"endpoints", std::move(endpoints)}};
    }

    Json object(const std::string& name, Slice slice) const {
        Json metadata{{"name", name},
                      {"labels",
                       {{state::kNodeLabel, state::label_value(node_)},
                        {state::kTenantLabel, state::label_value(slice.tenant)}}}};
        if (const auto node = cluster_.nodes().find(node_); node != cluster_.nodes().end() && !node->second.uid.empty())
            metadata["ownerReferences"] = Json::array({owner_of(node->second)});
        return {{"apiVersion", "bulkhead.dev/v1alpha1"},
                {"kind", "IdentitySlice"},
                {"metadata", std::move(metadata)},
                {"spec", spec_of(std::move(slice))}};
    }

    const state::Cluster& cluster_;
    const compile::Desired& desired_;
    const std::string& node_;
    std::set<std::string> keys_;
    std::map<std::string, Slice> slices_; // by their names
};

} // namespace

/// What the platform asks for comes first: what tenants write in AccessGrants has no room beyond a bound, since every
/// slice of the cluster would grow by it.
std::set<std::string> selected_labels(const state::Cluster& cluster) {
    std::set<std::string> keys;
    for (const auto& [name, tenant] : cluster.tenants())
        add_keys(tenant, keys);
    for (const auto& [name, resource] : cluster.resources())
        for (const auto& grant : resource.allow_from)
            add_keys(grant.from, keys);
    std::set<std::string> tenants_keys;
    for (const auto& [key, grant] : cluster.access_grants())
        add_keys(grant.grant.from, tenants_keys);
    for (const auto& key : tenants_keys)
        if (keys.size() < kMostKeys) keys.insert(key);
    return keys;
}

Slices slices_of(const state::Cluster& cluster, const compile::Desired& desired, const std::string& node) {
    Collector collector(cluster, desired, node);
    for (const auto& [slot, pod] : cluster.local_pods())
        collector.add(pod);
    return collector.finish();
}

} // namespace bulkhead::publish
