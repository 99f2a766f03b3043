// SPDX-License-Identifier: Apache-2.0
#include "directory.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace bulkhead::bench {

namespace {

using Json = nlohmann::json;

constexpr uint32_t kPodsPerFile = 1000;
constexpr uint32_t kNamespaces = 100;

template <typename Content>
Result<> write_file(const std::filesystem::path& path, const Content& content) {
    std::ofstream file(path);
    file << content;
    if (!file.flush()) return fail("write " + path.string(), errno);
    return {};
}

std::string namespace_name(uint32_t number) {
    return "ns-" + std::to_string(number % kNamespaces);
}

Json list(Json items) {
    return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

Json namespace_object(uint32_t number, bool is_protected) {
    const Json labels{{"bulkhead.dev/tenant", "tenant-" + std::to_string(number / 2)},
                      {"bulkhead.dev/level", is_protected ? "protected" : "non-protected"}};
    return {{"apiVersion", "v1"},
            {"kind", "Namespace"},
            {"metadata", {{"name", namespace_name(number)}, {"labels", labels}}}};
}

Json pod_object(const std::string& name, const std::string& ns, const Address& address) {
    const Json port{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}};
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", name}, {"namespace", ns}, {"labels", {{"app", "app-" + ns}, {"tier", "web"}}}}},
            {"spec",
             {{"nodeName", "another-node"},
              {"serviceAccountName", "default"},
              {"containers", {{{"name", "main"}, {"image", "main:1"}, {"ports", {port}}}}}}},
            {"status", {{"phase", "Running"}, {"podIPs", {{{"ip", address.text()}}}}}}};
}

} // namespace

Address Directory::address_of(uint32_t pod) {
    Address address;
    const uint32_t host = 0x0a000000 + pod + 1; // from 10.0.0.1 on
    for (size_t i = 0; i < 4; ++i)
        address.bytes[i] = static_cast<uint8_t>(host >> (24 - 8 * i));
    return address;
}

Result<Directory> Directory::write(const std::filesystem::path& path, uint32_t pods) {
    Json namespaces = Json::array();
    for (uint32_t i = 0; i < kNamespaces - 1; ++i)
        namespaces.push_back(namespace_object(i, i % 2 == 0));
    if (auto done = write_file(path / "namespaces.json", list(namespaces)); !done) return tl::unexpected(done.error());
    for (uint32_t first = 0; first < pods; first += kPodsPerFile) {
        Json items = Json::array();
        for (uint32_t i = first; i < std::min(pods, first + kPodsPerFile); ++i)
            items.push_back(pod_object("pod-" + std::to_string(i), namespace_name(i), address_of(i)));
        const auto file = path / ("pods-" + std::to_string(first) + ".json");
        if (auto done = write_file(file, list(items)); !done) return tl::unexpected(done.error());
    }
    const Directory directory(path);
    if (auto done = directory.flip_a_namespace(false); !done) return tl::unexpected(done.error());
    return directory;
}

Result<> Directory::replace(const char* file, const std::string& content) const {
    const auto draft = path_ / (std::string(file) + ".draft");
    if (auto done = write_file(draft, content); !done) return done;
    std::error_code error;
    std::filesystem::rename(draft, path_ / file, error);
    if (error) return fail("rename " + draft.string(), error.value());
    return {};
}

Result<> Directory::flip_a_namespace(bool is_protected) const {
    return replace("namespace.json", namespace_object(kNamespaces - 1, is_protected).dump());
}

Result<> Directory::move_the_pod(const Address& address) const {
    return replace("moving-pod.json", pod_object("moving-pod", namespace_name(0), address).dump());
}

} // namespace bulkhead::bench
