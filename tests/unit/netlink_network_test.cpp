// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "source/netlink/network.h"

using namespace bulkhead;
using namespace bulkhead::netlink;

namespace {

const std::vector<std::string> kPrefixes{"eni", "vlan"};

LinkNews veth(uint32_t ifindex, const std::string& name, int32_t nsid) {
    LinkNews link;
    link.ifindex = ifindex;
    link.name = name;
    link.kind = "veth";
    link.nsid = nsid;
    link.up = true;
    return link;
}

LinkNews device(uint32_t ifindex, const std::string& name, const std::string& kind = "") {
    auto link = veth(ifindex, name, -1);
    link.kind = kind;
    return link;
}

LinkNews gone(LinkNews link) {
    link.gone = true;
    return link;
}

RouteNews route(const std::string& destination, std::vector<uint32_t> interfaces, uint32_t table = 254) {
    RouteNews news;
    news.key.table = table;
    news.key.destination = Cidr::parse(destination).value();
    news.interfaces = std::move(interfaces);
    return news;
}

RouteNews gone(RouteNews news) {
    news.gone = true;
    return news;
}

Network with(std::initializer_list<News> news) {
    Network network;
    for (const auto& one : news)
        network.apply(one);
    return network;
}

std::vector<std::string> addresses_of(const Network& network, uint32_t ifindex) {
    std::vector<std::string> texts;
    for (const auto& guarded : network.guarded(kPrefixes))
        if (guarded.ifindex == ifindex)
            for (const auto& address : guarded.addresses)
                texts.push_back(address.text());
    return texts;
}

std::set<uint32_t> guarded_of(const Network& network) {
    std::set<uint32_t> indexes;
    for (const auto& guarded : network.guarded(kPrefixes))
        indexes.insert(guarded.ifindex);
    return indexes;
}

uint64_t incarnation_of(const Network& network) {
    return network.guarded(kPrefixes).at(0).incarnation;
}

using Strings = std::vector<std::string>;
using Indexes = std::set<uint32_t>;

} // namespace

TEST_CASE("a veth is a pod's by its name, or by leading where such a one leads") {
    const auto network = with({veth(2, "eni0000000000a", 0), veth(3, "vlan0000000000b", 1), veth(4, "dummyc", 0),
                               veth(5, "dummyd", 7), veth(6, "dummye", -1), device(7, "eth0")});
    CHECK(guarded_of(network) == Indexes{2, 3, 4});
}

TEST_CASE("the VPC CNI's vlan.eth device has the prefix but is no pod's veth, whatever its kind") {
    for (const auto& branch : {device(2, "vlan.eth.1", "vlan"), veth(2, "vlan.eth.1", 0)}) {
        const auto network = with({branch, veth(3, "eth0", 0), route("0.0.0.0/0", {2}, 101), route("0.0.0.0/0", {3})});
        CHECK(guarded_of(network).empty());
        CHECK(network.uplinks({}) == Indexes{2, 3});
    }
}

TEST_CASE("a name that the VPC CNI would not give is no pod's") {
    for (const auto* name : {"eni", "eni0", "eni0000000000", "eni000000000000", "eni0000000000g", "eni0000000000A"})
        CHECK(guarded_of(with({veth(2, name, 0)})).empty());
}

TEST_CASE("a pod's addresses are the host routes to its veth, of every table and both families") {
    const auto network = with({veth(2, "eni0000000000a", 0), route("10.0.1.5/32", {2}), route("10.0.1.5/32", {2}, 102),
                               route("10.0.1.6/32", {2}, 102), route("fd00::5/128", {2}), route("10.9.0.0/16", {2})});
    CHECK(addresses_of(network, 2) == Strings{"10.0.1.5", "10.0.1.6", "fd00::5"});
}

TEST_CASE("an address stays while one table's route still leads there") {
    auto network = with({veth(2, "eni0000000000a", 0), route("10.0.1.5/32", {2}), route("10.0.1.5/32", {2}, 102)});
    network.apply(gone(route("10.0.1.5/32", {2})));
    CHECK(addresses_of(network, 2) == Strings{"10.0.1.5"});
    network.apply(gone(route("10.0.1.5/32", {2}, 102)));
    CHECK(addresses_of(network, 2).empty());
}

TEST_CASE("a replaced route takes the address from the old veth to the new one") {
    auto network = with({veth(2, "eni0000000000a", 0), veth(3, "eni0000000000b", 1), route("10.0.1.5/32", {2})});
    auto moved = route("10.0.1.5/32", {3});
    moved.replaces = true;
    network.apply(moved);
    CHECK(addresses_of(network, 2).empty());
    CHECK(addresses_of(network, 3) == Strings{"10.0.1.5"});
    CHECK_FALSE(network.doubtful());
}

TEST_CASE("replacing one of two equal routes asks for a complete read") {
    auto network = with({veth(2, "eni0000000000a", 0), veth(3, "eni0000000000b", 1), route("10.0.1.5/32", {2}),
                         route("10.0.1.5/32", {3})});
    auto moved = route("10.0.1.5/32", {3});
    moved.replaces = true;
    network.apply(moved);
    CHECK(network.doubtful());
}

TEST_CASE("a veth that goes down or away loses the routes that the kernel removes silently") {
    auto network = with({veth(2, "eni0000000000a", 0), veth(3, "eni0000000000b", 1), route("10.0.1.5/32", {2}),
                         route("10.0.1.6/32", {3})});
    auto down = veth(2, "eni0000000000a", 0);
    down.up = false;
    network.apply(down);
    CHECK(addresses_of(network, 2).empty());
    CHECK(addresses_of(network, 3) == Strings{"10.0.1.6"});
    network.apply(gone(veth(3, "eni0000000000b", 1)));
    network.apply(veth(3, "eni0000000000b", 1));
    CHECK(addresses_of(network, 3).empty());
}

TEST_CASE("a device is another one after it was gone, even under the same number and name") {
    auto network = with({veth(2, "eni0000000000a", 0)});
    const auto before = incarnation_of(network);
    network.apply(veth(2, "eni0000000000a", 0));
    CHECK(incarnation_of(network) == before);
    network.apply(gone(veth(2, "eni0000000000a", 0)));
    network.apply(veth(2, "eni0000000000a", 0));
    CHECK(incarnation_of(network) != before);
}

TEST_CASE("a device is another one when it leads into another netns, not when that becomes known or vanishes") {
    auto network = with({veth(2, "eni0000000000a", -1)});
    const auto before = incarnation_of(network);
    network.apply(veth(2, "eni0000000000a", 4));
    CHECK(incarnation_of(network) == before);
    network.apply(veth(2, "eni0000000000a", -1));
    CHECK(network.guarded(kPrefixes).at(0).nsid == 4);
    CHECK(incarnation_of(network) == before);
    network.apply(veth(2, "eni0000000000a", 5));
    CHECK(incarnation_of(network) != before);
}

TEST_CASE("a complete read keeps what is the same device and renews what isn't") {
    auto network = with({veth(2, "eni0000000000a", 0), veth(3, "eni0000000000b", 1)});
    const auto before = network.guarded(kPrefixes);
    auto replaced = veth(3, "eni0000000000b", 1);
    replaced.mac = "another";
    network.replace_with(with({veth(2, "eni0000000000a", 0), replaced}));
    const auto after = network.guarded(kPrefixes);
    CHECK(after.at(0).incarnation == before.at(0).incarnation);
    CHECK(after.at(1).incarnation != before.at(1).incarnation);
    CHECK(after.at(1).incarnation != after.at(0).incarnation);
}

TEST_CASE("uplinks are where unicast routes lead, but pods' veths, loopback and link-local ones") {
    auto lo = device(1, "lo");
    lo.loopback = true;
    const auto network = with({lo, device(2, "eth0"), device(3, "eth1"), veth(4, "eni0000000000a", 0),
                               device(5, "idle0"), route("127.0.0.0/8", {1}), route("0.0.0.0/0", {2, 3}),
                               route("10.0.1.5/32", {4}), route("fe80::/64", {5})});
    CHECK(network.uplinks(network.guarded(kPrefixes)) == Indexes{2, 3});
}

TEST_CASE("own addresses are those of all interfaces but the loopback's") {
    auto network = with({device(1, "lo"), device(2, "eth0")});
    for (const auto* text : {"127.0.0.1", "::1", "10.0.0.11", "fd00::11", "fe80::1"})
        network.apply(AddressNews{.gone = false, .ifindex = 2, .address = Address::parse(text).value()});
    CHECK(network.own_addresses() == std::set<Address>{Address::parse("10.0.0.11").value(),
                                                       Address::parse("fd00::11").value(),
                                                       Address::parse("fe80::1").value()});
    CHECK_FALSE(network.doubtful());
    network.apply(AddressNews{.gone = true, .ifindex = 2, .address = Address::parse("10.0.0.11").value()});
    CHECK(network.own_addresses().size() == 2);
    CHECK(network.doubtful());
}

TEST_CASE("what routes say is delivered here is the node's own, and neither an uplink's nor a pod's address") {
    const auto for_us = [](RouteNews news) {
        news.for_us = true;
        return news;
    };
    auto network = with({device(1, "lo"), device(2, "eth0"), veth(4, "eni0000000000a", 0),
                         for_us(route("10.0.0.255/32", {2}, 255)), for_us(route("fd00::/128", {2}, 255)),
                         for_us(route("10.0.1.255/32", {4}, 255)), for_us(route("127.255.255.255/32", {1}, 255))});
    const auto at = [](const char* text) { return Address::parse(text).value(); };
    CHECK(network.own_addresses() == std::set<Address>{at("10.0.0.255"), at("fd00::"), at("10.0.1.255")});
    CHECK(network.uplinks(network.guarded(kPrefixes)).empty());
    CHECK(addresses_of(network, 4).empty());
    network.apply(gone(for_us(route("fd00::/128", {2}, 255))));
    auto down = device(2, "eth0");
    down.up = false;
    network.apply(down); // IPv4 tells nothing then
    CHECK(network.own_addresses() == std::set<Address>{at("10.0.1.255")});
}
