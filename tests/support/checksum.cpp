// SPDX-License-Identifier: Apache-2.0
#include "support/checksum.h"

#include <cstddef>

namespace bulkhead::test {

uint16_t internet_checksum(const std::vector<uint8_t>& bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i)
        sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

uint32_t crc32c(const std::vector<uint8_t>& bytes) {
    constexpr uint32_t kCastagnoli = 0x82f63b78; // reflected
    uint32_t crc = ~uint32_t{0};
    for (const uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ (crc & 1 ? kCastagnoli : 0);
    }
    return ~crc;
}

} // namespace bulkhead::test
