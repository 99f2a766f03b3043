// SPDX-License-Identifier: Apache-2.0
#include "rtnl.h"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <vector>

namespace bulkhead::bench {

namespace {

constexpr uint32_t kRulePriority = 512; // the VPC CNI's
constexpr size_t kRequestSize = 1024;

int family_of(const Address& address) {
    return address.family == BH_IPV4 ? AF_INET : AF_INET6;
}

void put_address(nlmsghdr* message, uint16_t type, const Address& address) {
    mnl_attr_put(message, type, static_cast<size_t>(address.bits() / 8), address.bytes.data());
}

void put_end(nlmsghdr* message, const Rtnl::End& end) {
    mnl_attr_put_strz(message, IFLA_IFNAME, end.name.c_str());
    mnl_attr_put(message, IFLA_ADDRESS, end.mac.size(), end.mac.data());
}

} // namespace

void Rtnl::Close::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}

Result<Rtnl> Rtnl::open() {
    std::unique_ptr<mnl_socket, Close> socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) return fail("open rtnetlink", errno);
    return Rtnl(std::move(socket));
}

Result<> Rtnl::ask(const std::string& action, uint16_t type, uint16_t flags, const Put& put) {
    std::vector<char> buffer(kRequestSize);
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    put(message);
    if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return fail(action, errno);
    std::vector<char> answer(static_cast<size_t>(MNL_SOCKET_BUFFER_SIZE));
    const auto size = mnl_socket_recvfrom(socket_.get(), answer.data(), answer.size());
    if (size < 0) return fail(action, errno);
    if (mnl_cb_run(answer.data(), static_cast<size_t>(size), 0, 0, nullptr, nullptr) < 0) return fail(action, errno);
    return {};
}

Result<> Rtnl::ask_link(const std::string& action, uint16_t type, uint16_t flags, const Put& put, bool up) {
    return ask(action, type, flags, [&](nlmsghdr* message) {
        auto* link = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
        if (up) link->ifi_flags = link->ifi_change = IFF_UP;
        put(message);
    });
}

Result<> Rtnl::add_veth(const End& one, const End& other) {
    return ask_link("add veth " + other.name, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, [&](nlmsghdr* message) {
        put_end(message, one);
        nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
        nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
        nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
        mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
        put_end(message, other);
        for (nlattr* nest : {peer, data, info})
            mnl_attr_nest_end(message, nest);
    });
}

Result<> Rtnl::move_link(const std::string& name, int netns) {
    return ask_link("move " + name, RTM_NEWLINK, 0, [&](nlmsghdr* message) {
        mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
        mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<uint32_t>(netns));
    });
}

Result<> Rtnl::set_up(const std::string& name) {
    const auto put = [&](nlmsghdr* message) { mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str()); };
    return ask_link("bring up " + name, RTM_NEWLINK, 0, put, true);
}

Result<> Rtnl::delete_link(const std::string& name) {
    const auto put = [&](nlmsghdr* message) { mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str()); };
    return ask_link("delete " + name, RTM_DELLINK, 0, put);
}

Result<> Rtnl::add_address(uint32_t ifindex, const Address& address) {
    return ask("add " + address.text(), RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, [&](nlmsghdr* message) {
        auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
        header->ifa_family = static_cast<uint8_t>(family_of(address));
        header->ifa_prefixlen = static_cast<uint8_t>(address.bits());
        header->ifa_flags = IFA_F_NODAD;
        header->ifa_index = ifindex;
        put_address(message, IFA_LOCAL, address);
        put_address(message, IFA_ADDRESS, address);
    });
}

Result<> Rtnl::add_neighbour(uint32_t ifindex, const Address& address, const Mac& mac) {
    return ask("add the neighbour " + address.text(), RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
               [&](nlmsghdr* message) {
                   auto* header = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
                   header->ndm_family = static_cast<uint8_t>(family_of(address));
                   header->ndm_ifindex = static_cast<int>(ifindex);
                   header->ndm_state = NUD_PERMANENT;
                   put_address(message, NDA_DST, address);
                   mnl_attr_put(message, NDA_LLADDR, mac.size(), mac.data());
               });
}

Result<> Rtnl::route(const std::string& action, uint32_t ifindex, const Address* to, const Address* by,
                     uint8_t family) {
    return ask(action, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, [&](nlmsghdr* message) {
        auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
        header->rtm_family = family == BH_IPV4 ? AF_INET : AF_INET6;
        header->rtm_dst_len = static_cast<uint8_t>(to != nullptr ? to->bits() : 0);
        header->rtm_table = RT_TABLE_MAIN;
        header->rtm_protocol = RTPROT_BOOT;
        header->rtm_type = RTN_UNICAST;
        header->rtm_scope = by != nullptr ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
        if (by != nullptr) header->rtm_flags = RTNH_F_ONLINK;
        if (to != nullptr) put_address(message, RTA_DST, *to);
        if (by != nullptr) put_address(message, RTA_GATEWAY, *by);
        mnl_attr_put_u32(message, RTA_OIF, ifindex);
    });
}

Result<> Rtnl::add_host_route(uint32_t ifindex, const Address& to) {
    return route("add a route to " + to.text(), ifindex, &to, nullptr, to.family);
}

Result<> Rtnl::add_default_route(uint32_t ifindex, const Address& by) {
    return route("add a default route by " + by.text(), ifindex, nullptr, &by, by.family);
}

Result<> Rtnl::rule(const std::string& action, uint16_t type, uint16_t flags, const Address& to) {
    return ask(action, type, flags, [&](nlmsghdr* message) {
        auto* header = static_cast<fib_rule_hdr*>(mnl_nlmsg_put_extra_header(message, sizeof(fib_rule_hdr)));
        header->family = static_cast<uint8_t>(family_of(to));
        header->dst_len = static_cast<uint8_t>(to.bits());
        header->table = RT_TABLE_MAIN;
        header->action = FR_ACT_TO_TBL;
        put_address(message, FRA_DST, to);
        mnl_attr_put_u32(message, FRA_PRIORITY, kRulePriority);
    });
}

Result<> Rtnl::add_rule(const Address& to) {
    return rule("add a rule to " + to.text(), RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, to);
}

Result<> Rtnl::delete_rule(const Address& to) {
    return rule("delete the rule to " + to.text(), RTM_DELRULE, 0, to);
}

} // namespace bulkhead::bench
