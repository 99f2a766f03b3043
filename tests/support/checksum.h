// SPDX-License-Identifier: Apache-2.0
//
// The two checksums of the packets that tests build: the Internet's (RFC 1071) and SCTP's CRC32c (RFC 9260).
#pragma once

#include <cstdint>
#include <vector>

namespace bulkhead::test {

/// One's complement of the one's complement sum; to be written big-endian.
uint16_t internet_checksum(const std::vector<uint8_t>& bytes);

/// To be written little-endian.
uint32_t crc32c(const std::vector<uint8_t>& bytes);

} // namespace bulkhead::test
