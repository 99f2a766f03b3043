// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller in tests, and what it wrote.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/rfc3339.h"
#include "cluster_fixture.h"
#include "support/process.h"

namespace bulkhead::test {

constexpr auto kController = "bulkhead-controller"; // also its Lease, in:
constexpr auto kSystem = "bulkhead-system";

class ControllerProcess {
public:
    /// Without metrics, unless `more` has --metrics-address.
    explicit ControllerProcess(const std::filesystem::path& kubeconfig, const std::string& name = "one",
                               const Netns* netns = nullptr, const std::vector<std::string>& more = {})
        : process_(require(Process::start(words(kubeconfig, name, more), netns))) {}

    Process& process() { return process_; }
    std::string output() const { return process_.output(); }

private:
    static std::vector<std::string> words(const std::filesystem::path& kubeconfig, const std::string& name,
                                          const std::vector<std::string>& more) {
        std::vector<std::string> all{BULKHEAD_CONTROLLER, "--kubeconfig", kubeconfig.string(), "--name", name};
        if (std::ranges::find(more, "--metrics-address") == more.end()) all.push_back("--metrics-address=");
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    Process process_;
};

inline std::string namespace_yaml(const std::string& name, const std::string& labels = "{}") {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: " + labels + "}\n---\n";
}

/// An API server with what every installation has.
inline ApiServer with_crds(const ApiServer::Options& options = {}) {
    auto server = started(options);
    install_crds(server);
    put(server, namespace_yaml(kSystem));
    return server;
}

/// Who leads: "one_0123abcd"; empty = nobody.
inline std::string holder(const ApiServer& server) {
    const auto lease =
        server.kubectl({"get", "lease", kController, "-n", kSystem, "-o", "jsonpath={.spec.holderIdentity}"});
    return lease.status == 0 ? lease.output : "";
}

inline bool led_by(const ApiServer& server, const std::string& name) {
    return holder(server).starts_with(name + "_");
}

/// As the scheduler binds it and a kubelet reports it.
inline void run_pod(const ApiServer& server, const std::string& ns, const std::string& name, const std::string& node,
                    const std::string& labels, const Json& status) {
    put(server, "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: " + ns + ", labels: " + labels +
                    "}\nspec: {nodeName: " + node + ", containers: [{name: agent, image: none}]}\n---\n");
    auto pod = object(server, {"pod", name, "-n", ns});
    pod["status"] = status;
    kubectl(server, {"replace", "--raw", "/api/v1/namespaces/" + ns + "/pods/" + name + "/status", "-f", "-"},
            pod.dump());
}

/// The DaemonSet's pod on that node.
inline void run_agent(const ApiServer& server, const std::string& node, bool ready = true) {
    const auto now = rfc3339(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    const Json running{{"name", "agent"}, {"image", "none"},   {"imageID", "none"},
                       {"ready", ready},  {"restartCount", 0}, {"state", {{"running", {{"startedAt", now}}}}}};
    run_pod(server, kSystem, "agent-" + node, node, "{app.kubernetes.io/name: bulkhead-agent}",
            {{"phase", "Running"},
             {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}},
             {"containerStatuses", {running}}});
}

} // namespace bulkhead::test
