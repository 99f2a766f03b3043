// SPDX-License-Identifier: Apache-2.0
//
// The services that EKS has at fixed addresses: instance metadata, which lies beyond the uplink and can be protected,
// and those of the node's own, which stay open: Pod Identity and NodeLocal DNS.
#include <catch2/generators/catch_generators_range.hpp>

#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 80;
constexpr const char* kNodeLocalDns = "169.254.20.10"; // IPv4 only

/// Metadata that belongs to a tenant, the address beside it, and pods of all kinds.
struct Instance {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place metadata = net.resource("metadata", "169.254.169.254", "fd00:ec2::254");
    Place beside = net.resource("beside", "169.254.169.253", "fd00:ec2::253");
    Place owner = net.add(kNodeA, "ops/owner", 20);
    Place granted = net.add(kNodeA, "agents/granted", 21);
    Place stranger = net.add(kNodeA, "blog/stranger", 30);
    Place safe = net.add(kNodeA, "vault/safe", 31);
    Place confined = net.add(kNodeA, "jail/inmate", 32);
    EchoServer metadata_server = require(EchoServer::start(metadata.netns, {kPort}));
    EchoServer beside_server = require(EchoServer::start(beside.netns, {kPort}));

    Instance() {
        const auto& manifests = net.manifests();
        for (const char* ns : {"ops", "agents", "blog", "jail"})
            manifests.write(std::string(ns) + ".yaml", namespace_text(ns));
        manifests.write("vault.yaml", protected_namespace_text("vault"));
        manifests.write("tenants.yaml", tenant_text("ops", "namespaces: [ops]") + "---\n" +
                                            tenant_text("jail", "namespaces: [jail], confined: true"));
        manifests.write(
            "metadata.yaml",
            "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: metadata}\n"
            "spec: {tenant: ops, addresses: {instanceMetadata: true}, "
            "allowFrom: [{from: [{namespace: agents}], ports: [{port: 80}, {port: 80, protocol: UDP}]}]}\n");
    }

    AgentProcess agent(const std::string& attach) const {
        return AgentProcess::start(net, node, {.attach = attach, .more = {"--dns-address", kNodeLocalDns}});
    }
};

/// By TCP and UDP, whether an EchoServer answers.
void check_asks(const Place& from, const Endpoint& to, bool expected) {
    INFO(from.name << " to " << to.address.text());
    const auto limit = [&] { return after(expected ? 10s : 300ms); };
    CHECK(answers_tcp(from.netns, to, limit()) == expected);
    CHECK(answers_udp(from.netns, to, limit()) == expected);
}

TEST_CASE("protected instance metadata answers its owner and who is granted it, and no stranger") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Instance instance;
    const auto& [net, node, metadata, beside, owner, granted, stranger, safe, confined, s1, s2] = instance;
    const auto agent = instance.agent(attach);
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const Endpoint at{metadata.address(family), kPort}, next_to_it{beside.address(family), kPort};
        check_asks(owner, at, true);
        check_asks(granted, at, true);
        check_asks(stranger, at, false);
        check_asks(safe, at, false);
        check_asks(confined, at, false);
        check_asks(node, at, true); // its own agents: no pod's business
        check_asks(stranger, next_to_it, true);
        check_asks(confined, next_to_it, false);
    }
}

/// A service at one of the node's own addresses: whom does it hear and answer?
class OnNode {
public:
    OnNode(const Place& node, const std::string& address, const char* prefix)
        : at_{require(Address::parse(address)), 9053} {
        const auto [failed, output] = run_in(node.netns, {"ip", "addr", "add", address + prefix, "dev", "lo", "nodad"});
        if (failed) FAIL("ip addr: " << output);
        datagrams_ = require(bound_socket(node.netns, at_, SOCK_DGRAM));
        connections_ = require(tcp_listen(node.netns, at_));
    }

    const Address& address() const { return at_.address; }

    void check_serves(const Place& pod, bool expected) const {
        INFO(pod.name << " asks " << at_.address.text());
        CHECK(tcp_connect(pod.netns, at_, after(expected ? 10s : 300ms)).has_value() == expected);
        const Fd client = require(udp_connect(pod.netns, at_));
        require(send_all(client, {{1}}, after(1s)));
        CHECK(readable(datagrams_, after(expected ? 10s : 300ms)) == expected);
        if (expected) answer();
        CHECK(readable(client, after(expected ? 10s : 0s)) == expected);
    }

private:
    void answer() const {
        SocketAddress from;
        std::array<uint8_t, 8> bytes{};
        const ssize_t got = recvfrom(datagrams_.get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size);
        REQUIRE(sendto(datagrams_.get(), bytes.data(), static_cast<size_t>(got), 0, from.raw(), from.size) == got);
    }

    Endpoint at_;
    Fd datagrams_, connections_;
};

TEST_CASE(
    "Pod Identity and NodeLocal DNS serve every pod, confined ones too, which no other address of the node does") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Instance instance;
    const std::vector<const Place*> free{&instance.owner, &instance.stranger, &instance.safe};
    std::vector<OnNode> for_all, beside;
    for_all.emplace_back(instance.node, "169.254.170.23", "/32");
    for_all.emplace_back(instance.node, "fd00:ec2::23", "/128");
    for_all.emplace_back(instance.node, kNodeLocalDns, "/32");
    beside.emplace_back(instance.node, "169.254.170.22", "/32");
    beside.emplace_back(instance.node, "fd00:ec2::22", "/128");
    beside.emplace_back(instance.node, "169.254.20.11", "/32");
    const auto agent = instance.agent(attach);
    for (const OnNode& service : for_all) {
        service.check_serves(instance.confined, true);
        for (const Place* pod : free)
            service.check_serves(*pod, true);
    }
    for (const OnNode& service : beside) {
        service.check_serves(instance.confined, false);
        for (const Place* pod : free)
            service.check_serves(*pod, true);
    }
}

} // namespace
} // namespace bulkhead::test
