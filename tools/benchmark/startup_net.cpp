// SPDX-License-Identifier: Apache-2.0
#include "startup_net.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <fstream>
#include <thread>

#include "netns.h"
#include "source/netlink/pod_names.h"

namespace bulkhead::bench {

namespace {

constexpr const char* kInPod = "eth0";
constexpr const char* kUplink = "eth0";
constexpr const char* kRouter = "router";
constexpr Mac kUplinkMac{2, 0, 0, 0, 0, 1}, kRouterMac{2, 0, 0, 0, 0, 2};

Address address(const std::string& text) {
    return *Address::parse(text); // ours, and well-formed
}

Result<> set_sysctl(const std::string& name, const char* value) {
    std::ofstream file("/proc/sys/net/" + name);
    file << value;
    if (!file.flush()) return fail("set " + name, errno);
    return {};
}

/// What podnet sets on nodes too.
Result<> let_it_forward() {
    for (const char* name : {"ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad", "ipv6/conf/default/accept_ra",
                             "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"})
        if (auto set = set_sysctl(name, "0"); !set) return set;
    for (const char* name : {"ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/forwarding"})
        if (auto set = set_sysctl(name, "1"); !set) return set;
    return {};
}

Mac mac_of(uint8_t side, uint32_t number) {
    return {2, 0, 0, side, static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
}

Result<Fd> packet_socket(uint32_t ifindex) {
    Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); // sends, hears nothing
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_ifindex = static_cast<int>(ifindex);
    if (!fd.valid() || bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
        return fail("open a packet socket", errno);
    return fd;
}

/// The first that fails.
Result<> all_of(std::initializer_list<std::function<Result<>()>> steps) {
    for (const auto& step : steps)
        if (auto done = step(); !done) return done;
    return {};
}

} // namespace

Address StartupNode::resource(uint8_t family) {
    return address(family == BH_IPV4 ? "10.250.0.5" : "fd00:250::5");
}

Result<StartupNode> StartupNode::create(const StartupWatch& watch) {
    auto here = netns_of_thread();
    if (!here) return tl::unexpected(here.error());
    auto vpc = new_netns();
    if (!vpc) return tl::unexpected(vpc.error());
    StartupNode node(std::move(*here), std::move(*vpc));
    if (auto set = let_it_forward(); !set) return tl::unexpected(set.error());
    if (auto connected = node.connect(watch); !connected) return tl::unexpected(connected.error());
    return node;
}

Result<> StartupNode::connect(const StartupWatch& watch) const {
    auto node = Rtnl::open();
    if (!node) return tl::unexpected(node.error());
    auto done = all_of({[&] {
                            return node->add_veth({kUplink, kUplinkMac}, {kRouter, kRouterMac});
                        },
                        [&] { return node->move_link(kRouter, vpc_.get()); }});
    if (!done) return done;
    std::thread([&] {
        done = enter(vpc_);
        if (!done) return;
        auto router = Rtnl::open();
        done = router ? router->set_up(kRouter) : tl::unexpected(router.error());
        if (done) done = set_sysctl("ipv4/ip_forward", "0");
        if (done) done = watch.witness(if_nametoindex(kRouter), Direction::kFromPod);
    }).join();
    if (!done) return done;
    const uint32_t uplink = if_nametoindex(kUplink);
    if (done = node->set_up(kUplink); !done) return done;
    for (const auto& [own, gateway] : {std::pair{"172.16.0.10", "172.16.0.1"}, std::pair{"fd00:16::10", "fd00:16::1"}})
        if (done = all_of({[&] { return node->add_address(uplink, address(own)); },
                           [&] { return node->add_neighbour(uplink, address(gateway), kRouterMac); },
                           [&] { return node->add_default_route(uplink, address(gateway)); }});
            !done)
            return done;
    return {};
}

Result<PodSite> StartupNode::plan(uint32_t number, const std::string& ns) const {
    auto netns = new_netns();
    if (!netns) return tl::unexpected(netns.error());
    PodSite pod;
    pod.number = number;
    pod.ns = ns;
    pod.name = "pod-" + std::to_string(number);
    pod.veth = "eni" + netlink::veth_suffix(ns, pod.name, 0);
    pod.ip4 = address("10.200." + std::to_string(number >> 8) + "." + std::to_string(number & 255));
    pod.ip6 = address("fd00:200::1:" + std::to_string(number));
    pod.mac = mac_of(1, number);
    pod.host_mac = mac_of(2, number);
    pod.netns = std::move(*netns);
    return pod;
}

Result<> StartupNode::wire(PodSite& pod, const StartupWatch& watch,
                           const std::function<void()>& when_ready_to_send) const {
    auto outside = Rtnl::open();
    if (!outside) return tl::unexpected(outside.error());
    if (auto entered = enter(pod.netns); !entered) return entered;
    auto inside = Rtnl::open();
    auto done = inside ? finish_inside(pod, *inside, watch) : tl::unexpected(inside.error());
    if (done) {
        when_ready_to_send();
        done = inside->move_link(pod.veth, node_.get());
    }
    if (auto back = enter(node_); !back) return back;
    return done ? add_routes(pod, *outside) : done;
}

Result<> StartupNode::finish_inside(PodSite& pod, Rtnl& inside, const StartupWatch& watch) {
    if (auto up = inside.set_up("lo"); !up) return up; // as the runtime's own plugin does
    if (auto made = inside.add_veth({kInPod, pod.mac}, {pod.veth, pod.host_mac}); !made) return made;
    const uint32_t eth0 = if_nametoindex(kInPod);
    if (auto witnessed = watch.witness(eth0, Direction::kToPod); !witnessed) return witnessed;
    auto wire = packet_socket(eth0);
    if (!wire) return tl::unexpected(wire.error());
    pod.wire = std::move(*wire);
    const Address gateway4 = address("169.254.1.1"), gateway6 = address("fe80::1");
    return all_of({[&] { return inside.set_up(pod.veth); }, [&] { return inside.set_up(kInPod); },
                   [&] { return inside.add_host_route(eth0, gateway4); },
                   [&] { return inside.add_default_route(eth0, gateway4); },
                   [&] { return inside.add_default_route(eth0, gateway6); },
                   [&] { return inside.add_address(eth0, pod.ip4); }, [&] { return inside.add_address(eth0, pod.ip6); },
                   [&] { return inside.add_neighbour(eth0, gateway4, pod.host_mac); },
                   [&] { return inside.add_neighbour(eth0, gateway6, pod.host_mac); }});
}

Result<> StartupNode::add_routes(PodSite& pod, Rtnl& outside) const {
    pod.ifindex = if_nametoindex(pod.veth.c_str());
    return all_of(
        {[&] { return outside.set_up(pod.veth); }, [&] { return outside.add_host_route(pod.ifindex, pod.ip4); },
         [&] { return outside.add_rule(pod.ip4); }, [&] { return outside.add_host_route(pod.ifindex, pod.ip6); },
         [&] { return outside.add_rule(pod.ip6); }});
}

Result<> StartupNode::unwire(const PodSite& pod) const {
    auto node = Rtnl::open();
    if (!node) return tl::unexpected(node.error());
    return all_of({[&] { return node->delete_rule(pod.ip4); }, [&] { return node->delete_rule(pod.ip6); },
                   [&] { return node->delete_link(pod.veth); }});
}

} // namespace bulkhead::bench
