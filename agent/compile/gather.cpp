// SPDX-License-Identifier: Apache-2.0
#include "compile/gather.h"

namespace bulkhead::compile {

namespace {

Cidr network_of(const Address& address, int length) {
    Cidr cidr{.address = address, .length = static_cast<uint8_t>(length)};
    for (int bit = length; bit < address.bits(); ++bit) {
        auto& byte = cidr.address.bytes[static_cast<size_t>(bit / 8)];
        byte = static_cast<uint8_t>(byte & ~(0x80 >> (bit % 8)));
    }
    return cidr;
}

bool holds(const OpeningRow& row, const Packet& packet) {
    if (row.until && packet.now >= *row.until) return false;
    const uint8_t protocol = packet.protocol == BH_ICMPV6 ? static_cast<uint8_t>(BH_ICMP) : packet.protocol;
    if (row.protocol != BH_ANY_PROTOCOL && row.protocol != protocol) return false;
    return row.first_port <= packet.port && packet.port <= row.last_port;
}

uint32_t opened(const Desired& desired, OpeningKey key, const Packet& packet) {
    uint32_t lines = 0;
    const auto found = desired.openings.find(key);
    if (found == desired.openings.end()) return 0;
    for (const auto& row : found->second)
        if (holds(row, packet)) lines |= 1u << row.line;
    return lines;
}

uint16_t slot_of(const Desired& desired, const Address& address) {
    const auto found = desired.endpoints.find(address);
    return found == desired.endpoints.end() ? static_cast<uint16_t>(0) : found->second.row.slot;
}

bool same_pod(const Desired& desired, const Packet& packet) {
    if (packet.src == packet.dst) return true;
    const auto slot = slot_of(desired, packet.src);
    return slot != 0 && slot == slot_of(desired, packet.dst);
}

} // namespace

IdentityId identity_of(const Desired& desired, const Address& address) {
    if (const auto found = desired.endpoints.find(address); found != desired.endpoints.end())
        return found->second.row.identity;
    for (int length = address.bits(); length >= 0; --length)
        if (const auto found = desired.prefixes.find(network_of(address, length)); found != desired.prefixes.end())
            return found->second;
    return BH_IDENTITY_WORLD;
}

bh_identity identity_row(const Desired& desired, IdentityId id, state::Time now) {
    auto row = desired.identities.at(id);
    for (const uint32_t tenant : {0u, row.tenant})
        if (const auto found = desired.overrides.find(tenant);
            found != desired.overrides.end() && now < found->second.until)
            row.flags |= BH_AUDIT;
    return row;
}

bh_question gather(const Desired& desired, const Packet& packet) {
    const auto src = identity_of(desired, packet.src);
    const auto dst = identity_of(desired, packet.dst);
    bh_question question{};
    question.src = identity_row(desired, src, packet.now);
    question.dst = identity_row(desired, dst, packet.now);
    question.same_pod = same_pod(desired, packet);
    question.local_host = packet.local_host;
    question.src_is_local = packet.src_is_local;
    if (question.dst.flags & BH_ASK_TO) question.openings |= opened(desired, {dst, BH_IDENTITY_ANY}, packet);
    if (question.src.flags & BH_ASK_FROM) question.openings |= opened(desired, {BH_IDENTITY_ANY, src}, packet);
    if ((question.dst.flags & BH_ASK_TO_FROM) || (question.src.flags & BH_ASK_FROM_TO))
        question.openings |= opened(desired, {dst, src}, packet);
    return question;
}

bh_reason judge(const Desired& desired, const Packet& packet) {
    const auto question = gather(desired, packet);
    return bh_judge(&question);
}

} // namespace bulkhead::compile
