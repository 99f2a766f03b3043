// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <algorithm>

namespace bulkhead::soak {

namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kDelLimit = 60s; // on a machine that others use too
constexpr unsigned kTryAgainLater = 11;

/// As aws-cni prints it: both ends of the veth, and its note to itself.
Json result_of(const Gate& gate, const Pod& pod, const Wire& wire, const std::string& version) {
    return {{"cniVersion", version},
            {"interfaces",
             {{{"name", wire.veth}},
              {{"name", "eth0"}, {"sandbox", "/run/netns/" + netns_of(gate, pod)}},
              {{"name", "dummy" + wire.veth.substr(3)}, {"mac", "0"}, {"sandbox", "0"}}}},
            {"ips",
             {{{"interface", 1}, {"address", pod.ip4.text() + "/32"}},
              {{"interface", 1}, {"address", pod.ip6.text() + "/128"}}}},
            {"dns", Json::object()}};
}

Json conf_of(const Gate& gate, const Pod& pod, const Wire& wire, std::chrono::seconds timeout) {
    const std::string version = pod.incarnation % 2 == 0 ? "1.0.0" : "1.1.0";
    Json conf{{"cniVersion", version},
              {"name", "aws-cni"},
              {"type", "bulkhead-cni"},
              {"socket", gate.sockets.at(pod.node)},
              {"timeoutSeconds", timeout.count()},
              {"prevResult", result_of(gate, pod, wire, version)}};
    if (gate.ajar)
        for (const NamespaceSpec& spec : kNamespaces)
            conf["exemptNamespaces"].push_back(spec.name);
    return conf;
}

std::vector<std::string> variables_of(const Gate& gate, const Pod& pod, const Wire& wire) {
    const auto slash = pod.name.find('/');
    return {"CNI_CONTAINERID=" + wire.id, "CNI_NETNS=/run/netns/" + netns_of(gate, pod), "CNI_IFNAME=eth0",
            "CNI_PATH=/opt/cni/bin",
            "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.name.substr(0, slash) + ";K8S_POD_NAME=" +
                pod.name.substr(slash + 1) + ";K8S_POD_INFRA_CONTAINER_ID=" + wire.id + ";K8S_POD_UID=" + pod.uid};
}

} // namespace

std::string netns_of(const Gate& gate, const Pod& pod) {
    std::string name = pod.name;
    std::ranges::replace(name, '/', '.');
    return gate.net + "-" + kNodeNames.at(pod.node) + "-" + name;
}

Result<Sandbox> Sandbox::add(const Gate& gate, const Pod& pod, const Wire& wire, std::chrono::seconds timeout) {
    auto node = test::Netns::open(gate.net + "-node-" + kNodeNames.at(pod.node));
    if (!node) return tl::unexpected(node.error());
    Call call{std::move(*node), conf_of(gate, pod, wire, timeout), variables_of(gate, pod, wire)};
    auto process = run(call, "ADD");
    if (!process) return tl::unexpected(process.error());
    return Sandbox(std::move(call), std::move(*process));
}

Sandbox::Answer Sandbox::answer() {
    const auto status = add_.wait(Clock::now());
    if (!status) return Answer::kNone;
    const auto said = Json::parse(add_.output(), nullptr, false);
    if (*status == 0) return said == call_.conf.at("prevResult") ? Answer::kOpen : Answer::kWrong;
    const bool is_error = said.is_object() && said.value("code", 0U) == kTryAgainLater && said.contains("msg");
    return *status == 1 && is_error ? Answer::kShut : Answer::kWrong;
}

Result<> Sandbox::remove() {
    if (add_.running()) add_.signal(SIGKILL);
    auto process = run(call_, "DEL");
    if (!process) return tl::unexpected(process.error());
    const auto status = process->wait(test::after(kDelLimit));
    if (status != 0 || !process->output().empty()) return fail("DEL: " + process->output());
    return {};
}

Result<test::Process> Sandbox::run(const Call& call, const std::string& command) {
    std::vector<std::string> argv{"env", "-i", "CNI_COMMAND=" + command};
    argv.insert(argv.end(), call.variables.begin(), call.variables.end());
    argv.emplace_back(SOAK_CNI);
    return test::Process::start(argv, {.netns = &call.node, .input = call.conf.dump()});
}

} // namespace bulkhead::soak
