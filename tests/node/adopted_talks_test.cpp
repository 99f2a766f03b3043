// SPDX-License-Identifier: Apache-2.0
//
// The first installation on a node whose pods are talking, with connection tracking under them, as on every node with
// kube-proxy: what the rule allows goes on without a loss, and no stranger is let in for having been there.
#include <fstream>

#include <netinet/in.h>

#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "conntrack_support.h"
#include "next_packet_support.h"
#include "numbered_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kOpened = 8443; // what the protected pod exposes
constexpr uint16_t kServicePort = 80, kTargetPort = 8080;

const std::vector<Kind> kDatagrams{{"UDP, server pushes", false, Flow::kServerPushes},
                                   {"UDP, client pushes", false, Flow::kClientPushes},
                                   {"UDP, idle", false, Flow::kIdle}};
const std::vector<Kind> kHeardByServer{{"UDP, client pushes", false, Flow::kClientPushes},
                                       {"UDP, idle", false, Flow::kIdle}};
const std::vector<Kind> kStreams{{"TCP, server pushes", true, Flow::kServerPushes},
                                 {"TCP, client pushes", true, Flow::kClientPushes},
                                 {"TCP, idle", true, Flow::kIdle}};

struct TrackedTown : Town {
    TrackedTown() { track_connections(net.node(kNodeA)); }
};

Address service_ip(uint8_t family) {
    return require(Address::parse(family == BH_IPV4 ? "172.20.0.1" : "fd00:5e::1"));
}

/// As kube-proxy does it on node-a.
void translate_to(const Net& net, const Place& server) {
    std::string rules;
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        const bool v4 = family == BH_IPV4;
        rules += std::string(v4 ? "ip" : "ip6") + " daddr " + service_ip(family).text() + " udp dport " +
                 std::to_string(kServicePort) + " dnat " + (v4 ? "ip to " : "ip6 to [") +
                 server.address(family).text() + (v4 ? ":" : "]:") + std::to_string(kTargetPort) + "\n";
    }
    const auto [status, output] = run_in(
        net.node(kNodeA).netns,
        {"nft", "table inet services {\nchain pre { type nat hook prerouting priority dstnat\n" + rules + "}\n}\n"});
    if (status != 0) FAIL("nft: " << output);
}

using Streams = std::vector<std::unique_ptr<Numbered>>;

void push(Streams& streams, const Place& client, const Place& server, uint16_t first_port) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        for (const End pusher : {End::kClient, End::kServer}) {
            const Endpoint at{server.address(family), first_port++};
            const std::string what = client.name + " to " + server.name + " over IPv" + std::to_string(family) +
                                     (pusher == End::kClient ? ", client pushes" : ", server pushes");
            streams.push_back(require(Numbered::begin(client.netns, server.netns,
                                                      {.what = what, .server = at, .asked = at, .pusher = pusher})));
        }
}

void push_through_service(Streams& streams, const Place& client, const Place& server) {
    for (const uint8_t family : {BH_IPV4, BH_IPV6})
        streams.push_back(require(Numbered::begin(client.netns, server.netns,
                                                  {.what = "through the Service over IPv" + std::to_string(family),
                                                   .server = {server.address(family), kTargetPort},
                                                   .asked = {service_ip(family), kServicePort}})));
}

/// Whatever was lost at the installation shows in what arrives after it.
void check_without_loss(const Streams& streams) {
    constexpr uint64_t kMore = 500;
    for (const auto& stream : streams) {
        INFO(stream->what());
        const auto before = stream->arrived();
        CHECK(wait_until([&] { return stream->arrived() >= before + kMore; }, after(20s)));
        CHECK(stream->lost() == 0);
    }
}

TEST_CASE("of datagrams older than the agent, the pod's own and the allowed go on, a stranger's are cut") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    INFO(attach);
    const TrackedTown town;
    Talks allowed = begin_talks(town.safe, town.near, Begun::kByGuarded, 7000, kDatagrams);
    append(allowed, begin_talks(town.safe, town.far, Begun::kByGuarded, 7000, kDatagrams));
    append(allowed, begin_talks(town.safe, town.kin, Begun::kByOther, 7200, kDatagrams));
    Talks strangers = begin_talks(town.safe, town.near, Begun::kByOther, 7300, kHeardByServer);
    append(strangers, begin_talks(town.safe, town.far, Begun::kByOther, 7400, kHeardByServer));
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {.attach = attach});
    INFO(agent.output());
    check_cut_and_going_on(strangers, allowed, Clock::now());
}

TEST_CASE("not one datagram is lost at a first installation, whoever pushes, also through a Service") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    INFO(attach);
    const TrackedTown town;
    const auto& net = town.net;
    net.manifests().write("bank.yaml", protected_namespace_text("bank"));
    const Place teller = net.add(kNodeA, "bank/teller", 40);
    net.tell(town.safe,
             {{"bulkhead.dev/expose", std::to_string(kOpened) + "-" + std::to_string(kOpened + 9) + "/UDP"}});
    translate_to(net, town.far);
    if (attach == "clsact") add_qdiscs(net.node(kNodeA));
    Streams streams;
    push(streams, town.safe, town.near, 7000);
    push(streams, town.safe, town.far, 7100);
    push(streams, town.kin, town.safe, 7200);
    push(streams, teller, town.safe, kOpened); // both are Protected: each remembers
    push_through_service(streams, town.safe, town.far);
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    INFO(agent.output());
    agent.wait_for_verdict(town.far.name, town.safe.name + ":7000/UDP", "deny");
    check_without_loss(streams);
}

/// An echo request under way: the answer comes when the test says so.
struct LateEcho {
    Fd asker, answerer;
    Address from, to;
    static constexpr uint16_t kId = 77;

    LateEcho(const Place& client, const Place& server, uint8_t family)
        : from(client.address(family)), to(server.address(family)) {
        const int protocol = family == BH_IPV4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
        const char* quiet = family == BH_IPV4 ? "net.ipv4.icmp_echo_ignore_all=1" : "net.ipv6.icmp.echo_ignore_all=1";
        const auto [status, output] = run_in(server.netns, {"sysctl", "-qw", quiet});
        if (status != 0) FAIL("sysctl: " << output);
        asker = require(open_socket(client.netns, family, SOCK_RAW, protocol));
        answerer = require(open_socket(server.netns, family, SOCK_RAW, protocol));
        send(asker, to, packet().ip(from.text(), to.text()).echo_request(kId));
        REQUIRE(hears(answerer, family == BH_IPV4 ? 8 : 128, after(10s)));
    }

    void send(const Fd& fd, const Address& dst, const Packet& whole) const {
        const Bytes bytes = whole.bytes_from_ip();
        const size_t header = dst.family == BH_IPV4 ? 20 : 40;
        const auto where = SocketAddress::of(dst, 0);
        REQUIRE(sendto(fd.get(), bytes.data() + header, bytes.size() - header, 0, where.raw(), where.size) > 0);
    }

    bool hears(const Fd& fd, uint8_t type, Deadline deadline) const {
        while (readable(fd, deadline)) {
            Bytes bytes(2048);
            const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), 0);
            const size_t at = to.family == BH_IPV4 ? 20 : 0; // raw sockets of IPv4 hear the IP header
            if (got >= static_cast<ssize_t>(at + 8) && bytes[at] == type && bytes[at + 4] == 0 && bytes[at + 5] == kId)
                return true;
        }
        return false;
    }

    bool answer_arrives(Deadline deadline) const {
        send(answerer, from, packet().ip(to.text(), from.text()).echo_reply(kId));
        return hears(asker, to.family == BH_IPV4 ? 0 : 129, deadline);
    }
};

TEST_CASE("an echo request that a Protected pod sent before the installation is answered after it") {
    const uint8_t family = GENERATE(BH_IPV4, BH_IPV6);
    const TrackedTown town;
    const LateEcho own(town.safe, town.far, family);
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    CHECK(own.answer_arrives(after(5s)));
    CHECK_FALSE(answers_ping(town.far.netns, town.safe.address(family), after(300ms)));
}

/// Moves a pod's inside into a virtual machine, as Kata does it: its addresses and sockets are in there, and the pod's
/// own network namespace only passes frames on.
Place put_into_machine(const Place& pod, const ScopedNetns& machine) {
    const auto run = [&](const Netns& netns, const std::string& script) {
        const auto [status, output] = run_in(netns, {"sh", "-ec", script});
        INFO(script << output);
        if (status != 0) SKIP("this machine can't redirect frames: " << output);
        return output;
    };
    const std::string name = machine->name();
    const std::string gateway = "$(ip neigh show 169.254.1.1 dev eth0 | sed 's/.*lladdr \\([^ ]*\\).*/\\1/')";
    const std::string own = "$(ip -o link show eth0 | sed 's/.*ether \\([^ ]*\\).*/\\1/')";
    run(pod.netns,
        "ip link add tap0 type veth peer name eth0 netns " + name + "\nip -n " + name + " link set eth0 address " +
            own + " up\nip link set tap0 up\nip -n " + name + " addr add " + pod.ip4.text() + "/32 dev eth0\nip -n " +
            name + " addr add " + pod.ip6.text() + "/128 dev eth0 nodad\nfor at in 169.254.1.1 fe80::1; do ip -n " +
            name + " neigh replace $at dev eth0 nud permanent lladdr " + gateway + "; ip -n " + name +
            " route replace $at dev eth0; ip -n " + name +
            " route replace default via $at dev eth0 onlink; done\nip addr flush dev eth0\n" +
            "for pair in 'eth0 tap0' 'tap0 eth0'; do set -- $pair; tc qdisc add dev $1 ingress; "
            "tc filter add dev $1 ingress protocol all u32 match u32 0 0 action mirred egress redirect dev $2; done\n");
    return {pod.node, pod.name, pod.ip4, pod.ip6, require(Netns::open(name))};
}

TEST_CASE("of TCP connections of pods in virtual machines connection tracking tells who began") {
    const TrackedTown town;
    const auto machine = require(ScopedNetns::create("machine"));
    const Place safe = put_into_machine(town.safe, machine);
    Talks allowed = begin_talks(safe, town.far, Begun::kByGuarded, 7000, kStreams);
    append(allowed, begin_talks(safe, town.kin, Begun::kByOther, 7200, kStreams));
    const Talks strangers = begin_talks(safe, town.far, Begun::kByOther, 7400, kStreams);
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    INFO(agent.output());
    check_cut_and_going_on(strangers, allowed, Clock::now());
}

TEST_CASE("a table of 65,536 conversations is adopted, too") {
    const TrackedTown town;
    constexpr uint32_t kEntries = 65536;
    uint32_t most = 0;
    std::ifstream("/proc/sys/net/netfilter/nf_conntrack_max") >> most;
    if (most < kEntries + 1000) SKIP("connection tracking has no room for that many here");
    add_connections(town.net.node(kNodeA), town.safe, town.far, kEntries);
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {.more = {"--flow-sets", "16384"}});
    INFO(agent.output());
    CHECK(agent.output().find("adopted " + std::to_string(kEntries)) != std::string::npos);
}

TEST_CASE("who pushes in connections that are older than connection tracking is not taken for who began") {
    const Town town;
    const Talks own = begin_talks(town.safe, town.far, Begun::kByGuarded, 7000, kStreams);
    const Talks strangers = begin_talks(town.safe, town.far, Begun::kByOther, 7400, kStreams);
    track_connections(town.net.node(kNodeA));
    check_going_on(own); // so it has seen them
    const auto agent = AgentProcess::start(town.net, town.net.node(kNodeA), {});
    INFO(agent.output());
    check_cut_and_going_on(strangers, own, Clock::now());
}

} // namespace
} // namespace bulkhead::test
