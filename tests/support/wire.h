// SPDX-License-Identifier: Apache-2.0
//
// Big-endian numbers in byte vectors. Offsets in bytes, inside the vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bulkhead::test {

inline void put16(std::vector<uint8_t>& bytes, size_t offset, uint16_t value) {
    bytes.at(offset) = static_cast<uint8_t>(value >> 8);
    bytes.at(offset + 1) = static_cast<uint8_t>(value);
}

inline void put32(std::vector<uint8_t>& bytes, size_t offset, uint32_t value) {
    put16(bytes, offset, static_cast<uint16_t>(value >> 16));
    put16(bytes, offset + 2, static_cast<uint16_t>(value));
}

inline uint16_t get16(const std::vector<uint8_t>& bytes, size_t offset) {
    return static_cast<uint16_t>(bytes.at(offset) << 8 | bytes.at(offset + 1));
}

inline uint32_t get32(const std::vector<uint8_t>& bytes, size_t offset) {
    return static_cast<uint32_t>(get16(bytes, offset)) << 16 | get16(bytes, offset + 2);
}

} // namespace bulkhead::test
