// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/network.h"

#include <algorithm>

#include "source/netlink/pod_names.h"

namespace bulkhead::netlink {

namespace {

bool is_loopback(const Address& address) {
    if (address.family == BH_IPV4) return address.bytes[0] == 127;
    static constexpr std::array<uint8_t, 16> kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return address.bytes == kLoopback;
}

// -1 is no netns of its own: a peer that isn't known yet, or is just being destroyed.
bool same_netns(const LinkNews& a, const LinkNews& b) {
    return a.nsid == b.nsid || a.nsid < 0 || b.nsid < 0;
}

bool same_device(const LinkNews& a, const LinkNews& b) {
    return a.name == b.name && a.kind == b.kind && a.mac == b.mac && same_netns(a, b);
}

} // namespace

void Network::apply(const News& news) {
    std::visit([this](const auto& one) { apply_to(one); }, news);
}

void Network::apply_to(const LinkNews& link) {
    const auto found = links_.find(link.ifindex);
    if (link.gone) {
        forget_routes_through(link.ifindex);
        std::erase_if(addresses_, [&](const auto& entry) { return entry.first == link.ifindex; });
        if (found != links_.end()) links_.erase(found);
        return;
    }
    if (found == links_.end()) {
        links_[link.ifindex] = {.news = link, .incarnation = ++last_incarnation_};
        return;
    }
    auto& known = found->second;
    // IPv4 says nothing about the routes that go when their interface goes down.
    if (known.news.up && !link.up) forget_routes_through(link.ifindex);
    if (!same_netns(known.news, link)) known.incarnation = ++last_incarnation_;
    const int32_t nsid = link.nsid >= 0 ? link.nsid : known.news.nsid;
    known.news = link;
    known.news.nsid = nsid;
}

void Network::apply_to(const AddressNews& address) {
    const std::pair entry(address.ifindex, address.address);
    if (!address.gone) {
        addresses_.insert(entry);
        return;
    }
    addresses_.erase(entry);
    // ... nor about those that preferred this source.
    if (address.address.family == BH_IPV4) doubtful_ = true;
}

void Network::apply_to(const RouteNews& route) {
    auto& routes = route.for_us ? for_us_ : routes_;
    const auto [first, last] = routes.equal_range(route.key);
    if (route.replaces) {
        // Only one of several equal routes was replaced, and the news doesn't say which.
        if (std::distance(first, last) > 1) doubtful_ = true;
        routes.erase(first, last);
    } else {
        for (auto it = first; it != last;) {
            const bool same =
                std::find(route.interfaces.begin(), route.interfaces.end(), it->second) != route.interfaces.end();
            it = same ? routes.erase(it) : std::next(it);
        }
    }
    if (route.gone) return;
    for (const uint32_t ifindex : route.interfaces)
        routes.emplace(route.key, ifindex);
}

void Network::forget_routes_through(uint32_t ifindex) {
    for (auto* routes : {&routes_, &for_us_})
        std::erase_if(*routes, [&](const auto& route) { return route.second == ifindex; });
}

void Network::replace_with(Network fresh) {
    for (auto& [ifindex, link] : fresh.links_) {
        const auto known = links_.find(ifindex);
        const bool same = known != links_.end() && same_device(known->second.news, link.news);
        link.incarnation = same ? known->second.incarnation : ++last_incarnation_;
    }
    fresh.last_incarnation_ = last_incarnation_;
    fresh.doubtful_ = false;
    *this = std::move(fresh);
}

std::vector<Veth> Network::guarded(const std::vector<std::string>& prefixes) const {
    std::set<int32_t> pods;
    for (const auto& [ifindex, link] : links_)
        if (link.news.kind == "veth" && link.news.nsid >= 0 && is_pods_name(link.news.name, prefixes))
            pods.insert(link.news.nsid);

    std::map<uint32_t, Veth> found;
    for (const auto& [ifindex, link] : links_) {
        const bool is_pods =
            link.news.kind == "veth" && (is_pods_name(link.news.name, prefixes) || pods.contains(link.news.nsid));
        if (is_pods) found[ifindex] = {ifindex, link.incarnation, link.news.name, link.news.nsid, {}};
    }
    for (const auto& [key, ifindex] : routes_) {
        const auto veth = found.find(ifindex);
        if (veth == found.end() || !key.destination.is_single()) continue;
        auto& addresses = veth->second.addresses;
        if (std::find(addresses.begin(), addresses.end(), key.destination.address) == addresses.end())
            addresses.push_back(key.destination.address);
    }

    std::vector<Veth> result;
    for (auto& [ifindex, veth] : found) {
        std::sort(veth.addresses.begin(), veth.addresses.end());
        result.push_back(std::move(veth));
    }
    return result;
}

std::set<uint32_t> Network::uplinks(const std::vector<Veth>& guarded) const {
    std::set<uint32_t> result;
    for (const auto& [key, ifindex] : routes_) {
        const auto link = links_.find(ifindex);
        // Every IPv6 interface has a route for fe80::/64, so that one says nothing.
        const bool leads_away = link != links_.end() && !link->second.news.loopback &&
                                !(key.destination.address.family == BH_IPV6 && key.destination.address.is_link_local());
        if (leads_away) result.insert(ifindex);
    }
    for (const auto& veth : guarded)
        result.erase(veth.ifindex);
    return result;
}

std::set<Address> Network::own_addresses() const {
    std::set<Address> result;
    for (const auto& [ifindex, address] : addresses_)
        if (!is_loopback(address)) result.insert(address);
    for (const auto& [key, ifindex] : for_us_)
        if (key.destination.is_single() && !is_loopback(key.destination.address))
            result.insert(key.destination.address);
    return result;
}

std::string Network::name_of(uint32_t ifindex) const {
    const auto link = links_.find(ifindex);
    return link == links_.end() ? std::string() : link->second.news.name;
}

bool Network::is_ethernet(uint32_t ifindex) const {
    const auto link = links_.find(ifindex);
    return link != links_.end() && link->second.news.ethernet;
}

bool Network::is_veth(uint32_t ifindex) const {
    const auto link = links_.find(ifindex);
    return link != links_.end() && link->second.news.kind == "veth";
}

std::set<uint32_t> Network::named(const std::vector<std::string>& names) const {
    std::set<uint32_t> result;
    for (const auto& [ifindex, link] : links_)
        if (std::find(names.begin(), names.end(), link.news.name) != names.end()) result.insert(ifindex);
    return result;
}

} // namespace bulkhead::netlink
