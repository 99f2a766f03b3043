// SPDX-License-Identifier: Apache-2.0
//
// IPv6 link-local addresses, which belong to a link and not to a pod: they find neighbours, and reach the node that is
// at the link's other end, but no pod.
#include <catch2/generators/catch_generators_range.hpp>

#include "forged_support.h"

namespace bulkhead::test {
namespace {

constexpr const char* kForged = "forged;";
constexpr uint16_t kIpv6 = 0x86dd; // ethertype

Address link_local_of(const Netns& netns, const std::string& device) {
    const auto [failed, output] = run_in(netns, {"ip", "-j", "-6", "addr", "show", "dev", device, "scope", "link"});
    if (failed) FAIL("ip addr: " << output);
    for (const Json& link : Json::parse(output))
        for (const Json& address : link.value("addr_info", Json::array())) // of those of other scopes it is empty
            if (address.contains("local")) return require(Address::parse(address.at("local").get<std::string>()));
    FAIL("no link-local address at " << device << " in " << netns.name());
    return {};
}

/// A ping through the link that `device` is one end of.
bool pings(const Netns& netns, const Address& to, const std::string& device, int seconds) {
    return run_in(netns, {"ping", "-n", "-q", "-c1", "-W" + std::to_string(seconds), to.text() + "%" + device}).first ==
           0;
}

struct Link {
    Netns node;
    std::string veth;
    Address pod_end, node_end;

    Link(const Court& court, const AgentProcess& agent, const Place& pod)
        : node(court.net.node(pod.node).netns), veth(veth_of(agent, pod)), pod_end(link_local_of(pod.netns, "eth0")),
          node_end(link_local_of(node, veth)) {}
};

TEST_CASE("a pod and its node reach each other by link-local addresses, but for a confined pod, who may not begin") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    court.net.manifests().write("jail.yaml", namespace_text("jail") + "---\n" +
                                                 tenant_text("jail", "namespaces: [jail], confined: true"));
    const Place inmate = court.net.add(kNodeA, "jail/inmate", 40);
    const auto agent = court.agent(kNodeA, attach);
    for (const Place* pod : {&court.safe, &court.near, &inmate}) {
        INFO(pod->name);
        const Link link(court, agent, *pod);
        CHECK(pings(link.node, link.pod_end, link.veth, 10));
        const bool may_begin = pod != &inmate;
        CHECK(pings(pod->netns, link.node_end, "eth0", may_begin ? 10 : 1) == may_begin);
    }
}

TEST_CASE("no link-local address is a way to a pod, of its own link or of another") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const Court court;
    const auto agent = court.agent(kNodeA, attach);
    const auto& [net, safe, kin, peer, near, far] = court;
    const Link link(court, agent, near), other(court, agent, safe);
    const FrameSender sender(near);
    Tap at_safe(safe.netns), at_kin(kin.netns);
    const std::string own = link.pod_end.text();

    // To an address that is routed: no router forwards it, and we don't leave that to the router.
    std::vector<Packet> routed;
    for (const std::string& from : {own, std::string("fe80::1"), other.pod_end.text(), std::string("::")})
        for (const Place* to : {&safe, &kin})
            routed.push_back(sender.frame().ip(from, to->ip6.text()).udp(1, 9).payload(bytes_of(kForged)));
    court.check_refused_where_sent(near, routed, "spoofed");

    // To a link-local one: passes where it is sent, and the link ends at the node.
    Tap at_node(link.node, link.veth, kIpv6);
    for (const std::string& to : {other.pod_end.text(), other.node_end.text(), std::string("ff02::1")})
        sender.send(sender.frame().ip(own, to).udp(1, 9).payload(bytes_of("to-a-link;")).bytes());
    CHECK(at_node.sees("to-a-link;", 3, after(10s)));
    sender.send(between(sender, near, safe, BH_IPV6).udp(1, 9).payload(bytes_of("refused;")).bytes());
    CHECK(wait_until([&] { return refused(net.node(kNodeA), "ingress", "not-granted") >= 1; }, after(10s), 20ms));
    for (Tap* tap : {&at_safe, &at_kin})
        CHECK(tap->count(kForged) + tap->count("to-a-link;") == 0);
}

} // namespace
} // namespace bulkhead::test
