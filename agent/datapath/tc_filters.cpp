// SPDX-License-Identifier: Apache-2.0
#include "datapath/tc_filters.h"

#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

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
    TcFilter filter = read_filter(message);
    if (filter.handle != 0) static_cast<std::vector<TcFilter>*>(into)->push_back(std::move(filter));
    return MNL_CB_OK;
}

int take_kind(const nlattr* attribute, void* into) {
    if (mnl_attr_get_type(attribute) == TCA_KIND) *static_cast<std::string*>(into) = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

int take_qdisc(const nlmsghdr* message, void* into) {
    return mnl_attr_parse(message, sizeof(tcmsg), take_kind, into);
}

Result<Socket> open_socket() {
    Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return fail("open rtnetlink", errno);
    return socket;
}

struct Request {
    uint16_t type = 0;
    uint16_t flags = 0;
    uint32_t ifindex = 0;
    uint32_t parent = 0;
};

Result<> ask(const Socket& socket, const Request& request) {
    std::array<char, 256> buffer{};
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = request.type;
    message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | request.flags);
    message->nlmsg_seq = 1;
    auto* header = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(tcmsg)));
    header->tcm_family = AF_UNSPEC;
    header->tcm_ifindex = static_cast<int>(request.ifindex);
    header->tcm_parent = request.parent;
    if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0) return fail("send to rtnetlink", errno);
    return {};
}

/// One message's worth of answer; MNL_CB_STOP ends a list.
Result<int> receive(const Socket& socket, mnl_cb_t take, void* into) {
    std::vector<char> buffer(kBufferSize);
    const ssize_t length = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (length < 0) return fail("read rtnetlink", errno);
    const int more =
        mnl_cb_run(buffer.data(), static_cast<size_t>(length), 1, mnl_socket_get_portid(socket.get()), take, into);
    if (more < 0) return fail("ask rtnetlink", errno);
    return more;
}

} // namespace

TcFilter read_filter(const nlmsghdr* message) {
    const auto* header = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
    TcFilter filter{.priority = header->tcm_info >> 16, .handle = header->tcm_handle, .kind = {}, .program = {}};
    mnl_attr_parse(message, sizeof(tcmsg), take_attribute, &filter);
    return filter;
}

Result<std::vector<TcFilter>> list_filters(uint32_t ifindex, Side side) {
    const std::string action = "list the tc filters of interface " + std::to_string(ifindex);
    const auto socket = open_socket();
    if (!socket) return within(action, socket.error());
    const Request request{.type = RTM_GETTFILTER, .flags = NLM_F_DUMP, .ifindex = ifindex, .parent = parent_of(side)};
    if (auto asked = ask(*socket, request); !asked) return within(action, asked.error());
    std::vector<TcFilter> filters;
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        const auto received = receive(*socket, take_filter, &filters);
        if (!received) return within(action, received.error());
        more = *received;
    }
    return filters;
}

Result<std::string> kind_of_qdisc(uint32_t ifindex) {
    const std::string action = "look at the qdisc of interface " + std::to_string(ifindex);
    const auto socket = open_socket();
    if (!socket) return within(action, socket.error());
    // On older kernels the answer is a notice to everybody, which comes back to us by ECHO alone.
    const Request request{.type = RTM_GETQDISC, .flags = NLM_F_ECHO, .ifindex = ifindex, .parent = TC_H_CLSACT};
    if (auto asked = ask(*socket, request); !asked) return within(action, asked.error());
    std::string kind;
    const auto received = receive(*socket, take_qdisc, &kind);
    if (!received && received.error().code != ENOENT) return within(action, received.error());
    return kind;
}

std::vector<uint32_t> interfaces() {
    std::vector<uint32_t> found;
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> list(if_nameindex(), if_freenameindex);
    for (const auto* each = list.get(); each != nullptr && each->if_index != 0; each++)
        found.push_back(each->if_index);
    return found;
}

} // namespace bulkhead::datapath
