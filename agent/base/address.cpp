// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace bulkhead {

namespace {

bool is_v4_mapped(const Address& address) {
    static constexpr std::array<uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return address.family == BH_IPV6 && std::equal(kPrefix.begin(), kPrefix.end(), address.bytes.begin());
}

bool same_bits(const Address& a, const Address& b, int bits) {
    const auto whole = static_cast<size_t>(bits / 8);
    if (std::memcmp(a.bytes.data(), b.bytes.data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const auto mask = static_cast<uint8_t>(0xff << (8 - bits % 8));
    return (a.bytes[whole] & mask) == (b.bytes[whole] & mask);
}

bool has_host_bits(const Cidr& cidr) {
    Address network{.bytes = {}, .family = cidr.address.family};
    for (int bit = 0; bit < cidr.length; ++bit) {
        const auto index = static_cast<size_t>(bit / 8);
        network.bytes[index] =
            static_cast<uint8_t>(network.bytes[index] | (cidr.address.bytes[index] & (0x80 >> (bit % 8))));
    }
    return network != cidr.address;
}

} // namespace

Result<Address> Address::parse(std::string_view text) {
    const std::string copy(text);
    Address address;
    address.family = copy.find(':') == std::string::npos ? BH_IPV4 : BH_IPV6;
    const int family = address.family == BH_IPV4 ? AF_INET : AF_INET6;
    const bool whole = copy.find('\0') == std::string::npos; // inet_pton reads no further
    if (!whole || inet_pton(family, copy.c_str(), address.bytes.data()) != 1)
        return fail("\"" + copy + "\" is not an IP address");
    if (is_v4_mapped(address)) return fail("\"" + copy + "\" is an IPv4-mapped address: write the IPv4 address");
    return address;
}

Address Address::from(const bh_addr& raw, uint8_t family) {
    Address address;
    address.family = family;
    std::memcpy(address.bytes.data(), &raw, family == BH_IPV4 ? 4 : 16);
    return address;
}

std::string Address::text() const {
    char buffer[INET6_ADDRSTRLEN];
    return inet_ntop(family == BH_IPV4 ? AF_INET : AF_INET6, bytes.data(), buffer, sizeof buffer);
}

bh_addr Address::raw() const {
    bh_addr raw{};
    std::memcpy(&raw, bytes.data(), sizeof raw);
    return raw;
}

uint32_t Address::raw4() const {
    return raw().word[0];
}

bool Address::is_link_local() const {
    if (family == BH_IPV4) return bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool Address::is_node_local() const {
    constexpr std::array<uint8_t, 14> kEgress{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xac};
    const bool is_egress =
        family == BH_IPV6 && std::equal(kEgress.begin(), kEgress.end(), bytes.begin()) && (bytes[14] & 0xfc) == 0;
    return is_egress || is_link_local();
}

Result<Cidr> Cidr::parse(std::string_view text) {
    const auto slash = text.find('/');
    auto address = Address::parse(text.substr(0, slash));
    if (!address) return fail("\"" + std::string(text) + "\" is not a CIDR");
    Cidr cidr{.address = *address, .length = static_cast<uint8_t>(address->bits())};
    if (slash == std::string_view::npos) return cidr;
    const auto digits = text.substr(slash + 1);
    int length = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    const bool plain = digits == "0" || (!digits.empty() && digits.front() >= '1' && digits.front() <= '9');
    if (!plain || error != std::errc{} || end != digits.data() + digits.size() || length > address->bits())
        return fail("\"" + std::string(text) + "\" has no valid prefix length");
    cidr.length = static_cast<uint8_t>(length);
    if (has_host_bits(cidr)) return fail("\"" + std::string(text) + "\" has bits set beyond its prefix length");
    return cidr;
}

std::string Cidr::text() const {
    return address.text() + "/" + std::to_string(length);
}

bool Cidr::contains(const Address& other) const {
    return other.family == address.family && same_bits(address, other, length);
}

bool Cidr::contains(const Cidr& other) const {
    return other.length >= length && contains(other.address);
}

} // namespace bulkhead

size_t std::hash<bulkhead::Address>::operator()(const bulkhead::Address& address) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
}
