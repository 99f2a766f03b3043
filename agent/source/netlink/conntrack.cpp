// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/conntrack.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "bulkhead/parse.h"

namespace bulkhead::netlink {

namespace {

constexpr size_t kDumpBufferSize = 64 * 1024;                                      // as for rtnetlink's dumps
constexpr const char* kPresent = "/proc/sys/net/netfilter/nf_conntrack_count"; // once the module is there
constexpr uint8_t kEchoRequest4 = 8;
constexpr uint8_t kEchoRequest6 = 128;

/// The attributes of one nest by number; absent = null. What is longer than known is passed over.
template <size_t kCount>
using Attributes = std::array<const nlattr*, kCount>;

template <size_t kCount>
int note_attribute(const nlattr* attribute, void* data) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type < kCount) (*static_cast<Attributes<kCount>*>(data))[type] = attribute;
    return MNL_CB_OK;
}

template <size_t kCount>
Attributes<kCount> nested(const nlattr* parent) {
    Attributes<kCount> found{};
    if (parent != nullptr) mnl_attr_parse_nested(parent, note_attribute<kCount>, &found);
    return found;
}

/// False where it isn't there or is shorter.
template <typename T>
bool read(const nlattr* attribute, T& into) {
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof into) return false;
    std::memcpy(&into, mnl_attr_get_payload(attribute), sizeof into);
    return true;
}

bool read_addresses(const nlattr* attribute, Direction& into) {
    const auto ip = nested<CTA_IP_MAX + 1>(attribute);
    bh_addr src{};
    bh_addr dst{};
    if (read(ip[CTA_IP_V4_SRC], src.word[0]) && read(ip[CTA_IP_V4_DST], dst.word[0])) {
        into.src = Address::from(src, BH_IPV4);
        into.dst = Address::from(dst, BH_IPV4);
        return true;
    }
    if (!read(ip[CTA_IP_V6_SRC], src) || !read(ip[CTA_IP_V6_DST], dst)) return false;
    into.src = Address::from(src, BH_IPV6);
    into.dst = Address::from(dst, BH_IPV6);
    return true;
}

/// Where parse.h finds ports, too.
bool has_ports(uint8_t protocol) {
    return protocol == BH_TCP || protocol == BH_UDP || protocol == BH_SCTP || protocol == BH_NEXT_DCCP ||
           protocol == BH_NEXT_UDP_LITE;
}

struct Tuple {
    Direction direction;
    uint8_t protocol = 0;
    uint8_t icmp_type = 0;
};

std::optional<Tuple> read_tuple(const nlattr* attribute) {
    const auto parts = nested<CTA_TUPLE_MAX + 1>(attribute);
    const auto proto = nested<CTA_PROTO_MAX + 1>(parts[CTA_TUPLE_PROTO]);
    Tuple tuple;
    auto& way = tuple.direction;
    if (!read_addresses(parts[CTA_TUPLE_IP], way) || !read(proto[CTA_PROTO_NUM], tuple.protocol)) return std::nullopt;
    const bool is_icmp = tuple.protocol == BH_ICMP || tuple.protocol == BH_ICMPV6;
    if (has_ports(tuple.protocol) &&
        !(read(proto[CTA_PROTO_SRC_PORT], way.src_port) && read(proto[CTA_PROTO_DST_PORT], way.dst_port)))
        return std::nullopt;
    if (is_icmp) {
        const bool v4 = tuple.protocol == BH_ICMP;
        if (!read(proto[v4 ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID], way.src_port) ||
            !read(proto[v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE], tuple.icmp_type))
            return std::nullopt;
        way.dst_port = way.src_port;
    }
    return tuple;
}

bool asks_for_echo(const Tuple& tuple) {
    return tuple.icmp_type == (tuple.protocol == BH_ICMP ? kEchoRequest4 : kEchoRequest6);
}

/// Without a SYN the kernel checks neither side's window: so it marks what it found under way.
bool was_found_under_way(const Attributes<CTA_PROTOINFO_TCP_MAX + 1>& tcp) {
    nf_ct_tcp_flags original{};
    nf_ct_tcp_flags reply{};
    return read(tcp[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL], original) && read(tcp[CTA_PROTOINFO_TCP_FLAGS_REPLY], reply) &&
           (original.flags & reply.flags & IP_CT_TCP_FLAG_BE_LIBERAL) != 0;
}

/// False: this connection doesn't tell who began it.
bool read_tcp(const nlattr* attribute, Tracked& tracked) {
    const auto info = nested<CTA_PROTOINFO_MAX + 1>(attribute);
    const auto tcp = nested<CTA_PROTOINFO_TCP_MAX + 1>(info[CTA_PROTOINFO_TCP]);
    if (was_found_under_way(tcp)) return false;
    uint8_t state = TCP_CONNTRACK_NONE;
    read(tcp[CTA_PROTOINFO_TCP_STATE], state);
    tracked.finished = state == TCP_CONNTRACK_LAST_ACK || state == TCP_CONNTRACK_TIME_WAIT;
    tracked.reset = state == TCP_CONNTRACK_CLOSE;
    return true;
}

Result<std::unique_ptr<mnl_socket, int (*)(mnl_socket*)>> ask_for_all() {
    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC),
                                                             mnl_socket_close);
    if (!socket) return fail("open ctnetlink", errno);
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) return fail("bind ctnetlink", errno);
    std::array<char, MNL_NLMSG_HDRLEN + 64> request{};
    auto* header = mnl_nlmsg_put_header(request.data());
    header->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = 1;
    auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    family->nfgen_family = AF_UNSPEC; // both
    family->version = NFNETLINK_V0;
    const timeval patience{.tv_sec = 1, .tv_usec = 0}; // the kernel answers at once, or something is wrong
    setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (mnl_socket_sendto(socket.get(), header, header->nlmsg_len) < 0) return fail("send ctnetlink request", errno);
    return socket;
}

/// No nfnetlink, or nothing in it that tells of connections.
bool is_absent(int error) {
    return error == EPROTONOSUPPORT || error == EINVAL || error == EOPNOTSUPP || error == ENOENT;
}

struct Visitor {
    const std::function<void(const Tracked&)>& visit;
    size_t entries = 0;
};

int on_entry(const nlmsghdr* message, void* data) {
    auto& visitor = *static_cast<Visitor*>(data);
    ++visitor.entries;
    if (const auto tracked = decode_tracked(message)) visitor.visit(*tracked);
    return MNL_CB_OK;
}

} // namespace

std::optional<Tracked> decode_tracked(const nlmsghdr* message) {
    if (message->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW)) return std::nullopt;
    Attributes<CTA_MAX + 1> parts{};
    mnl_attr_parse(message, sizeof(nfgenmsg), note_attribute<CTA_MAX + 1>, &parts);
    const auto original = read_tuple(parts[CTA_TUPLE_ORIG]);
    const auto reply = read_tuple(parts[CTA_TUPLE_REPLY]);
    if (!original || !reply) return std::nullopt;
    uint32_t status = 0;
    read(parts[CTA_STATUS], status);
    Tracked tracked{.protocol = original->protocol,
                    .original = original->direction,
                    .reply = reply->direction,
                    .answered = (ntohl(status) & IPS_SEEN_REPLY) != 0};
    const bool is_icmp = tracked.protocol == BH_ICMP || tracked.protocol == BH_ICMPV6;
    if (is_icmp && !asks_for_echo(*original)) return std::nullopt;
    if (tracked.protocol == BH_TCP && !read_tcp(parts[CTA_PROTOINFO], tracked)) return std::nullopt;
    return tracked;
}

bool tracks_connections() {
    size_t entries = 0;
    return std::ifstream(kPresent) >> entries && entries > 0;
}

Result<std::optional<TrackedRead>> read_conntrack(const std::function<void(const Tracked&)>& visit,
                                                  std::chrono::steady_clock::time_point deadline) {
    std::error_code ignored;
    if (!std::filesystem::exists(kPresent, ignored)) return std::nullopt; // to ask would load the module
    const auto socket = ask_for_all();
    if (!socket && is_absent(socket.error().code)) return std::nullopt;
    if (!socket) return tl::unexpected(socket.error());
    static thread_local std::array<char, kDumpBufferSize> buffer;
    Visitor visitor{.visit = visit};
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        if (std::chrono::steady_clock::now() >= deadline) return TrackedRead{visitor.entries, false};
        const auto size = mnl_socket_recvfrom(socket->get(), buffer.data(), buffer.size());
        more = size < 0 ? -1 : mnl_cb_run(buffer.data(), static_cast<size_t>(size), 0, 0, on_entry, &visitor);
        if (more < 0 && errno == EINTR) more = MNL_CB_OK;
        if (more < 0 && visitor.entries == 0 && is_absent(errno)) return std::nullopt;
        if (more < 0) return fail("read connection tracking", errno);
    }
    return TrackedRead{visitor.entries, true};
}

} // namespace bulkhead::netlink
