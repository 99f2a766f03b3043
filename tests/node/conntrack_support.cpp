// SPDX-License-Identifier: Apache-2.0
#include "conntrack_support.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "support/netlink.h"

namespace bulkhead::test {

namespace {

/// As ctnetlink wants attributes: 32 bits each, of which `length` tells how many count.
struct Word {
    uint16_t length = 0;
    uint16_t type = 0;
    uint32_t value = 0;
};

struct Nest {
    uint16_t length = 0;
    uint16_t type = 0;
};

struct Tuple {
    Nest tuple{sizeof(Tuple), 0};
    Nest ip{sizeof(Nest) + 2 * sizeof(Word), NLA_F_NESTED | CTA_TUPLE_IP};
    Word src{8, CTA_IP_V4_SRC, 0};
    Word dst{8, CTA_IP_V4_DST, 0};
    Nest proto{sizeof(Nest) + 3 * sizeof(Word), NLA_F_NESTED | CTA_TUPLE_PROTO};
    Word number{5, CTA_PROTO_NUM, 0};
    Word src_port{6, CTA_PROTO_SRC_PORT, 0};
    Word dst_port{6, CTA_PROTO_DST_PORT, 0};

    Tuple(uint16_t type, const Address& from, uint16_t from_port, const Address& to, uint16_t to_port) {
        tuple.type = static_cast<uint16_t>(NLA_F_NESTED | type);
        src.value = from.raw4();
        dst.value = to.raw4();
        src_port.value = htons(from_port);
        dst_port.value = htons(to_port);
        number.value = htonl(uint32_t{IPPROTO_UDP} << 24); // its first byte
    }
};

struct NewConnection {
    nlmsghdr head{.nlmsg_len = sizeof(NewConnection),
                  .nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
                  .nlmsg_seq = 0,
                  .nlmsg_pid = 0};
    nfgenmsg family{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0};
    Tuple original;
    Tuple reply;
    Word status{8, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED)};
    Word timeout{8, CTA_TIMEOUT, htonl(600)};
};

} // namespace

void add_connections(const Place& node, const Place& pod, const Place& peer, uint32_t count) {
    const bool done = node.netns.run([&] {
        const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
        for (uint32_t i = 0; i < count; ++i) {
            const auto port = static_cast<uint16_t>(1024 + i % 32768);
            const auto server = static_cast<uint16_t>(1024 + i / 32768);
            const NewConnection one{.original = {CTA_TUPLE_ORIG, pod.ip4, port, peer.ip4, server},
                                    .reply = {CTA_TUPLE_REPLY, peer.ip4, server, pod.ip4, port}};
            if (send(fd.get(), &one, sizeof one, 0) < 0) return false;
        }
        return true;
    });
    REQUIRE(done);
}

void track_connections(const Place& node) {
    const auto [status, output] =
        run_in(node.netns, {"nft", "table inet tracking {\nchain pre { type filter hook prerouting priority filter\n"
                                   "ct state invalid counter accept\n}\n}\n"});
    if (status != 0) SKIP("this kernel or machine has no connection tracking: " << output);
}

void forget_connections(const Place& node) {
    struct {
        nlmsghdr head;
        nfgenmsg family;
    } request{};
    request.head = {.nlmsg_len = sizeof request,
                    .nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
    require(tell_kernel(node.netns, NETLINK_NETFILTER, &request, sizeof request));
}

} // namespace bulkhead::test
