// SPDX-License-Identifier: Apache-2.0
#include "datapath/tc_filters.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
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

/// Messages, one behind the other.
class Batch {
public:
    explicit Batch(uint32_t ifindex) : ifindex_(ifindex) {}

    void add_qdisc() {
        auto* message = begin(RTM_NEWQDISC, {.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0), .tcm_parent = TC_H_CLSACT});
        mnl_attr_put_strz(message, TCA_KIND, "clsact");
        end(message);
    }

    void add(const NewFilter& filter) {
        auto* message = begin(RTM_NEWTFILTER, {.tcm_handle = filter.handle,
                                               .tcm_parent = parent_of(filter.side),
                                               .tcm_info = TC_H_MAKE(filter.priority << 16, htons(ETH_P_ALL))});
        mnl_attr_put_strz(message, TCA_KIND, "bpf");
        auto* options = mnl_attr_nest_start(message, TCA_OPTIONS);
        mnl_attr_put_u32(message, TCA_BPF_FD, static_cast<uint32_t>(filter.program_fd));
        mnl_attr_put_strz(message, TCA_BPF_NAME, filter.program.c_str());
        mnl_attr_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
        mnl_attr_nest_end(message, options);
        end(message);
    }

    uint32_t count() const { return count_; }
    const std::vector<char>& bytes() const { return bytes_; }

private:
    struct Header {
        uint32_t tcm_handle = 0;
        uint32_t tcm_parent = 0;
        uint32_t tcm_info = 0;
    };

    nlmsghdr* begin(uint16_t type, const Header& what) {
        next_.fill(0);
        nlmsghdr* message = mnl_nlmsg_put_header(next_.data());
        message->nlmsg_type = type;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        message->nlmsg_seq = count_++;
        auto* header = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(tcmsg)));
        header->tcm_family = AF_UNSPEC;
        header->tcm_ifindex = static_cast<int>(ifindex_);
        header->tcm_handle = what.tcm_handle;
        header->tcm_parent = what.tcm_parent;
        header->tcm_info = what.tcm_info;
        return message;
    }

    void end(const nlmsghdr* message) {
        bytes_.insert(bytes_.end(), next_.begin(), next_.begin() + NLMSG_ALIGN(message->nlmsg_len));
    }

    uint32_t ifindex_;
    uint32_t count_ = 0; // also the next one's sequence number
    alignas(nlmsghdr) std::array<char, 512> next_{};
    std::vector<char> bytes_;
};

/// By sequence number: 0 or an errno.
Result<std::vector<int>> answers(const Socket& socket, uint32_t count) {
    std::vector<int> errors(count);
    alignas(nlmsghdr) std::array<char, 8192> buffer;
    for (uint32_t got = 0; got < count;) {
        const ssize_t size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        if (size < 0) return fail("read rtnetlink", errno);
        int left = static_cast<int>(size);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_seq >= count) continue;
            errors[message->nlmsg_seq] = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
            ++got;
        }
    }
    return errors;
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
    // On older kernels the answer is a notice to everybody, which comes back to us by ECHO alone. Of a device that had
    // such a qdisc once there is none, and no error either: the ACK ends the waiting.
    const Request request{
        .type = RTM_GETQDISC, .flags = NLM_F_ECHO | NLM_F_ACK, .ifindex = ifindex, .parent = TC_H_CLSACT};
    if (auto asked = ask(*socket, request); !asked) return within(action, asked.error());
    std::string kind;
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        const auto received = receive(*socket, take_qdisc, &kind);
        if (!received && received.error().code != ENOENT) return within(action, received.error());
        more = received.value_or(MNL_CB_STOP);
    }
    return kind;
}

bool Installed::complete() const {
    return qdisc == 0 && std::ranges::count(filters, 0) == std::ssize(filters);
}

Result<Installed> install(uint32_t ifindex, std::span<const NewFilter> filters) {
    const std::string action = "add tc filters to interface " + std::to_string(ifindex);
    const auto socket = open_socket();
    if (!socket) return within(action, socket.error());
    Batch batch(ifindex);
    batch.add_qdisc();
    for (const auto& filter : filters)
        batch.add(filter);
    if (mnl_socket_sendto(socket->get(), batch.bytes().data(), batch.bytes().size()) < 0)
        return fail(action + ": send to rtnetlink", errno);
    const auto errors = answers(*socket, batch.count());
    if (!errors) return within(action, errors.error());
    return Installed{.qdisc = errors->front(), .filters = {errors->begin() + 1, errors->end()}};
}

std::vector<uint32_t> interfaces() {
    std::vector<uint32_t> found;
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> list(if_nameindex(), if_freenameindex);
    for (const auto* each = list.get(); each != nullptr && each->if_index != 0; each++)
        found.push_back(each->if_index);
    return found;
}

} // namespace bulkhead::datapath
