// SPDX-License-Identifier: Apache-2.0
//
// Services with real translation between real nodes, as kube-proxy's nftables mode does it: a pod that may
// speak to few and hear from few asks through a cluster IP.
#include <catch2/generators/catch_generators.hpp>
#include <fstream>

#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

/// Its cluster IPs are 172.20.0.NUMBER and fd00:5e::NUMBER.
struct Service {
    std::string name; // "ns/name"
    int number = 0;
    Place endpoint;

    Address ip(uint8_t family) const {
        const std::string prefix = family == BH_IPV4 ? "172.20.0." : "fd00:5e::";
        return require(Address::parse(prefix + std::to_string(number)));
    }
};

constexpr uint16_t kPort = 80;
constexpr uint16_t kTargetPort = 8080;

std::string service_text(const Service& service) {
    const auto slash = service.name.find('/');
    return "apiVersion: v1\nkind: Service\nmetadata: {name: " + service.name.substr(slash + 1) +
           ", namespace: " + service.name.substr(0, slash) + "}\nspec: {clusterIPs: ['" + service.ip(BH_IPV4).text() +
           "', '" + service.ip(BH_IPV6).text() + "']}\n";
}

std::string slice_text(const Service& service) {
    return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: kube-dns-1, namespace: "
           "kube-system, labels: {kubernetes.io/service-name: kube-dns}}\naddressType: IPv4\nendpoints: [{addresses: "
           "['" +
           service.endpoint.ip4.text() + "']}, {addresses: ['" + service.endpoint.ip6.text() + "']}]\n";
}

std::string rules_for(const Service& service) {
    std::string text;
    for (const auto& [family, ip, open, close] :
         {std::tuple{uint8_t{BH_IPV4}, "ip", "", ""}, std::tuple{uint8_t{BH_IPV6}, "ip6", "[", "]"}})
        for (const char* protocol : {"tcp", "udp"})
            text += std::string("add rule ") + ip + " services prerouting " + ip + " daddr " +
                    service.ip(family).text() + " " + protocol + " dport " + std::to_string(kPort) + " dnat to " +
                    open + service.endpoint.address(family).text() + close + ":" + std::to_string(kTargetPort) + "\n";
    return text;
}

/// What kube-proxy does on a node.
void translate(const Net& net, const Place& node, const std::vector<const Service*>& services) {
    const auto file = net.directory() / (node.name + ".nft");
    std::ofstream rules(file);
    for (const char* ip : {"ip", "ip6"})
        rules << "add table " << ip << " services\nadd chain " << ip
              << " services prerouting { type nat hook prerouting priority dstnat; }\n";
    for (const Service* service : services)
        rules << rules_for(*service);
    rules.close();
    const auto [status, output] = run_in(node.netns, {"nft", "-f", file});
    if (status != 0) SKIP("this kernel or machine has no nftables NAT: " << output);
}

/// A tenant that is confined and Protected, one that is only confined, cluster DNS, and a stranger.
struct Market {
    Net net = Net::create();
    Place job = net.add(kNodeA, "batch/job", 20);
    Place lab = net.add(kNodeA, "lab/probe", 21);
    Service near{"batch/near", 1, net.add(kNodeA, "batch/near", 22)};
    Service far{"batch/far", 2, net.add(kNodeB, "batch/far", 23)};
    Service other{"blog/other", 3, net.add(kNodeB, "blog/other", 30)};
    Service dns{"kube-system/kube-dns", 10, net.add(kNodeB, "kube-system/coredns", 31)};
    std::vector<EchoServer> servers;

    Market() {
        const auto& manifests = net.manifests();
        manifests.write("tenants.yaml", tenant_text("batch", "namespaces: [batch], level: protected, confined: true") +
                                            "---\n" + tenant_text("lab", "namespaces: [lab], confined: true"));
        for (const char* ns : {"batch", "lab", "blog", "kube-system"})
            manifests.write(std::string(ns) + ".yaml", namespace_text(ns));
        manifests.write("slice.yaml", slice_text(dns));
        const std::vector<const Service*> services{&near, &far, &other, &dns};
        for (const Service* service : services) {
            manifests.write("service-" + std::to_string(service->number) + ".yaml", service_text(*service));
            servers.push_back(require(EchoServer::start(service->endpoint.netns, {kTargetPort})));
        }
        translate(net, net.node(kNodeA), services);
    }
};

void check_asks(const Place& from, const Service& service, bool expected) {
    const auto limit = [&] { return after(expected ? 10s : 300ms); };
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        INFO(from.name << " to service " << service.name << " over IPv" << int{family});
        CHECK(answers_tcp(from.netns, {service.ip(family), kPort}, limit()) == expected);
        CHECK(answers_udp(from.netns, {service.ip(family), kPort}, limit()) == expected);
    }
}

TEST_CASE("a confined and Protected pod asks through Services what it may, near and far, and nothing else") {
    const std::string attach = GENERATE("tcx", "clsact");
    INFO(attach);
    const Market market;
    const auto here = AgentProcess::start(market.net, market.net.node(kNodeA), {.attach = attach});
    const auto there = AgentProcess::start(market.net, market.net.node(kNodeB), {.attach = attach});
    check_asks(market.job, market.near, true);
    check_asks(market.job, market.far, true);
    check_asks(market.job, market.other, false);
    check_asks(market.job, market.dns, true);
    check_asks(market.lab, market.dns, true);
    check_asks(market.lab, market.far, false);
    check_asks(market.lab, market.other, false);
    check_asks(market.other.endpoint, market.far, false); // nobody translates there, and it is Protected
    CHECK(here.endpoint("service kube-system/kube-dns").value("what", "") == "service");
    CHECK(here.verdict(market.job.name, market.far.ip(BH_IPV4).text() + ":80") == "depends on the endpoint");
}

} // namespace
} // namespace bulkhead::test
