// SPDX-License-Identifier: Apache-2.0
//
// IPv4 and IPv6 addresses and CIDRs as values. Bytes are in network order; IPv4 occupies the first
// four, like struct bh_addr.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bulkhead/abi.h"

namespace bulkhead {

struct Address {
    std::array<uint8_t, 16> bytes{};
    uint8_t family = BH_IPV4; // enum bh_family

    /// Only the canonical textual forms that inet_pton takes; no IPv4-mapped IPv6 address.
    static Result<Address> parse(std::string_view text);
    static Address from(const bh_addr& address, uint8_t family);

    std::string text() const;
    bh_addr raw() const;
    uint32_t raw4() const; // network order
    int bits() const { return family == BH_IPV4 ? 32 : 128; }
    bool is_link_local() const; // 169.254.0.0/16, fe80::/10
    /// Every node has it for itself: link-local, or of fd00::ac:0/118, which the VPC CNI gives to the pods of each node
    /// for IPv6 egress (amazon-vpc-cni-k8s, ENABLE_V6_EGRESS).
    bool is_node_local() const;

    auto operator<=>(const Address&) const = default;
};

struct Cidr {
    Address address;
    uint8_t length = 0; // bits

    /// "10.0.0.0/8"; a bare address is its own /32 or /128. Host bits are an error.
    static Result<Cidr> parse(std::string_view text);

    /// That address alone.
    static Cidr of(const Address& address) { return {address, static_cast<uint8_t>(address.bits())}; }

    std::string text() const;
    bool contains(const Address& other) const;
    bool contains(const Cidr& other) const;
    bool is_single() const { return length == address.bits(); }

    auto operator<=>(const Cidr&) const = default;
};

} // namespace bulkhead

template <>
struct std::hash<bulkhead::Address> {
    size_t operator()(const bulkhead::Address& address) const noexcept;
};
