// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of conversations that were put into its connection tracking.
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sched.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <memory>

#include "source/netlink/conntrack.h"

using namespace bulkhead;
using namespace bulkhead::netlink;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

void enter_new_netns() {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    if (!std::ifstream("/proc/sys/net/netfilter/nf_conntrack_count")) SKIP("this kernel has no connection tracking");
}

Direction way(const std::string& src, uint16_t src_port, const std::string& dst, uint16_t dst_port) {
    return {*Address::parse(src), *Address::parse(dst), htons(src_port), htons(dst_port)};
}

Direction back(const Direction& way) {
    return {way.dst, way.src, way.dst_port, way.src_port};
}

struct Entry {
    uint8_t protocol = BH_UDP;
    Direction original;
    Direction reply;
    bool answered = true;
    uint8_t icmp_type = 8;
    uint8_t tcp_state = TCP_CONNTRACK_ESTABLISHED;
    bool liberal = false;
};

void put_tuple(nlmsghdr* message, uint16_t kind, const Entry& entry, const Direction& way) {
    auto* tuple = mnl_attr_nest_start(message, kind);
    auto* ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);
    const bool v4 = way.src.family == BH_IPV4;
    const size_t size = v4 ? 4 : 16;
    mnl_attr_put(message, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, size, way.src.bytes.data());
    mnl_attr_put(message, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, size, way.dst.bytes.data());
    mnl_attr_nest_end(message, ip);
    auto* proto = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(message, CTA_PROTO_NUM, entry.protocol);
    if (entry.protocol == BH_ICMP || entry.protocol == BH_ICMPV6) {
        const bool is_reply = kind == CTA_TUPLE_REPLY;
        const uint8_t reply_type = entry.icmp_type == 8 ? 0 : entry.icmp_type + 1;
        mnl_attr_put_u16(message, v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, way.src_port);
        mnl_attr_put_u8(message, v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE,
                        is_reply ? reply_type : entry.icmp_type);
        mnl_attr_put_u8(message, v4 ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, 0);
    } else {
        mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, way.src_port);
        mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, way.dst_port);
    }
    mnl_attr_nest_end(message, proto);
    mnl_attr_nest_end(message, tuple);
}

void put_tcp(nlmsghdr* message, const Entry& entry) {
    auto* info = mnl_attr_nest_start(message, CTA_PROTOINFO);
    auto* tcp = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);
    mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, entry.tcp_state);
    const nf_ct_tcp_flags flags{.flags = static_cast<uint8_t>(entry.liberal ? IP_CT_TCP_FLAG_BE_LIBERAL : 0),
                                .mask = IP_CT_TCP_FLAG_BE_LIBERAL};
    mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof flags, &flags);
    mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof flags, &flags);
    mnl_attr_nest_end(message, tcp);
    mnl_attr_nest_end(message, info);
}

void track(const Entry& entry) {
    std::array<char, 1024> buffer{};
    auto* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
    auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    family->nfgen_family = entry.original.src.family == BH_IPV4 ? AF_INET : AF_INET6;
    put_tuple(message, CTA_TUPLE_ORIG, entry, entry.original);
    put_tuple(message, CTA_TUPLE_REPLY, entry, entry.reply);
    mnl_attr_put_u32(message, CTA_STATUS,
                     htonl(IPS_CONFIRMED | (entry.answered ? uint32_t{IPS_SEEN_REPLY} | IPS_ASSURED : 0)));
    mnl_attr_put_u32(message, CTA_TIMEOUT, htonl(600));
    if (entry.protocol == BH_TCP) put_tcp(message, entry);
    const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(mnl_socket_open(NETLINK_NETFILTER),
                                                                   mnl_socket_close);
    REQUIRE(socket);
    REQUIRE(mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) == 0);
    REQUIRE(mnl_socket_sendto(socket.get(), message, message->nlmsg_len) > 0);
    const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    REQUIRE(size > 0);
    INFO("the kernel's word on a new entry: " << strerror(errno));
    REQUIRE(mnl_cb_run(buffer.data(), static_cast<size_t>(size), 0, 0, nullptr, nullptr) >= 0);
}

std::vector<Tracked> read_all() {
    std::vector<Tracked> found;
    const auto read = read_conntrack([&](const Tracked& tracked) { found.push_back(tracked); }, Clock::now() + 20s);
    REQUIRE(read);
    REQUIRE(*read);
    CHECK((*read)->complete);
    return found;
}

/// What the one entry is read as; nothing = passed over.
std::optional<Tracked> reads(const Entry& entry) {
    enter_new_netns();
    track(entry);
    const auto all = read_all();
    return all.empty() ? std::nullopt : std::optional(all.front());
}

} // namespace

TEST_CASE("a conversation is read with both directions as they are, in both families") {
    const auto masked = way("10.0.2.9", 5353, "10.0.0.1", 61000);
    const auto asked = way("10.0.1.20", 4000, "172.20.0.10", 53);
    const auto four = reads({.original = asked, .reply = masked});
    REQUIRE(four);
    CHECK(four->protocol == BH_UDP);
    CHECK(four->original == asked);
    CHECK(four->reply == masked);
    CHECK(four->answered);

    const auto six = way("fd00::20", 4000, "fd00:2::9", 53);
    const auto unanswered = reads({.original = six, .reply = back(six), .answered = false});
    REQUIRE(unanswered);
    CHECK(unanswered->original == six);
    CHECK_FALSE(unanswered->answered);
}

TEST_CASE("of ICMP only echo requests count, by their identifier") {
    const auto four = way("10.0.1.20", 7, "10.0.2.9", 7);
    const auto six = way("fd00::20", 7, "fd00:2::9", 7);
    const auto echo = reads({.protocol = BH_ICMP, .original = four, .reply = back(four), .icmp_type = 8});
    REQUIRE(echo);
    CHECK(echo->original == four);
    CHECK(reads({.protocol = BH_ICMPV6, .original = six, .reply = back(six), .icmp_type = 128}));
    CHECK_FALSE(reads({.protocol = BH_ICMP, .original = four, .reply = back(four), .icmp_type = 13})); // timestamp
}

TEST_CASE("a TCP connection tells its state, and one that was found under way tells nothing") {
    const auto web = way("10.0.1.20", 4000, "10.0.2.9", 80);
    const auto tcp = [&](uint8_t state, bool liberal = false) {
        return reads({.protocol = BH_TCP, .original = web, .reply = back(web), .tcp_state = state, .liberal = liberal});
    };
    REQUIRE(tcp(TCP_CONNTRACK_ESTABLISHED));
    CHECK_FALSE(tcp(TCP_CONNTRACK_ESTABLISHED)->finished);
    CHECK(tcp(TCP_CONNTRACK_TIME_WAIT)->finished);
    CHECK(tcp(TCP_CONNTRACK_CLOSE)->reset);
    CHECK_FALSE(tcp(TCP_CONNTRACK_ESTABLISHED, true));
}

TEST_CASE("a table of thousands is read to its end, and not beyond the time that is given") {
    enter_new_netns();
    constexpr uint16_t kEntries = 3000;
    for (uint16_t i = 0; i < kEntries; ++i) {
        const auto one = way("10.0.1.20", static_cast<uint16_t>(10000 + i), "10.0.2.9", 53);
        track({.original = one, .reply = back(one)});
    }
    CHECK(read_all().size() == kEntries);
    const auto late = read_conntrack([](const Tracked&) {}, Clock::now());
    REQUIRE(late);
    REQUIRE(*late);
    CHECK_FALSE((*late)->complete);
}

TEST_CASE("a message that is cut short or damaged is passed over") {
    std::array<char, 1024> buffer{};
    auto* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;
    mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg));
    CHECK_FALSE(decode_tracked(message));
    const auto one = way("10.0.1.20", 4000, "10.0.2.9", 53);
    const Entry entry{.original = one, .reply = back(one)};
    put_tuple(message, CTA_TUPLE_ORIG, entry, one);
    CHECK_FALSE(decode_tracked(message)); // no reply
    put_tuple(message, CTA_TUPLE_REPLY, entry, back(one));
    REQUIRE(decode_tracked(message));
    for (const uint32_t whole = message->nlmsg_len; message->nlmsg_len > NLMSG_HDRLEN + sizeof(nfgenmsg);) {
        message->nlmsg_len -= 4;
        INFO(message->nlmsg_len << " bytes of " << whole);
        CHECK_FALSE(decode_tracked(message));
    }
}
