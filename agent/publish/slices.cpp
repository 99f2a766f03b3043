// SPDX-License-Identifier: Apache-2.0
#include "publish/slices.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "base/utf8.h"
#include "compile/label_keys.h"
#include "state/labels.h"

namespace bulkhead::publish {

namespace {

using Json = nlohmann::ordered_json;

constexpr auto kDefaultAccount = "default"; // is left out
constexpr auto kPeoplesSlice = "!";         // no tenant is called so

// Tenants write what their pods' entries hold, and every node hears of it. So an entry has no more than some 8 KiB, and
// a slice no more than the API server is glad to store (etcd takes 1.5 MiB).
constexpr size_t kLongestLabels = 3 << 10; // keys and values
constexpr size_t kLongestExpose = 2 << 10;
constexpr size_t kMostPorts = 64; // names have 15 letters
constexpr size_t kLargestSlice = 256 << 10;
constexpr size_t kMostOverrides = 20;
constexpr size_t kLongestReason = 500;

const char* name_of_transport(uint8_t protocol) {
    return protocol == BH_UDP ? "UDP" : protocol == BH_SCTP ? "SCTP" : "TCP";
}

/// Only ports with a name: numbers open nothing by themselves.
Json ports_of(const state::PodTemplate& common) {
    Json ports = Json::array();
    for (const auto& port : common.ports) {
        if (port.name.empty()) continue;
        if (ports.size() == kMostPorts) break;
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

struct Addressed {
    const std::vector<Address>& addresses;
    std::optional<state::Time> since;
    uint32_t turn = 0;
};

Addressed addressed(const state::Pod& pod, const state::LocalPod& local, const Succession& succession) {
    Addressed out{.addresses = local.addresses, .since = since_of(pod, local)};
    const auto own = own_age(pod, local);
    const auto heir = succession.of(local);
    if (!heir || *heir <= own) return out;
    if (heir->dated > own.dated) out.since = heir->dated;
    out.turn = heir->turn;
    return out;
}

bool expose_fits(const state::PodTemplate& common) {
    return common.expose.size() <= kLongestExpose;
}

/// A label that is left out would count as one that isn't there: so it is all of them or none.
bool labels_fit(const state::PodTemplate& common, const std::set<std::string>& keys) {
    size_t length = 0;
    for (const auto& [key, value] : common.labels)
        if (keys.contains(key)) length += key.size() + value.size();
    return length <= kLongestLabels;
}

void add_unless_empty(Json& object, const char* key, Json value) {
    if (!value.empty()) object[key] = std::move(value);
}

Json endpoint_of(const state::Pod& pod, const Addressed& where, const std::set<std::string>& keys) {
    Json endpoint{{"namespace", pod.ns}, {"pod", pod.name}, {"addresses", Json::array()}};
    for (const auto& address : where.addresses)
        endpoint["addresses"].push_back(address.text());
    if (pod.created) endpoint["created"] = rfc3339(*pod.created);
    if (where.since) endpoint["since"] = rfc3339(*where.since);
    if (where.turn != 0) endpoint["turn"] = where.turn;
    if (const auto& workload = pod.common->workload; !workload.name.empty())
        endpoint["workload"] = workload.kind + "/" + workload.name;
    if (pod.common->service_account != kDefaultAccount) endpoint["serviceAccount"] = pod.common->service_account;
    if (!pod.common->expose.empty() && expose_fits(*pod.common)) endpoint["expose"] = pod.common->expose;
    add_unless_empty(endpoint, "labels", labels_of(*pod.common, keys));
    add_unless_empty(endpoint, "ports", ports_of(*pod.common));
    return endpoint;
}

/// So that the slice goes when its node does, by the cluster's garbage collection.
Json owner_of(const state::Node& node) {
    return {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node.meta.name}, {"uid", node.uid}};
}

/// Spread evenly, and told apart by some letter, whatever names somebody chooses.
std::string place_of(const state::PodKey& key) {
    return state::scope_of(key) + key;
}

class Collector {
public:
    Collector(const state::Cluster& cluster, std::set<std::string> keys, std::string node)
        : cluster_(cluster), keys_(std::move(keys)), node_(std::move(node)) {}

    void add(const state::Pod& pod, const Addressed& where, const std::string& tenant, bool is_protected) {
        const bool has_labels = labels_fit(*pod.common, keys_);
        auto& group = groups_[{tenant, has_labels ? "" : "-"}];
        if (has_labels) group.keys = keys_;
        group.is_protected |= is_protected;
        auto json = endpoint_of(pod, where, group.keys);
        const auto size = text_of(json).size();
        group.endpoints[pod.ns + "/" + pod.name] = {std::move(json), size};
    }

    void add(const state::PodKey& key, state::NotGuarded why) {
        const auto slash = key.find('/');
        not_guarded_.push_back(
            {{"namespace", key.substr(0, slash)}, {"pod", key.substr(slash + 1)}, {"why", state::name_of(why)}});
    }

    void add(const state::Override& override) {
        if (overrides_.size() == kMostOverrides) return;
        Json entry{{"until", rfc3339(override.until)}, {"reason", cut_utf8(override.reason, kLongestReason)}};
        if (!override.tenant.empty()) entry["tenant"] = override.tenant;
        overrides_.push_back(std::move(entry));
    }

    Slices finish() {
        for (const auto& [key, group] : groups_) {
            Part all;
            for (const auto& [pod, endpoint] : group.endpoints)
                all[pod] = &endpoint;
            add_slices(key, group, all, 0);
        }
        Json for_people{{"node", node_}}; // nothing that another agent needs
        add_unless_empty(for_people, "notGuarded", std::move(not_guarded_));
        add_unless_empty(for_people, "overrides", std::move(overrides_));
        if (for_people.size() > 1) add_slice(free_name(kPeoplesSlice), node_label(), std::move(for_people));
        return std::move(slices_);
    }

private:
    struct Endpoint {
        Json json;
        size_t size = 0; // as text
    };
    using Part = std::map<state::PodKey, const Endpoint*>;
    struct Group {
        std::set<std::string> keys;
        bool is_protected = false; // one of its pods
        std::map<state::PodKey, Endpoint> endpoints;
    };
    struct GroupKey {
        std::string tenant; // one: what a slice is called after, and its labels
        std::string part;   // of the tenant's pods; empty = all, as nearly always
        auto operator<=>(const GroupKey&) const = default;
    };

    static std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

    /// Parts of too many are told apart by the letters of their pods' places, from this depth on: so a pod that comes
    /// or goes moves no other, but where a part gets too large, or small enough again.
    void add_slices(const GroupKey& key, const Group& group, const Part& all, size_t depth) {
        size_t size = 0;
        for (const auto& [pod, endpoint] : all)
            size += endpoint->size + 1;
        if (size <= kLargestSlice || all.size() == 1) return add_endpoints(key, group, all);
        std::map<char, Part> parts;
        for (const auto& [pod, endpoint] : all) {
            const auto place = place_of(pod);
            parts[depth < place.size() ? place[depth] : '\0'][pod] = endpoint;
        }
        for (const auto& [letter, part] : parts)
            add_slices({key.tenant, key.part + letter}, group, part, depth + 1);
    }

    void add_endpoints(const GroupKey& key, const Group& group, const Part& part) {
        Json spec{{"node", node_},
                  {"tenant", key.tenant},
                  {"level", group.is_protected ? "protected" : "non-protected"},
                  {"labelKeys", group.keys}};
        for (const auto& [pod, endpoint] : part)
            spec["endpoints"].push_back(endpoint->json);
        auto labels = node_label();
        labels[state::kTenantLabel] = state::label_value(key.tenant);
        labels[state::kScopeLabel] = state::scope_of(key.tenant);
        const auto name = free_name(key.part.empty() ? key.tenant : key.tenant + "\n" + key.part);
        add_slice(name, std::move(labels), std::move(spec));
    }

    Json node_label() const { return {{state::kNodeLabel, state::label_value(node_)}}; }

    void add_slice(const std::string& name, Json labels, Json spec) {
        Json metadata{{"name", name}, {"labels", std::move(labels)}};
        if (const auto node = cluster_.nodes().find(node_); node != cluster_.nodes().end() && !node->second.uid.empty())
            metadata["ownerReferences"] = Json::array({owner_of(node->second)});
        slices_[name] = text_of({{"apiVersion", "bulkhead.dev/v1alpha1"},
                                 {"kind", "IdentitySlice"},
                                 {"metadata", std::move(metadata)},
                                 {"spec", std::move(spec)}});
    }

    /// Names can be found that share a hash: the second takes the next number.
    std::string free_name(const std::string& what) const {
        for (uint32_t number = state::scope_number(what);; ++number)
            if (auto name = node_ + "-" + state::scope_text(number); !slices_.contains(name)) return name;
    }

    const state::Cluster& cluster_;
    std::set<std::string> keys_;
    std::string node_;
    std::map<GroupKey, Group> groups_;
    Json not_guarded_ = Json::array();
    Json overrides_ = Json::array();
    Slices slices_;
};

/// The pod is known, and to what tenant it belongs.
void add_local(Collector& collector, const state::Cluster& cluster, const compile::Desired& desired,
               const state::LocalPod& local, const Succession& succession) {
    const auto pod = cluster.pods().find(local.pod);
    const auto row = desired.pods.find(local.slot);
    if (pod == cluster.pods().end() || !pod->second.slice.empty() || row == desired.pods.end()) return;
    if (row->second.identity == BH_IDENTITY_HELD || local.addresses.empty()) return;
    const auto name = desired.names.find(row->second.identity);
    const auto identity = desired.identities.find(row->second.identity);
    if (name == desired.names.end() || identity == desired.identities.end()) return;
    collector.add(pod->second, addressed(pod->second, local, succession), name->second.tenant,
                  (identity->second.flags & BH_PROTECTED) != 0);
}

/// It has addresses of its own.
bool has_own_addresses(const state::Pod& pod) {
    return pod.slice.empty() && !pod.finished && !pod.common->host_network && !pod.ips.empty();
}

} // namespace

Slices slices_of(const state::Cluster& cluster, const compile::Desired& desired, const std::string& node,
                 const std::set<std::string>& label_keys, const state::NotGuardedPods& not_guarded,
                 const Succession& succession) {
    Collector collector(cluster, label_keys, node);
    for (const auto& [slot, pod] : cluster.local_pods())
        add_local(collector, cluster, desired, pod, succession);
    for (const auto& [key, why] : not_guarded)
        collector.add(key, why);
    for (const auto& [name, override] : cluster.overrides())
        if (override.only_here && !override.over) collector.add(override);
    return collector.finish();
}

std::vector<state::Problem> left_out_of(const state::Pod& pod, const std::set<std::string>& label_keys) {
    std::vector<state::Problem> problems;
    const auto complain = [&](std::string field, std::string text) {
        problems.push_back({.origin = pod.origin.text(),
                            .object = "Pod " + pod.ns + "/" + pod.name,
                            .field = std::move(field),
                            .text = std::move(text)});
    };
    const auto& common = *pod.common;
    if (common.host_network) return problems;
    if (!labels_fit(common, label_keys))
        complain("metadata.labels", "those that selectors ask for have more than 3 KiB: other nodes are told of none, "
                                    "and there no selector that asks for one means this pod");
    if (!expose_fits(common))
        complain("metadata.annotations[bulkhead.dev/expose]", "has more than 2 KiB: other nodes aren't told of it, and "
                                                              "there Protected pods get no answers from this one");
    const auto named = std::ranges::count_if(common.ports, [](const auto& port) { return !port.name.empty(); });
    if (static_cast<size_t>(named) > kMostPorts)
        complain("spec.containers", "have more than 64 ports with a name: other nodes are told of the first 64, and "
                                    "there the names of the others mean nothing");
    return problems;
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
            .first->second.add(pod, {pod.ips, pod.since}, member->tenant, member->is_protected());
    }
    Slices slices;
    for (auto& [node, collector] : collectors)
        slices.merge(collector.finish());
    return slices;
}

} // namespace bulkhead::publish
