// SPDX-License-Identifier: Apache-2.0
#include "datapath/bitmaps.h"

#include <arpa/inet.h>

#include <algorithm>

namespace bulkhead::datapath {

namespace {

constexpr uint32_t kEnumerable = 48; // a longer IPv6 prefix covers at most 65,536 different first 64 bits

void set(Bits bits, uint32_t bit) {
    bit &= BH_BITMAP_WORDS * 64 - 1;
    bits[bit / 64] |= __u64{1} << (bit % 64);
}

} // namespace

void set_interface(Bits bits, uint32_t ifindex) {
    set(bits, ifindex);
}

void set_prefix(Bits bits, const bh_prefix4& prefix) {
    const uint32_t first = ntohl(prefix.address) >> 16;
    const uint32_t count = prefix.length >= 16 ? 1 : 1u << (16 - prefix.length);
    for (uint32_t bit = first; bit < first + count; bit++)
        set(bits, bit);
}

void set_prefix(Bits bits, const bh_prefix6& prefix) {
    if (prefix.length < kEnumerable) {
        std::ranges::fill(bits, ~__u64{0});
        return;
    }
    const uint32_t count = prefix.length >= 64 ? 1 : 1u << (64 - prefix.length);
    const uint32_t second = ntohl(prefix.address.word[1]);
    for (uint32_t i = 0; i < count; i++) {
        bh_addr address = prefix.address;
        address.word[1] = htonl(second | i);
        set(bits, bh_fold6(&address));
    }
}

} // namespace bulkhead::datapath
