// SPDX-License-Identifier: Apache-2.0
#include "edges_support.h"

#include <netinet/in.h>
#include <netinet/udp.h>

namespace bulkhead::test {

namespace {

std::string end_text(const Json& end) {
    const std::string kind = end.at("kind");
    if (kind == "pod") return end.at("namespace").get<std::string>() + "/" + end.value("workload", "*");
    return kind + " " + end.value("name", end.value("network", end.value("resource", "")));
}

} // namespace

Place add_pod_of(const Net& net, const std::string& node, const std::string& ns, const std::string& deployment,
                 int number) {
    const std::string set = deployment + "-7f";
    Place pod = net.wire(node, ns + "/" + set + "-" + std::to_string(number), number);
    net.manifests().write(file_of(pod),
                          "apiVersion: v1\nkind: Pod\nmetadata: {name: " + set + "-" + std::to_string(number) +
                              ", namespace: " + ns + ", labels: {app: " + deployment +
                              ", pod-template-hash: 7f}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, "
                              "name: " +
                              set + ", uid: u, controller: true}]}\nspec: {nodeName: " + node +
                              "}\nstatus: {phase: Running, podIPs: [{ip: \"" + pod.ip4.text() + "\"}, {ip: \"" +
                              pod.ip6.text() + "\"}]}\n");
    return pod;
}

std::string edge_text(const Json& edge) {
    const auto port = edge.find("port");
    return end_text(edge.at("source")) + " -> " + end_text(edge.at("destination")) + " " +
           (port == edge.end() ? "" : port->dump() + "/") + edge.at("protocol").get<std::string>();
}

std::set<std::string> texts_of(const Json& edges, const Picks& picks) {
    std::set<std::string> texts;
    for (const Json& edge : edges)
        if (picks(edge)) texts.insert(edge_text(edge));
    return texts;
}

Json edges_of(const AgentProcess& agent) {
    const Json answer = agent.ask({"edges"});
    return answer.is_object() ? answer.at("edges") : Json::array();
}

std::set<std::string> edges_of(const AgentProcess& agent, const std::string& verdict) {
    return texts_of(edges_of(agent), [&](const Json& edge) { return edge.at("verdict") == verdict; });
}

uint64_t count_of(const Json& edges, const std::string& text) {
    uint64_t count = 0;
    for (const Json& edge : edges)
        if (edge_text(edge) == text) count += edge.at("count").get<uint64_t>();
    return count;
}

void knock_on(const Place& from, const Place& to, uint16_t first, uint16_t last) {
    const auto fd = require(open_socket(from.netns, BH_IPV4, SOCK_RAW, IPPROTO_UDP));
    const auto address = SocketAddress::of(to.ip4, 0);
    for (uint32_t port = first; port <= last; ++port) {
        const udphdr header{.source = htons(static_cast<uint16_t>(port ^ 0x8000)),
                            .dest = htons(static_cast<uint16_t>(port)),
                            .len = htons(sizeof(udphdr)),
                            .check = 0};
        while (sendto(fd.get(), &header, sizeof header, 0, address.raw(), address.size) < 0)
            REQUIRE((errno == EAGAIN || errno == ENOBUFS));
    }
}

} // namespace bulkhead::test
