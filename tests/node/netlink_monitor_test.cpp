// SPDX-License-Identifier: Apache-2.0
//
// The monitor against a real kernel, in a netns of its own. What it sees of a pod is a veth into another netns, so bare
// veth pairs are enough here: they have no addresses, routes or neighbours and carry nothing. Simulated pods are
// podnet's.
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <poll.h>
#include <sched.h>
#include <thread>

#include "base/fd.h"
#include "source/netlink/monitor.h"

using namespace bulkhead;
using namespace bulkhead::netlink;

namespace {

const std::vector<std::string> kPrefixes{"eni"};

void run(const std::string& command) {
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0);
}

/// A fresh netns for the calling thread; it ends when nothing uses it any more.
void enter_new_netns() {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    run("ip link set lo up");
}

/// Another netns; its path stays valid while this lives.
struct Netns {
    Netns() {
        std::thread([this] {
            if (unshare(CLONE_NEWNET) == 0) fd = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        }).join();
        REQUIRE(fd.valid());
    }
    std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd.get()); }
    Fd fd;
};

void add_veth_pair(const Netns& far, const std::string& host_side, const std::string& far_side = "eth0") {
    run("ip link add " + host_side + " type veth peer name " + far_side + " netns " + far.path());
    run("ip link set " + host_side + " up");
}

Monitor new_monitor() {
    auto monitor = Monitor::create();
    REQUIRE(monitor);
    return std::move(*monitor);
}

bool eventually(Monitor& monitor, const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
        if (!monitor.update()) return false;
        if (holds()) return true;
        pollfd news{.fd = monitor.fd(), .events = POLLIN, .revents = 0};
        poll(&news, 1, 100);
    }
    return false;
}

std::vector<std::string> addresses_of(const Monitor& monitor, const std::string& name) {
    std::vector<std::string> texts;
    for (const auto& veth : monitor.network().guarded(kPrefixes))
        if (veth.name == name)
            for (const auto& address : veth.addresses)
                texts.push_back(address.text());
    return texts;
}

using Strings = std::vector<std::string>;

} // namespace

TEST_CASE("the first read finds pods, addresses and uplinks that were there before") {
    enter_new_netns();
    const Netns pod;
    const Netns vpc;
    add_veth_pair(pod, "eni0123456789a");
    add_veth_pair(vpc, "eth0", "vpc0");
    run("ip addr add 10.0.0.11/24 dev eth0 && ip route add default via 10.0.0.1");
    run("ip route add 10.0.1.5/32 dev eni0123456789a && ip route add 10.0.1.6/32 dev eni0123456789a table 1234");
    run("ip -6 route add fd00::5/128 dev eni0123456789a");
    const auto monitor = new_monitor();
    const auto guarded = monitor.network().guarded(kPrefixes);
    REQUIRE(guarded.size() == 1);
    CHECK(guarded[0].name == "eni0123456789a");
    CHECK(guarded[0].nsid >= 0);
    CHECK(addresses_of(monitor, "eni0123456789a") == Strings{"10.0.1.5", "10.0.1.6", "fd00::5"});
    CHECK(monitor.network().uplinks(guarded) == monitor.network().named({"eth0"}));
    CHECK(monitor.network().own_addresses().contains(Address::parse("10.0.0.11").value()));
}

TEST_CASE("a subnet's broadcast and anycast addresses are the node's own as long as it is in the subnet") {
    enter_new_netns();
    const Netns vpc;
    add_veth_pair(vpc, "eth0", "vpc0");
    run("sysctl -qw net.ipv6.conf.all.forwarding=1"); // a router answers to its subnets' anycast address
    auto monitor = new_monitor();
    const auto owns = [&](const char* text) {
        return monitor.network().own_addresses().contains(Address::parse(text).value());
    };
    run("ip addr add 10.0.0.11/24 dev eth0 && ip addr add 10.0.1.11/24 brd 10.0.1.77 dev eth0");
    run("ip addr add fd00:7::11/64 dev eth0 nodad");
    CHECK(eventually(monitor, [&] { return owns("10.0.0.255") && owns("10.0.1.77") && owns("fd00:7::"); }));
    CHECK_FALSE(owns("10.0.2.255"));
    run("ip addr del 10.0.0.11/24 dev eth0 && ip addr del fd00:7::11/64 dev eth0");
    CHECK(eventually(monitor, [&] { return !owns("10.0.0.255") && !owns("fd00:7::"); }));
    CHECK(owns("10.0.1.77"));
}

TEST_CASE("a pod that comes is known with its address, and gone when it goes") {
    enter_new_netns();
    auto monitor = new_monitor();
    {
        const Netns pod;
        add_veth_pair(pod, "eni0123456789a");
        run("ip route add 10.0.1.5/32 dev eni0123456789a");
        CHECK(eventually(monitor, [&] { return addresses_of(monitor, "eni0123456789a") == Strings{"10.0.1.5"}; }));
        run("ip route del 10.0.1.5/32 dev eni0123456789a");
        CHECK(eventually(monitor, [&] { return addresses_of(monitor, "eni0123456789a").empty(); }));
    }
    CHECK(eventually(monitor, [&] { return monitor.network().guarded(kPrefixes).empty(); }));
    CHECK(monitor.overruns() == 0);
}

TEST_CASE("the other family's veth, whose name says nothing, is grouped with its pod's") {
    enter_new_netns();
    auto monitor = new_monitor();
    const Netns pod;
    const Netns other;
    add_veth_pair(pod, "eni0123456789a");
    add_veth_pair(pod, "vethrandom", "v4if0");
    add_veth_pair(other, "vethother");
    CHECK(eventually(monitor, [&] { return monitor.network().guarded(kPrefixes).size() == 2; }));
    const auto guarded = monitor.network().guarded(kPrefixes);
    CHECK(guarded[0].nsid == guarded[1].nsid);
    CHECK(monitor.network().name_of(guarded[1].ifindex) == "vethrandom");
}

TEST_CASE("routes that a link takes with it silently are forgotten") {
    enter_new_netns();
    const Netns pod;
    add_veth_pair(pod, "eni0123456789a");
    run("ip route add 10.0.1.5/32 dev eni0123456789a");
    auto monitor = new_monitor();
    REQUIRE(addresses_of(monitor, "eni0123456789a") == Strings{"10.0.1.5"});
    run("ip link set eni0123456789a down");
    CHECK(eventually(monitor, [&] { return addresses_of(monitor, "eni0123456789a").empty(); }));
}

TEST_CASE("routes that an address takes with it silently are forgotten") {
    enter_new_netns();
    const Netns pod;
    add_veth_pair(pod, "eni0123456789a");
    run("ip addr add 10.0.0.11/32 dev lo && ip route add 10.0.1.5/32 dev eni0123456789a src 10.0.0.11");
    auto monitor = new_monitor();
    REQUIRE(addresses_of(monitor, "eni0123456789a") == Strings{"10.0.1.5"});
    run("ip addr del 10.0.0.11/32 dev lo");
    CHECK(eventually(monitor, [&] { return addresses_of(monitor, "eni0123456789a").empty(); }));
    CHECK(monitor.rereads() == 1);
}

TEST_CASE("lost news lead to a complete read, and nothing stays wrong") {
    enter_new_netns();
    const Netns pod;
    add_veth_pair(pod, "eni0123456789a");
    auto monitor = new_monitor();
    const std::string batch = "/tmp/bulkhead-netlink-" + std::to_string(getpid()) + ".batch";
    {
        std::ofstream out(batch);
        for (int i = 0; i < 20000; ++i)
            out << "route add 10." << 100 + i / 65536 << "." << i / 256 % 256 << "." << i % 256
                << "/32 dev eni0123456789a\n";
        for (int i = 5; i < 20000; ++i)
            out << "route del 10." << 100 + i / 65536 << "." << i / 256 % 256 << "." << i % 256
                << "/32 dev eni0123456789a\n";
    }
    run("ip -batch " + batch);
    std::remove(batch.c_str());
    CHECK(eventually(monitor, [&] { return addresses_of(monitor, "eni0123456789a").size() == 5; }));
    CHECK(monitor.overruns() > 0);
    CHECK(monitor.rereads() > 0);
}
