// SPDX-License-Identifier: Apache-2.0
//
// What this netns looks like: links, their addresses, and where unicast routes lead. Fed with news,
// asked for the three things that matter: which veths are pods', which addresses are this node's own,
// and which interfaces lead off the node.
//
// Pure state without I/O. A link keeps its `incarnation` for as long as it is the same device, whatever
// its number or name is reused for later.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "source/netlink/messages.h"

namespace bulkhead::netlink {

/// A pod's host-side veth.
struct Veth {
    uint32_t ifindex = 0;
    uint64_t incarnation = 0;
    std::string name;
    int32_t nsid = -1;
    std::vector<Address> addresses; // of the pod behind it: host routes of any table that lead here
    bool operator==(const Veth&) const = default;
};

class Network {
public:
    void apply(const News& news);

    /// Takes over what a complete read found. Links that are still the same keep their incarnation.
    void replace_with(Network fresh);

    /// Some changes are silent in the kernel's news (IPv4 routes that go with an address): after those
    /// this is true until the next replace_with().
    bool doubtful() const { return doubtful_; }

    /// veths whose name is one of `prefixes` and a veth_suffix(), and those that lead into the same netns as one of
    /// them.
    std::vector<Veth> guarded(const std::vector<std::string>& prefixes) const;

    /// Every non-loopback interface that is not in `guarded` and through which a unicast route leads.
    std::set<uint32_t> uplinks(const std::vector<Veth>& guarded) const;

    /// Addresses of all interfaces, and those that only routes say are delivered here (a subnet's broadcast
    /// address, with or without IFA_BROADCAST; IPv6's subnet-router anycast), but 127.0.0.0/8 and ::1, which
    /// never reach a veth.
    std::set<Address> own_addresses() const;

    std::string name_of(uint32_t ifindex) const; // empty = no such link
    bool is_ethernet(uint32_t ifindex) const;
    bool is_veth(uint32_t ifindex) const;
    std::set<uint32_t> named(const std::vector<std::string>& names) const;

private:
    struct Link {
        LinkNews news;
        uint64_t incarnation = 0;
    };

    using Routes = std::multimap<RouteKey, uint32_t>; // -> interface of a next hop

    void apply_to(const LinkNews& link);
    void apply_to(const AddressNews& address);
    void apply_to(const RouteNews& route);
    void forget_routes_through(uint32_t ifindex);

    std::map<uint32_t, Link> links_;
    std::set<std::pair<uint32_t, Address>> addresses_;
    Routes routes_;
    Routes for_us_;
    uint64_t last_incarnation_ = 0;
    bool doubtful_ = false;
};

} // namespace bulkhead::netlink
