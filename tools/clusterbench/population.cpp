// SPDX-License-Identifier: Apache-2.0
#include "population.h"

#include <algorithm>

#include "place.h"

namespace bulkhead::bench {

namespace {

constexpr int kImages = 50; // a kubelet's default limit in a Node's status

std::string namespace_name(uint32_t number) {
    return "load-" + std::to_string(number);
}

std::string tenant_name(uint32_t ns) {
    return "tenant-" + std::to_string(ns / 2);
}

bool is_protected(uint32_t ns) {
    return ns % 2 == 0;
}

Json meta(const std::string& name, const Json& labels) {
    return {{"name", name}, {"labels", labels}};
}

Json image(int number) {
    const auto text = std::to_string(number);
    return {{"names",
             {"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team-" + text + "/service@sha256:" + std::string(64, 'a'),
              "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team-" + text + "/service:v1." + text}},
            {"sizeBytes", 123456789 + number}};
}

Json condition(const char* type) {
    return {{"type", type},
            {"status", "False"},
            {"lastHeartbeatTime", "2026-01-01T00:00:00Z"},
            {"lastTransitionTime", "2026-01-01T00:00:00Z"},
            {"reason", "KubeletHasSufficient"},
            {"message", "kubelet has sufficient of it available"}};
}

/// "ip-10-1-0-7.eu-west-1..." -> 10.1.0.7; 10.0.0.11 for a name that has none.
std::string address_in(const std::string& name) {
    if (!name.starts_with("ip-")) return "10.0.0.11";
    auto address = name.substr(3, name.find('.') - 3);
    std::ranges::replace(address, '-', '.');
    return address;
}

/// All pods of a slice are of one namespace.
uint32_t namespace_of(const Population& population, uint32_t node, uint32_t slice) {
    return (node * population.slices_per_node() + slice) % population.namespaces;
}

} // namespace

std::string node_name(uint32_t number) {
    const auto part = std::to_string(number / 250) + "-" + std::to_string(number % 250);
    return "ip-10-1-" + part + ".eu-west-1.compute.internal";
}

std::string slice_name(uint32_t node, uint32_t slice) {
    return node_name(node) + "-" + std::to_string(slice);
}

Address address_of(uint32_t pod) {
    Address address;
    const uint32_t host = 0x64400000 + pod + 1;
    for (size_t i = 0; i < 4; ++i)
        address.bytes[i] = static_cast<uint8_t>(host >> (24 - 8 * i));
    return address;
}

Json node_object(const std::string& name) {
    Json images = Json::array();
    for (int i = 0; i < kImages; ++i)
        images.push_back(image(i));
    Json conditions = Json::array();
    for (const auto* type : {"MemoryPressure", "DiskPressure", "PIDPressure", "Ready"})
        conditions.push_back(condition(type));
    return {
        {"apiVersion", "v1"},
        {"kind", "Node"},
        {"metadata", meta(name, {{"kubernetes.io/hostname", name}, {"node.kubernetes.io/instance-type", "m5.large"}})},
        {"spec", {{"providerID", "aws:///eu-west-1a/i-0123456789abcdef0"}}},
        {"status",
         {{"addresses", {{{"type", "InternalIP"}, {"address", address_in(name)}}}},
          {"capacity", {{"cpu", "2"}, {"memory", "7934940Ki"}, {"pods", "29"}}},
          {"conditions", conditions},
          {"images", images}}}};
}

Json namespace_object(const std::string& name, const Json& labels) {
    return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", meta(name, labels)}};
}

Json pod_object(const std::string& ns, const std::string& name, const Json& labels) {
    auto metadata = meta(name, labels);
    metadata["namespace"] = ns;
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", metadata},
            {"spec", {{"nodeName", Place::kNode}, {"containers", {{{"name", "main"}, {"image", "main:1"}}}}}}};
}

Json endpoint_object(const std::string& ns, uint32_t pod) {
    return {{"namespace", ns},
            {"pod", "service-6d4cf56db6-" + std::to_string(pod)},
            {"addresses", {address_of(pod).text()}},
            {"created", "2026-01-01T00:00:00Z"},
            {"serviceAccount", "service"},
            {"ports", {{{"name", "http"}, {"port", 8080}}, {{"name", "metrics"}, {"port", 9090}}}}};
}

Json slice_object(const Population& population, uint32_t node, uint32_t slice) {
    const auto ns = namespace_of(population, node, slice);
    const auto first = node * population.pods_per_node + slice * population.pods_per_slice;
    const auto end =
        std::min({first + population.pods_per_slice, (node + 1) * population.pods_per_node, population.pods});
    Json endpoints = Json::array();
    for (uint32_t pod = first; pod < end; ++pod)
        endpoints.push_back(endpoint_object(namespace_name(ns), pod));
    const auto tenant = tenant_name(ns);
    const auto name = node_name(node);
    return {{"apiVersion", "bulkhead.dev/v1alpha1"},
            {"kind", "IdentitySlice"},
            {"metadata", meta(slice_name(node, slice), {{"bulkhead.dev/node", name}, {"bulkhead.dev/tenant", tenant}})},
            {"spec",
             {{"node", name},
              {"tenant", tenant},
              {"level", is_protected(ns) ? "protected" : "non-protected"},
              {"labelKeys", Json::array()},
              {"endpoints", endpoints}}}};
}

Result<> settle(ApiClient& client, const Population& population) {
    std::vector<ApiClient::Request> requests;
    for (uint32_t ns = 0; ns < population.namespaces; ++ns) {
        const Json labels{{"bulkhead.dev/tenant", tenant_name(ns)},
                          {"bulkhead.dev/level", is_protected(ns) ? "protected" : "non-protected"}};
        requests.push_back(post(kNamespaces, namespace_object(namespace_name(ns), labels)));
    }
    for (uint32_t node = 0; node < population.nodes(); ++node) {
        requests.push_back(post(kNodes, node_object(node_name(node))));
        for (uint32_t slice = 0; slice < population.slices_per_node(); ++slice) {
            auto object = slice_object(population, node, slice);
            if (!object["spec"]["endpoints"].empty()) requests.push_back(post(kSlices, object));
        }
    }
    return client.ask_all(requests);
}

} // namespace bulkhead::bench
