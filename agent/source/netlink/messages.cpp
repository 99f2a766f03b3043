// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/messages.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace bulkhead::netlink {

namespace {

using OnAttribute = std::function<void(const nlattr*)>;

int visit(const nlattr* attribute, void* data) {
    (*static_cast<const OnAttribute*>(data))(attribute);
    return MNL_CB_OK;
}

void each_attribute(const nlmsghdr* message, size_t header_size, const OnAttribute& on_attribute) {
    mnl_attr_parse(message, static_cast<unsigned>(header_size), visit, const_cast<OnAttribute*>(&on_attribute));
}

void each_nested(const nlattr* attribute, const OnAttribute& on_attribute) {
    mnl_attr_parse_nested(attribute, visit, const_cast<OnAttribute*>(&on_attribute));
}

bool holds(const nlattr* attribute, size_t size) {
    return mnl_attr_get_payload_len(attribute) >= size;
}

uint32_t number(const nlattr* attribute) {
    return holds(attribute, sizeof(uint32_t)) ? mnl_attr_get_u32(attribute) : 0;
}

// A string attribute's terminating NUL is a custom, not a promise.
std::string text(const nlattr* attribute) {
    const auto* start = static_cast<const char*>(mnl_attr_get_payload(attribute));
    return {start, strnlen(start, mnl_attr_get_payload_len(attribute))};
}

std::optional<uint8_t> family_of(uint8_t kernel_family) {
    if (kernel_family == AF_INET) return static_cast<uint8_t>(BH_IPV4);
    if (kernel_family == AF_INET6) return static_cast<uint8_t>(BH_IPV6);
    return std::nullopt;
}

Address address(const nlattr* attribute, uint8_t family) {
    Address result;
    result.family = family;
    const auto size = std::min<size_t>(mnl_attr_get_payload_len(attribute), family == BH_IPV4 ? 4 : 16);
    std::memcpy(result.bytes.data(), mnl_attr_get_payload(attribute), size);
    return result;
}

std::string kind_of(const nlattr* link_info) {
    std::string kind;
    each_nested(link_info, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) kind = text(attribute);
    });
    return kind;
}

std::optional<News> decode_link(const nlmsghdr* message) {
    const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    // AF_BRIDGE and the like speak of a port's role, not of the device: its DELLINK isn't the device's end.
    if (header->ifi_family != AF_UNSPEC) return std::nullopt;
    LinkNews link{.gone = message->nlmsg_type == RTM_DELLINK, .ifindex = static_cast<uint32_t>(header->ifi_index)};
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
    link.ethernet = header->ifi_type == ARPHRD_ETHER;
    each_attribute(message, sizeof *header, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
        case IFLA_IFNAME:
            link.name = text(attribute);
            break;
        case IFLA_ADDRESS:
            link.mac.assign(static_cast<const char*>(mnl_attr_get_payload(attribute)),
                            mnl_attr_get_payload_len(attribute));
            break;
        case IFLA_LINK_NETNSID:
            link.nsid = static_cast<int32_t>(number(attribute));
            break;
        case IFLA_LINKINFO:
            link.kind = kind_of(attribute);
            break;
        default:
            break;
        }
    });
    return link;
}

std::optional<News> decode_address(const nlmsghdr* message) {
    const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
    const auto family = family_of(header->ifa_family);
    if (!family) return std::nullopt;
    std::optional<Address> local; // differs from IFA_ADDRESS on point-to-point links, where that is the peer
    std::optional<Address> other;
    each_attribute(message, sizeof *header, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == IFA_LOCAL) local = address(attribute, *family);
        if (mnl_attr_get_type(attribute) == IFA_ADDRESS) other = address(attribute, *family);
    });
    if (!local && !other) return std::nullopt;
    return AddressNews{
        .gone = message->nlmsg_type == RTM_DELADDR, .ifindex = header->ifa_index, .address = local ? *local : *other};
}

void read_next_hops(const nlattr* multipath, std::vector<uint32_t>& interfaces) {
    const auto* hop = static_cast<const rtnexthop*>(mnl_attr_get_payload(multipath));
    int left = mnl_attr_get_payload_len(multipath);
    while (left >= static_cast<int>(sizeof *hop) && hop->rtnh_len >= sizeof *hop && hop->rtnh_len <= left) {
        interfaces.push_back(static_cast<uint32_t>(hop->rtnh_ifindex));
        const int step = static_cast<int>(RTNH_ALIGN(hop->rtnh_len));
        left -= step;
        hop = reinterpret_cast<const rtnexthop*>(reinterpret_cast<const char*>(hop) + step);
    }
}

std::optional<News> decode_route(const nlmsghdr* message) {
    const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
    const auto family = family_of(header->rtm_family);
    const bool for_us = header->rtm_type == RTN_BROADCAST || header->rtm_type == RTN_ANYCAST;
    const bool matters =
        family && (header->rtm_type == RTN_UNICAST || for_us) && (header->rtm_flags & RTM_F_CLONED) == 0;
    if (!matters) return std::nullopt;
    RouteNews route{.gone = message->nlmsg_type == RTM_DELROUTE, .for_us = for_us};
    route.replaces = !route.gone && (message->nlmsg_flags & NLM_F_REPLACE) != 0;
    route.key.table = header->rtm_table;
    route.key.tos = header->rtm_tos;
    route.key.destination.address.family = *family;
    route.key.destination.length = header->rtm_dst_len;
    each_attribute(message, sizeof *header, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
        case RTA_DST:
            route.key.destination.address = address(attribute, *family);
            break;
        case RTA_TABLE: // the header's byte can't hold tables above 255
            route.key.table = number(attribute);
            break;
        case RTA_PRIORITY:
            route.key.priority = number(attribute);
            break;
        case RTA_OIF:
            route.interfaces.push_back(number(attribute));
            break;
        case RTA_MULTIPATH:
            read_next_hops(attribute, route.interfaces);
            break;
        default:
            break;
        }
    });
    return route;
}

} // namespace

std::optional<News> decode(const nlmsghdr* message) {
    const auto has = [&](size_t size) { return mnl_nlmsg_get_payload_len(message) >= size; };
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        return has(sizeof(ifinfomsg)) ? decode_link(message) : std::nullopt;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return has(sizeof(ifaddrmsg)) ? decode_address(message) : std::nullopt;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        return has(sizeof(rtmsg)) ? decode_route(message) : std::nullopt;
    default:
        return std::nullopt;
    }
}

} // namespace bulkhead::netlink
