// SPDX-License-Identifier: Apache-2.0
//
// rtnetlink messages as values: only what tells which interface is whose, and what leads where.
// See rtnetlink(7); attributes that are missing keep their defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"

struct nlmsghdr;

namespace bulkhead::netlink {

struct LinkNews {
    bool gone = false;
    uint32_t ifindex = 0;
    std::string name{};
    std::string kind{}; // IFLA_INFO_KIND: "veth", "vlan", ...; empty for hardware
    std::string mac{};  // raw bytes; tells a device from its successor under the same number
    int32_t nsid = -1;  // the peer's netns as this one numbers it; -1 = here, or not known
    bool up = false;
    bool loopback = false;
    bool ethernet = true;
};

struct AddressNews {
    bool gone = false;
    uint32_t ifindex = 0;
    Address address;
};

/// What makes a route another route to the kernel, but for its next hops.
struct RouteKey {
    uint32_t table = 0;
    Cidr destination;
    uint32_t priority = 0;
    uint8_t tos = 0;
    auto operator<=>(const RouteKey&) const = default;
};

struct RouteNews {
    bool gone = false;
    bool replaces = false; // takes the place of an equal key, whatever its next hops
    bool for_us = false;   // broadcast or anycast: whatever goes there is delivered here
    RouteKey key{};
    std::vector<uint32_t> interfaces{}; // the next hops'
};

using News = std::variant<LinkNews, AddressNews, RouteNews>;

/// Nothing for messages that don't matter here: other families, routes to nowhere, ...
std::optional<News> decode(const nlmsghdr* message);

} // namespace bulkhead::netlink
