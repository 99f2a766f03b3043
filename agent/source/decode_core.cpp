// SPDX-License-Identifier: Apache-2.0
#include "source/parts.h"
#include "state/labels.h"

namespace bulkhead::source {

namespace {

constexpr auto kServiceLabel = "kubernetes.io/service-name";
constexpr auto kNameLabel = "kubernetes.io/metadata.name";

std::string label_of(const Field& document, std::string_view name) {
    const auto metadata = document["metadata"];
    const auto labels = metadata["labels"];
    const auto label = labels[name];
    if (!label.present() || label.value().string() == nullptr) return "";
    return *label.value().string();
}

/// "None" is a headless Service, "" one that has no address yet.
void read_cluster_ip(const Field& field, std::vector<Address>& addresses) {
    const auto text = field.string();
    if (!text || text->empty() || *text == "None") return;
    if (const auto address = read_address(field)) addresses.push_back(*address);
}

std::vector<Address> read_cluster_ips(const Field& spec) {
    std::vector<Address> addresses;
    const auto list = spec["clusterIPs"];
    list.each([&](const Field& item) { read_cluster_ip(item, addresses); });
    if (!list.present()) read_cluster_ip(spec["clusterIP"], addresses);
    return addresses;
}

/// Of a load balancer those that nodes translate themselves; with ipMode Proxy packets do go there.
std::vector<Address> read_external_ips(const Field& spec, const Field& status) {
    std::vector<Address> addresses;
    const auto list = spec["externalIPs"];
    list.each([&](const Field& item) {
        if (const auto address = read_address(item)) addresses.push_back(*address);
    });
    const auto balancer = status["loadBalancer"];
    const auto ingress = balancer["ingress"];
    ingress.each([&](const Field& item) {
        if (!item["ip"].present() || item["ipMode"].string() == "Proxy") return;
        if (const auto address = read_address(item["ip"])) addresses.push_back(*address);
    });
    return addresses;
}

/// A label that is there twice: of level and mode the stricter reading counts, where whatever isn't the loose
/// value is strict; and two tenants' names together are no tenant's name, which compile() reports.
void hear_label(state::Labels& labels, const std::string& key, std::string value) {
    const auto [before, is_new] = labels.try_emplace(key, value);
    if (is_new || before->second == value) return;
    const bool names_tenant = key == state::kTenantLabel || key == state::kCapsuleLabel || key == state::kKioskLabel;
    if (names_tenant) {
        before->second += ", " + value;
        return;
    }
    const bool is_strict = (key == state::kLevelLabel && before->second != "non-protected") ||
                           (key == state::kModeLabel && before->second != "audit");
    if (!is_strict) before->second = std::move(value);
}

/// `labels` itself may be there twice.
state::Labels read_namespace_labels(const Field& metadata) {
    state::Labels labels;
    metadata.each_member([&](std::string_view name, const Field& member) {
        if (name != "labels") return;
        member.each_member(
            [&](const std::string& key, const Field& label) { hear_label(labels, key, label.string().value_or("")); });
    });
    return labels;
}

} // namespace

state::Namespace decode_namespace(const Field& document, const DecodeContext& context) {
    const auto metadata = document["metadata"];
    state::Namespace ns{.meta = read_meta(document, context), .labels = read_namespace_labels(metadata)};
    ns.meta.ns.clear();
    ns.labels[kNameLabel] = ns.meta.name; // as the API server does, whatever a file says
    return ns;
}

state::Node decode_node(const Field& document, const DecodeContext& context) {
    state::Node node{.meta = read_meta(document, context)};
    node.meta.ns.clear();
    const auto metadata = document["metadata"];
    node.uid = metadata["uid"].string().value_or("");
    const auto status = document["status"];
    const auto addresses = status["addresses"];
    addresses.each([&](const Field& entry) {
        const auto type = entry["type"].string();
        if (type != "InternalIP" && type != "ExternalIP") return; // the others are names
        if (const auto address = read_address(entry["address"])) node.addresses.push_back(*address);
    });
    return node;
}

bool is_relevant_slice(const Field& document) {
    const auto metadata = document["metadata"];
    const auto ns = metadata["namespace"];
    if (!ns.present() || ns.value().string() == nullptr) return false;
    const auto service = *ns.value().string() + "/" + label_of(document, kServiceLabel);
    return service == "kube-system/kube-dns" || service == "default/kubernetes";
}

namespace {

/// "namespace/name"; empty = no pod, or none that it names.
std::string pod_behind(const Field& endpoint, const std::string& ns) {
    const auto target = endpoint["targetRef"];
    if (target["kind"].string() != "Pod") return "";
    const auto name = target["name"].string();
    return name ? target["namespace"].string().value_or(ns) + "/" + *name : "";
}

} // namespace

state::EndpointSlice decode_endpoint_slice(const Field& document, const DecodeContext& context) {
    state::EndpointSlice slice{.meta = read_meta(document, context),
                               .service = label_of(document, kServiceLabel),
                               .addresses = {},
                               .ports = {}};
    if (document["addressType"].string() == "FQDN") return slice; // no addresses to speak of
    const auto endpoints = document["endpoints"];
    endpoints.each([&](const Field& endpoint) {
        // Also those that aren't ready: they still answer what they were asked.
        const auto addresses = endpoint["addresses"];
        const auto pod = pod_behind(endpoint, slice.meta.ns);
        addresses.each([&](const Field& item) {
            const auto address = read_address(item);
            if (!address) return;
            slice.addresses.push_back(*address);
            if (!pod.empty()) slice.pods[*address].insert(pod);
        });
    });
    const auto ports = document["ports"];
    ports.each([&](const Field& entry) {
        const auto port = read_port_number(entry["port"]);
        if (!port) return; // null = every port
        slice.ports.push_back(
            {.protocol = read_transport(entry["protocol"]), .first = *port, .last = *port, .name = ""});
    });
    return slice;
}

state::Service decode_service(const Field& document, const DecodeContext& context) {
    const auto spec = document["spec"];
    const auto status = document["status"];
    return {.meta = read_meta(document, context),
            .cluster_ips = read_cluster_ips(spec),
            .external_ips = read_external_ips(spec, status)};
}

} // namespace bulkhead::source
