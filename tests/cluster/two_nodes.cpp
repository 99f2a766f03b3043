// SPDX-License-Identifier: Apache-2.0
#include "two_nodes.h"

#include <array>
#include <ctime>

namespace bulkhead::test {

std::string node_text(const Place& node) {
    return "apiVersion: v1\nkind: Node\nmetadata: {name: " + node.name +
           "}\nstatus: {addresses: [{type: InternalIP, address: " + node.ip4.text() +
           "}, {type: InternalIP, address: \"" + node.ip6.text() + "\"}]}\n---\n";
}

TwoNodes::TwoNodes() : net_(Net::create()), host_(net_.resource("api-server", "10.0.0.200", "fd00:10::200")) {
    server_.emplace(started({.netns = host_.netns.name(), .address = host_.ip4.text()}));
    install_crds(*server_);
    put(node_text(net_.node(kNodeA)) + node_text(net_.node(kNodeB)));
}

Place TwoNodes::run(const std::string& node, const std::string& pod, int number) const {
    put(bound_pod_text(node, pod));
    return net_.wire(node, pod, number);
}

std::string bound_pod_text(const std::string& node, const std::string& pod) {
    const auto slash = pod.find('/');
    return "apiVersion: v1\nkind: Pod\nmetadata: {namespace: " + pod.substr(0, slash) +
           ", name: " + pod.substr(slash + 1) + "}\nspec: {nodeName: " + node +
           ", containers: [{name: main, image: none}]}\n---\n";
}

std::string time_text(std::chrono::sys_seconds time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

} // namespace bulkhead::test
