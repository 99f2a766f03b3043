// SPDX-License-Identifier: Apache-2.0
#include "dns/never.h"

#include <algorithm>

namespace bulkhead::dns {

namespace {

struct Range {
    Cidr cidr;
    const char* why;
};

/// IANA's registries of special-purpose addresses; fd00:ec2::/32 has AWS' link-local services once more (EC2 user
/// guide).
const std::vector<Range>& ranges() {
    static const std::vector<Range> known = [] {
        constexpr std::pair<const char*, const char*> kWritten[] = {
            {"0.0.0.0/8", "unspecified"},     {"127.0.0.0/8", "loopback"},
            {"169.254.0.0/16", "link-local"}, {"224.0.0.0/4", "multicast"},
            {"240.0.0.0/4", "reserved"},      {"::/128", "unspecified"},
            {"::1/128", "loopback"},          {"fe80::/10", "link-local"},
            {"ff00::/8", "multicast"},        {"fd00:ec2::/32", "a node's own AWS services"},
        };
        std::vector<Range> all;
        for (const auto& [cidr, why] : kWritten)
            all.push_back({.cidr = *Cidr::parse(cidr), .why = why});
        return all;
    }();
    return known;
}

bool begins_with(const Address& address, const std::array<uint8_t, 12>& prefix) {
    return address.family == BH_IPV6 && std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};

Address embedded(const Address& address) {
    Address inner;
    std::copy_n(address.bytes.begin() + 12, 4, inner.bytes.begin());
    return inner;
}

} // namespace

std::optional<std::string> why_never(const Address& address, const std::vector<Cidr>& never) {
    if (begins_with(address, kMapped)) return "IPv4-mapped";
    if (begins_with(address, kNat64)) return why_never(embedded(address), never);
    for (const auto& range : ranges())
        if (range.cidr.contains(address)) return range.why;
    if (address.is_node_local()) return "each node's own";
    for (const auto& cidr : never)
        if (cidr.contains(address)) return "in " + cidr.text() + ", which the settings exclude";
    return std::nullopt;
}

} // namespace bulkhead::dns
