// SPDX-License-Identifier: Apache-2.0
//
// The first packet of a conversation, made up: what explain shows to the kernel's program. Ethernet, IP
// and transport headers with consistent lengths; transport checksums are left zero, as no program of
// ours looks at them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.h"

namespace bulkhead::observe {

struct FirstPacket {
    Address src;
    Address dst;               // of the same family
    uint8_t protocol = BH_TCP; // BH_TCP: a SYN; BH_UDP; BH_SCTP: an INIT; BH_ICMP: an echo request of either family
    uint16_t port = 0;         // host order; none for ICMP
};

std::vector<std::byte> build(const FirstPacket& packet);

} // namespace bulkhead::observe
