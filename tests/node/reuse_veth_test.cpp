// SPDX-License-Identifier: Apache-2.0
//
// Veths come and go while an agent stands still: it misses more news than its socket holds, and finds other devices
// under numbers and names that it knew.
#include <csignal>

#include "metrics_support.h"
#include "next_packet_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kPort = 8080;
constexpr int kNews = 5000; // of a link, each of which takes more than two kilobytes of a socket's eight million

struct Village {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place kin = net.add(kNodeB, "vault/kin", 21);
    Place near = net.add(kNodeA, "blog/near", 30);

    Village() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }
};

EchoServer echo(const Place& place) {
    return require(EchoServer::start(place.netns, {kPort}));
}

bool reaches(const Place& from, const Place& to, bool expected) {
    const auto limit = [&] { return after(expected ? 10s : 400ms); };
    return answers_udp(from.netns, {to.ip4, kPort}, limit()) && answers_tcp(from.netns, {to.ip6, kPort}, limit());
}

void wait_until_guarded(const AgentProcess& agent, const Place& pod) {
    Json row;
    const auto guarded = [&] {
        row = agent.endpoint(pod.name);
        return row.is_object() && row.value("state", "") == "guarded" &&
               row.at("addresses").dump().find(pod.ip4.text()) != std::string::npos;
    };
    if (!wait_until(guarded, after(20s))) FAIL(pod.name << " isn't guarded: " << row.dump() << agent.output());
}

void ip(const std::string& netns, std::vector<std::string> words) {
    words.insert(words.begin(), {"ip", "-n", netns});
    const auto done = run_command(words);
    if (!done) FAIL(done.error().text);
}

std::string ifindex_of(const Village& village, const std::string& veth) {
    const auto [status, listing] = run_in(village.node.netns, {"ip", "-o", "link", "show", "dev", veth});
    INFO(listing);
    REQUIRE(status == 0);
    // Before it ip may complain of somebody else's namespace, which went while it looked for names.
    const auto end = listing.find(": " + veth);
    REQUIRE(end != std::string::npos);
    const auto begin = listing.rfind('\n', end) + 1; // 0 without one
    return listing.substr(begin, end - begin);
}

/// More than a socket's buffer takes.
void make_noise(const Village& village) {
    std::string lines = "link add noise type veth peer name noise2\n";
    for (int i = 0; i < kNews; ++i)
        lines += "link set noise mtu " + std::to_string(1400 + i % 2) + "\n";
    lines += "link del noise\n";
    auto noise = require(Process::start({"ip", "-batch", "-"}, {.netns = &village.node.netns, .input = lines}));
    REQUIRE(noise.wait(after(180s)) == 0);
}

TEST_CASE("an agent that missed more news than its socket holds guards every veth that is there, and none that isn't") {
    const Village village;
    const auto& [net, node, kin, near] = village;
    const Place gone = net.add(kNodeA, "vault/gone", 40);
    const auto attachments = [&] { return attachments_in(node.netns).size(); };
    auto agent = AgentProcess::start(net, node, {.metrics_address = kMetricsAddress});
    wait_until_guarded(agent, gone);
    const auto attached = attachments();

    agent.process().signal(SIGSTOP);
    net.unwire(gone);
    net.manifests().remove(file_of(gone));
    make_noise(village);
    const Place safe = net.add(kNodeA, "vault/safe", 41);
    agent.process().signal(SIGCONT);

    wait_until_guarded(agent, safe);
    CHECK(metric(node, "bulkhead_netlink_overruns_total").value_or(0) > 0);
    const auto server = echo(safe);
    CHECK_FALSE(reaches(near, safe, false));
    CHECK(reaches(kin, safe, true));
    CHECK(agent.endpoint(gone.name).is_null());
    CHECK(wait_until([&] { return attachments() == attached; }, after(10s))); // as many as there were
    CHECK(agent.ask({"status"})["interfaces"].value("held", -1) == 0);
}

/// Takes the pod's veth away and makes it anew, with a number of our choice, as podnet wires it.
void renumber(const Village& village, const Place& pod, const std::string& veth, const std::string& number) {
    const std::string& on_node = village.node.netns.name();
    ip(on_node, {"link", "del", veth});
    ip(on_node, {"link", "add", "name", veth, "index", number, "type", "veth", "peer", "name", "eth0", "netns",
                 pod.netns.name()});
    ip(on_node, {"link", "set", veth, "up"});
    ip(pod.netns.name(), {"link", "set", "eth0", "up"});
    const std::string ip4 = pod.ip4.text(), ip6 = pod.ip6.text();
    ip(pod.netns.name(), {"addr", "add", ip4 + "/32", "dev", "eth0"});
    ip(pod.netns.name(), {"addr", "add", ip6 + "/128", "dev", "eth0", "nodad"});
    const auto [status, link] = run_in(village.node.netns, {"ip", "-o", "link", "show", "dev", veth});
    const auto at = link.find("link/ether ");
    REQUIRE(at != std::string::npos);
    const std::string mac = link.substr(at + 11, 17);
    for (const auto& [family, gateway] : {std::pair{"-4", "169.254.1.1"}, std::pair{"-6", "fe80::1"}}) {
        ip(pod.netns.name(), {family, "neigh", "replace", gateway, "lladdr", mac, "dev", "eth0", "nud", "permanent"});
        ip(pod.netns.name(), {family, "route", "replace", "default", "via", gateway, "dev", "eth0", "onlink"});
    }
    ip(on_node, {"route", "replace", ip4 + "/32", "dev", veth, "scope", "link"});
    ip(on_node, {"-6", "route", "replace", ip6 + "/128", "dev", veth});
}

TEST_CASE("a veth that has the number of one that went while the agent stood still is another pod's, and guarded") {
    const Village village;
    const auto& [net, node, kin, near] = village;
    const Place old = net.add(kNodeA, "blog/old", 40);
    auto agent = AgentProcess::start(net, node, {});
    wait_until_guarded(agent, old);
    const std::string number = ifindex_of(village, veth_of(agent, old));
    const Place safe = net.add(kNodeA, "vault/safe", 41);
    wait_until_guarded(agent, safe);
    const std::string veth = veth_of(agent, safe);

    agent.process().signal(SIGSTOP);
    net.unwire(old);
    net.manifests().remove(file_of(old));
    renumber(village, safe, veth, number);
    REQUIRE(ifindex_of(village, veth) == number);
    agent.process().signal(SIGCONT);

    CHECK(wait_until([&] { return agent.endpoint(old.name).is_null(); }, after(10s)));
    wait_until_guarded(agent, safe);
    const auto server = echo(safe);
    CHECK(reaches(kin, safe, true));
    CHECK_FALSE(reaches(near, safe, false));
    CHECK(agent.ask({"status"}).value("ready", false));
}

} // namespace
} // namespace bulkhead::test
