// SPDX-License-Identifier: Apache-2.0
//
// The bytes that all packets of one run share: Ethernet, IP and TCP or UDP with a little data. The
// addresses and ports are the replay program's to fill in; checksums are not looked at by any program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bulkhead::bench {

struct Wire {
    uint8_t family = 0;    // enum bh_family
    uint8_t protocol = 0;  // BH_TCP or BH_UDP
    uint8_t tcp_flags = 0; // enum bh_tcp_flag

    std::vector<std::byte> bytes() const;
};

} // namespace bulkhead::bench
