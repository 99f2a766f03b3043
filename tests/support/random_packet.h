// SPDX-License-Identifier: Apache-2.0
//
// Packets for fuzzing the loaded programs: of any shape that the builder can make, and half of them damaged. The same
// seed gives the same packets.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "support/packet_builder.h"

namespace bulkhead::test {

class RandomPackets {
public:
    /// Addresses and ports from which most packets take theirs.
    struct World {
        std::vector<std::string> ipv4;
        std::vector<std::string> ipv6;
        std::vector<uint16_t> ports;
    };

    RandomPackets(World world, uint64_t seed) : world_(std::move(world)), random_(seed) {}

    /// A frame of 14 bytes at least.
    Bytes next();
    size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }

private:
    bool percent(size_t chance) { return below(100) < chance; }
    uint8_t byte() { return static_cast<uint8_t>(below(256)); }
    uint16_t word() { return static_cast<uint16_t>(below(65536)); }
    uint16_t port();
    const std::string& address(bool v6);

    Packet whole();
    void add_ip(Packet& packet, bool v6);
    void add_extensions(Packet& packet);
    void add_fragment(Packet& packet);
    void add_transport(Packet& packet, bool v6);
    void add_icmp(Packet& packet, bool v6);
    void damage(Bytes& frame);

    World world_;
    std::mt19937_64 random_;
    bool quoting_ = false;
};

} // namespace bulkhead::test
