// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the manifests share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cluster_fixture.h"

namespace bulkhead::test {

constexpr auto kAgentNamespace = "bulkhead-system";
constexpr auto kAgentName = "bulkhead-agent"; // of the DaemonSet, its ServiceAccount and its roles

/// Of the manifests: "base".
inline std::string folder(const std::string& name) {
    return std::string(BULKHEAD_MANIFESTS "/") + name;
}

/// A kustomization of somebody's own, made of the manifests' parts, which are named as in `folder`.
class Overlay {
public:
    Overlay(const std::string& resource, const std::vector<std::string>& components) {
        REQUIRE(mkdtemp(path_.data()) != nullptr);
        const auto parts =
            std::filesystem::relative(std::filesystem::canonical(folder("")), std::filesystem::canonical(path_))
                .string() +
            "/";
        std::ofstream file(path_ + "/kustomization.yaml");
        file << "resources: [" << parts << resource << "]\n";
        if (!components.empty()) file << "components:\n";
        for (const auto& component : components)
            file << "  - " << parts << "components/" << component << "\n";
    }
    Overlay(const Overlay&) = delete;
    Overlay& operator=(const Overlay&) = delete;
    ~Overlay() { std::filesystem::remove_all(path_); }

    const std::string& path() const { return path_; }

private:
    std::string path_ = std::filesystem::temp_directory_path() / "overlay-XXXXXX";
};

inline void wait_for_crds(const ApiServer& server) {
    kubectl(server, {"wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"});
}

/// Until somebody may, or may not: the API server hears of roles by a watch of its own.
inline bool wait_until_may(const ApiServer& server, const std::filesystem::path& who,
                           const std::vector<std::string>& question, bool expected) {
    std::vector<std::string> words{"auth", "can-i", "--quiet"};
    words.insert(words.end(), question.begin(), question.end());
    return wait_until([&] { return (server.kubectl_as(who, words).status == 0) == expected; }, after(30s), 50ms);
}

/// Each file of manifests/overlays/eks/templates, which nobody applies all of: several have the same example tenant.
inline void check_templates_taken(const ApiServer& server) {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder("overlays/eks/templates"))) {
        if (entry.path().extension() != ".yaml") continue;
        kubectl(server, {"apply", "-f", entry.path()});
        ++files;
    }
    CHECK(files == 7);
}

/// Of each object. (`kubectl apply` says "unchanged" or not by comparing, and a server that drops fields that it is too
/// old for always differs.)
inline std::string versions_of(const ApiServer& server, const std::string& yaml) {
    return kubectl(server,
                   {"get", "-f", "-", "-o",
                    "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}\n{end}"},
                   yaml);
}

/// Accepted, and applied again it changes nothing.
inline void check_applied(const ApiServer& server, const std::string& yaml) {
    put(server, yaml);
    wait_for_crds(server);
    if (yaml.find("kind: FlowSchema\n") != std::string::npos) // whose status the server writes by itself
        kubectl(server, {"wait", "--for=condition=Dangling=False", "--timeout=30s", "flowschema", "--all"});
    const auto versions = versions_of(server, yaml);
    REQUIRE(versions.find("DaemonSet") != std::string::npos);
    put(server, yaml);
    CHECK(versions_of(server, yaml) == versions);
}

} // namespace bulkhead::test
