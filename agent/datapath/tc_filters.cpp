// SPDX-License-Identifier: Apache-2.0
#include "datapath/tc_filters.h"

#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <array>
#include <memory>

namespace bulkhead::datapath {

namespace {

struct CloseSocket {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, CloseSocket>;

constexpr size_t kBufferSize = 32768; // rtnetlink never answers with more at once

uint32_t parent_of(Side side) {
    return TC_H_MAKE(TC_H_CLSACT, side == Side::kIngress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

int take_option(const nlattr* attribute, void* into) {
    if (mnl_attr_get_type(attribute) == TCA_BPF_NAME)
        static_cast<TcFilter*>(into)->program = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

int take_attribute(const nlattr* attribute, void* into) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type == TCA_KIND) static_cast<TcFilter*>(into)->kind = mnl_attr_get_str(attribute);
    return type == TCA_OPTIONS ? mnl_attr_parse_nested(attribute, take_option, into) : MNL_CB_OK;
}

/// A classifier announces itself once without a handle, then each of its filters.
int take_filter(const nlmsghdr* message, void* into) {
    const auto* header = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
    if (header->tcm_handle == 0) return MNL_CB_OK;
    TcFilter filter{.priority = header->tcm_info >> 16, .handle = header->tcm_handle, .kind = {}, .program = {}};
    const int parsed = mnl_attr_parse(message, sizeof(tcmsg), take_attribute, &filter);
    static_cast<std::vector<TcFilter>*>(into)->push_back(std::move(filter));
    return parsed;
}

Result<> ask(const Socket& socket, uint32_t ifindex, Side side) {
    std::array<char, 256> buffer{};
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = RTM_GETTFILTER;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message->nlmsg_seq = 1;
    auto* header = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(tcmsg)));
    header->tcm_family = AF_UNSPEC;
    header->tcm_ifindex = static_cast<int>(ifindex);
    header->tcm_parent = parent_of(side);
    if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0) return fail("send to rtnetlink", errno);
    return {};
}

} // namespace

Result<std::vector<TcFilter>> list_filters(uint32_t ifindex, Side side) {
    const std::string action = "list the tc filters of interface " + std::to_string(ifindex);
    const Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return fail(action, errno);
    if (auto asked = ask(socket, ifindex, side); !asked) return within(action, asked.error());
    std::vector<TcFilter> filters;
    std::vector<char> buffer(kBufferSize);
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        const ssize_t length = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        if (length < 0) return fail(action, errno);
        more = mnl_cb_run(buffer.data(), static_cast<size_t>(length), 1, mnl_socket_get_portid(socket.get()),
                          take_filter, &filters);
        if (more < 0) return fail(action, errno);
    }
    return filters;
}

} // namespace bulkhead::datapath
