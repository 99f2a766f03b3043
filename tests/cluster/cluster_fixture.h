// SPDX-License-Identifier: Apache-2.0
//
// What the tests with a real API server share: to start one or skip, and to talk to it as its admin.
#pragma once

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/api_server.h"
#include "support/require.h"

namespace bulkhead::test {

using Json = nlohmann::json;

inline void require_assets(ApiServerKind kind = ApiServerKind::kKubernetes) {
    const bool is_machinery = kind == ApiServerKind::kMachinery;
    for (const std::string name : {is_machinery ? "machinery" : "kube-apiserver", "etcd", "kubectl"})
        if (const auto found = cluster_asset(name, kind); !found) SKIP(found.error().text);
}

inline ApiServer started(const ApiServer::Options& options = {}) {
    require_assets(options.kind);
    return require(ApiServer::create(options));
}

/// The output of a command that has to succeed.
inline std::string kubectl(const ApiServer& server, const std::vector<std::string>& arguments,
                           const std::string& input = {}) {
    const auto answer = server.kubectl(arguments, input);
    INFO(arguments.front() << ": " << answer.output);
    REQUIRE(answer.status == 0);
    return answer.output;
}

inline Json object(const ApiServer& server, const std::vector<std::string>& words) {
    std::vector<std::string> arguments{"get", "-o", "json"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return Json::parse(kubectl(server, arguments));
}

inline void put(const ApiServer& server, const std::string& yaml) {
    kubectl(server, {"apply", "-f", "-"}, yaml);
}

inline void start_again(ApiServer& server) {
    require(server.start());
    require(server.wait_ready(after(120s)));
}

inline void install_crds(const ApiServer& server) {
    kubectl(server, {"apply", "-k", BULKHEAD_MANIFESTS "/crds"});
    kubectl(server, {"wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"});
}

} // namespace bulkhead::test
