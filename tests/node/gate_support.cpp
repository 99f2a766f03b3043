// SPDX-License-Identifier: Apache-2.0
#include "gate_support.h"

namespace bulkhead::test {

namespace {

constexpr auto kLimit = 60s; // of a busy machine; each call has a limit of its own

/// Of a known answer, written down by hand: printf NAMESPACE.POD | sha1sum | cut -c1-11 is podnet's business.
std::string suffix_of(const std::string& veth) {
    return veth.size() > 11 ? veth.substr(veth.size() - 11) : veth;
}

} // namespace

unsigned CniAnswer::code() const {
    const Json error = json();
    return error.is_object() ? error.value("code", 0U) : 0U;
}

std::string CniAnswer::reason() const {
    const Json error = json();
    return error.is_object() ? error.value("msg", "") : "";
}

std::vector<std::string> veths_of(const Net& net, const Place& pod) {
    const auto [failed, output] = run_in(net.node(pod.node).netns, {"ip", "-j", "route", "show", "table", "all"});
    if (failed) FAIL("ip route: " << output);
    std::vector<std::string> veths;
    for (const Json& route : Json::parse(output))
        if (route.value("dst", "") == pod.ip4.text() && route.contains("dev")) veths.push_back(route.at("dev"));
    REQUIRE(veths.size() == 1);
    return veths;
}

Json vpc_cni_result(const Place& pod, const std::vector<std::string>& veths, const std::string& version) {
    const std::string sandbox = "/run/netns/" + pod.netns.name();
    const bool is_branch = veths.front().starts_with("vlan");
    Json interfaces = Json::array();
    for (size_t nic = 0; nic < veths.size(); ++nic) {
        interfaces.push_back({{"name", veths[nic]}});
        interfaces.push_back({{"name", nic == 0 ? "eth0" : "mNicIf1"}, {"sandbox", sandbox}, {"pciID", "254"}});
    }
    // Nowhere. With a branch ENI nothing but the name tells it from a veth on the host.
    Json dummy{{"name", "dummy" + suffix_of(veths.front())}, {"mac", is_branch ? "3" : "0"}};
    if (!is_branch) dummy["sandbox"] = "0";
    if (!is_branch) dummy["socketPath"] = std::to_string(veths.size());
    interfaces.push_back(dummy);
    Json ips = Json::array();
    for (const auto& [address, length] : {std::pair(pod.ip4, "/32"), {pod.ip6, "/128"}}) {
        Json ip{{"interface", 1}, {"address", address.text() + length}};
        if (version < "1.0.0") ip["version"] = address.family == BH_IPV4 ? "4" : "6";
        ips.push_back(ip);
    }
    return {{"cniVersion", version}, {"interfaces", interfaces}, {"ips", ips}, {"dns", Json::object()}};
}

CniCall add_call(const Net& net, const Place& pod, const std::string& socket, const std::string& version) {
    const auto slash = pod.name.find('/');
    return {.command = "ADD",
            .conf = {{"cniVersion", version},
                     {"name", "aws-cni"},
                     {"type", "bulkhead-cni"},
                     {"socket", socket},
                     {"timeoutSeconds", 5},
                     {"prevResult", vpc_cni_result(pod, veths_of(net, pod), version)}},
            .variables = {{"CNI_CONTAINERID", "0123456789abcdef"},
                          {"CNI_NETNS", "/run/netns/" + pod.netns.name()},
                          {"CNI_IFNAME", "eth0"},
                          {"CNI_PATH", "/opt/cni/bin"},
                          {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.name.substr(0, slash) +
                                           ";K8S_POD_NAME=" + pod.name.substr(slash + 1) +
                                           ";K8S_POD_INFRA_CONTAINER_ID=0123456789abcdef"}}};
}

Process start_cni(const Place& node, const CniCall& call) {
    std::vector<std::string> argv{"env", "-i", "CNI_COMMAND=" + call.command};
    for (const auto& [name, value] : call.variables)
        argv.push_back(name + "=" + value);
    argv.emplace_back(BULKHEAD_CNI);
    const std::string input = call.conf.is_null() ? "" : call.conf.dump();
    return require(Process::start(argv, Process::Options{.netns = &node.netns, .input = input}));
}

CniAnswer end_of(Process& process) {
    const auto status = process.wait(after(kLimit));
    if (!status) FAIL("bulkhead-cni doesn't end: " << process.output());
    return {*status, process.output()};
}

CniAnswer run_cni(const Place& node, const CniCall& call) {
    auto process = start_cni(node, call);
    return end_of(process);
}

void check_let_in(const CniAnswer& answer, const CniCall& call) {
    INFO(answer.output);
    CHECK(answer.status == 0);
    CHECK(answer.json() == call.conf.at("prevResult"));
}

void check_shut(const CniAnswer& answer, const std::string& why) {
    INFO(answer.output);
    CHECK(answer.status == 1);
    CHECK(answer.code() == 11);
    CHECK(answer.reason().find("may not start yet: ") != std::string::npos);
    CHECK(answer.reason().find(why) != std::string::npos);
}

} // namespace bulkhead::test
