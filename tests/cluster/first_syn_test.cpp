// SPDX-License-Identifier: Apache-2.0
//
// A pod that has just begun is no stranger to its own tenant on the next node, though nobody has written its status:
// the first SYN of each arrives, some at the second try. Prints how long the news of an address takes from one node's
// RTM_NEWROUTE to the other node's kernel. $BULKHEAD_FIRST_SYNS pods (60 if unset); docs/scale.md has the
// figures.
#include <bpf/bpf.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "bulkhead/abi.h"
#include "support/echo_server.h"
#include "two_nodes.h"

namespace bulkhead::test {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint16_t kPort = 5432;
constexpr int kFirstNumber = 20; // of a pod, in its address
constexpr int kNumbers = 200;

int pods_to_run() {
    const char* text = std::getenv("BULKHEAD_FIRST_SYNS");
    return text == nullptr ? 60 : std::stoi(text);
}

/// When something first held: looked at all the time by a thread of its own.
class Moment {
public:
    explicit Moment(std::function<bool()> holds)
        : thread_([this, holds = std::move(holds)] {
              while (!ended_ && !found_) {
                  if (!holds()) continue;
                  at_ = Clock::now();
                  found_ = true;
              }
          }) {}
    ~Moment() {
        ended_ = true;
        thread_.join();
    }

    /// The end of the test if it never comes.
    Clock::time_point wait() {
        REQUIRE(wait_until([this] { return found_.load(); }, after(10s), 1ms));
        return at_;
    }

private:
    std::atomic<bool> ended_{false};
    std::atomic<bool> found_{false};
    Clock::time_point at_;
    std::thread thread_;
};

/// A socket that hears of a node's new IPv4 routes.
Fd route_socket(const Netns& node) {
    Fd socket;
    require(node.run([&]() -> Result<> {
        socket = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
        return {};
    }));
    const sockaddr_nl groups{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = RTMGRP_IPV4_ROUTE};
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) == 0);
    return socket;
}

bool leads_to(nlmsghdr& message, uint32_t address) {
    auto* route = static_cast<rtmsg*>(NLMSG_DATA(&message));
    auto left = static_cast<unsigned>(RTM_PAYLOAD(&message));
    for (auto* attribute = RTM_RTA(route); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
        if (attribute->rta_type == RTA_DST && route->rtm_dst_len == 32)
            return std::memcmp(RTA_DATA(attribute), &address, sizeof address) == 0;
    return false;
}

/// RTM_NEWROUTE of that address was among what the socket heard within a moment.
bool hears_route_to(const Fd& socket, uint32_t address) {
    if (!readable(socket, after(50ms))) return false;
    std::array<char, 8192> buffer{};
    const auto size = recv(socket.get(), buffer.data(), buffer.size(), 0);
    auto left = static_cast<unsigned>(std::max<ssize_t>(size, 0));
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left))
        if (message->nlmsg_type == RTM_NEWROUTE && leads_to(*message, address)) return true;
    return false;
}

/// An agent's programs know who has the address.
bool is_known(const Fd& endpoints4, uint32_t address) {
    bh_endpoint row{};
    if (bpf_map_lookup_elem(endpoints4.get(), &address, &row) == 0) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    return false;
}

uint32_t retransmissions(const Fd& connection) {
    tcp_info info{};
    socklen_t size = sizeof info;
    REQUIRE(getsockopt(connection.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    return info.tcpi_total_retrans;
}

double quantile(std::vector<double> sorted, double part) {
    std::sort(sorted.begin(), sorted.end());
    return sorted.at(static_cast<size_t>(part * static_cast<double>(sorted.size() - 1)));
}

std::string pod_name(int number) {
    return "bank/job-" + std::to_string(number);
}

TEST_CASE("the first SYN of every new pod reaches its own tenant on the other node") {
    TwoNodes cluster;
    cluster.put(protected_namespace_text("bank") + "---\n" + namespace_text("shop"));
    const auto agent_a = cluster.start(kNodeA);
    const auto agent_b = cluster.start(kNodeB);
    const Place ledger = cluster.run(kNodeB, "bank/ledger", 20);
    const Place stranger = cluster.run(kNodeA, "shop/web", kFirstNumber + kNumbers);
    const auto server = require(EchoServer::start(ledger.netns, {kPort}));
    CHECK_FALSE(answers_tcp(stranger.netns, {ledger.ip4, kPort}, after(1s)));

    const int count = pods_to_run();
    std::string objects;
    for (int i = 0; i < count; ++i)
        objects += bound_pod_text(kNodeA, pod_name(i));
    cluster.put(objects);

    const Fd routes = route_socket(cluster.net().node(kNodeA).netns);
    const Fd endpoints(bpf_obj_get((agent_b.pin_dir() / "maps" / "endpoints4").c_str()));
    REQUIRE(endpoints.valid());
    std::vector<double> delays;
    int retried = 0;
    for (int i = 0; i < count; ++i) {
        CAPTURE(i);
        const int number = kFirstNumber + i % kNumbers;
        const auto address = require(Address::parse("10.0.1." + std::to_string(number))).raw4();
        Moment routed([&] { return hears_route_to(routes, address); });
        Moment known([&] { return is_known(endpoints, address); });
        const Place job = cluster.net().wire(kNodeA, pod_name(i), number);
        const auto connection = tcp_connect(job.netns, {ledger.ip4, kPort}, after(10s));
        REQUIRE(connection);
        retried += retransmissions(*connection) != 0 ? 1 : 0;
        delays.push_back(Milliseconds(known.wait() - routed.wait()).count());
        cluster.net().unwire(job); // leaves its address to others, two hundred pods later
    }
    CHECK(delays.size() == static_cast<size_t>(count));
    std::printf("{\"pods\": %d, \"firstSynsArrived\": %d, \"ofThoseRetransmitted\": %d, "
                "\"newRouteToOtherNodesKernelMs\": {\"p50\": %.2f, \"p99\": %.2f}}\n",
                count, count, retried, quantile(delays, 0.5), quantile(delays, 0.99));
    CHECK_FALSE(answers_tcp(stranger.netns, {ledger.ip4, kPort}, after(1s)));
}

} // namespace
} // namespace bulkhead::test
