// SPDX-License-Identifier: Apache-2.0
#include "support/random_packet.h"

#include <algorithm>

namespace bulkhead::test {

namespace {

constexpr size_t kEthernet = 14;
constexpr size_t kHeaders = 120; // bytes from the frame's beginning, where damage is likely to matter
constexpr size_t kFragmentIds = 8;

} // namespace

uint16_t RandomPackets::port() {
    return percent(90) ? world_.ports[below(world_.ports.size())] : word();
}

const std::string& RandomPackets::address(bool v6) {
    const auto& pool = v6 ? world_.ipv6 : world_.ipv4;
    return pool[below(pool.size())];
}

Bytes RandomPackets::next() {
    Bytes frame = whole().bytes();
    if (percent(50)) damage(frame);
    return frame;
}

Packet RandomPackets::whole() {
    Packet made = packet().eth();
    if (percent(3)) made.vlan(static_cast<uint16_t>(below(4096)), percent(50) ? kVlan : kServiceVlan);
    if (percent(2)) return made.arp_request(address(false), address(false));
    if (percent(2)) return made.ethertype(word()).payload(below(64));
    const bool v6 = percent(50);
    add_ip(made, v6);
    add_transport(made, v6);
    return made;
}

void RandomPackets::add_ip(Packet& packet, bool v6) {
    packet.ip(address(v6), address(v6));
    if (!v6 && percent(15)) packet.options(4 * (1 + below(10)));
    if (v6 && percent(40)) add_extensions(packet);
    if (percent(25)) add_fragment(packet);
}

void RandomPackets::add_extensions(Packet& packet) {
    for (size_t left = below(11); left > 0; --left) {
        switch (below(4)) {
        case 0:
            packet.hop_by_hop(8 * (1 + below(3)));
            break;
        case 1:
            packet.routing(byte(), byte());
            break;
        case 2:
            packet.destination_options(8 * (1 + below(percent(5) ? 80 : 3)));
            break;
        default:
            packet.authentication(12 + 4 * below(6));
        }
    }
}

void RandomPackets::add_fragment(Packet& packet) {
    const auto offset = static_cast<uint16_t>(percent(50) ? 0 : 8 * (1 + below(4)));
    packet.fragment(offset, percent(50), static_cast<uint32_t>(below(kFragmentIds)));
}

void RandomPackets::add_transport(Packet& packet, bool v6) {
    switch (below(7)) {
    case 0:
    case 1:
        packet.tcp(port(), port(), byte(), static_cast<uint32_t>(random_()));
        if (percent(20)) packet.options(4 * (1 + below(10)));
        break;
    case 2:
        packet.udp(port(), port());
        break;
    case 3:
        packet.sctp(port(), port());
        break;
    case 4:
        add_icmp(packet, v6);
        return;
    case 5:
        packet.protocol(byte());
        break;
    default:
        break;
    }
    packet.payload(below(48));
}

void RandomPackets::add_icmp(Packet& packet, bool v6) {
    packet.icmp(percent(50) ? static_cast<uint8_t>(below(16)) : byte(), static_cast<uint8_t>(below(16)),
                static_cast<uint32_t>(random_()));
    if (quoting_ || percent(30)) return;
    quoting_ = true;
    Packet inner = test::packet().eth();
    add_ip(inner, percent(95) ? v6 : !v6);
    add_transport(inner, v6);
    packet.quoting(inner, 8 + below(120));
    quoting_ = false;
}

void RandomPackets::damage(Bytes& frame) {
    for (size_t blows = below(5); blows > 0; --blows) {
        const size_t most = std::min(frame.size(), percent(80) ? kHeaders : frame.size());
        uint8_t& hit = frame[percent(10) ? below(most) : std::min(frame.size() - 1, kEthernet + below(most))];
        hit = percent(50) ? byte() : static_cast<uint8_t>(hit ^ (1u << below(8)));
    }
    if (percent(25)) frame.resize(kEthernet + below(frame.size() - kEthernet + 1));
}

} // namespace bulkhead::test
