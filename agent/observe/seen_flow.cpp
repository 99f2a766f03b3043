// SPDX-License-Identifier: Apache-2.0
#include "observe/seen_flow.h"

namespace bulkhead::observe {

namespace {

bool is_icmp(const bh_event& event) {
    return event.protocol == BH_ICMP || event.protocol == BH_ICMPV6;
}

flow::Time time_of(uint64_t nanoseconds) {
    return flow::Time(std::chrono::nanoseconds(nanoseconds));
}

/// The programs leave out an address that many packets were forged with.
bool is_told(const bh_addr& address, const bh_event& event) {
    const bool is_zero = (address.word[0] | address.word[1] | address.word[2] | address.word[3]) == 0;
    return event.family != 0 && !(is_zero && event.reason == BH_REASON_SPOOFED);
}

flow::End end_of(const EndName& name, const bh_addr& address, uint16_t port, const bh_event& event) {
    flow::End end = name ? *name : flow::End{};
    if (is_told(address, event)) end.address = Address::from(address, event.family);
    if (!is_icmp(event)) end.port = port;
    return end;
}

} // namespace

flow::Record record_of(const SeenFlow& seen, const std::string& node) {
    const auto& event = seen.event;
    flow::Record record;
    record.time = time_of(event.time);
    record.first = time_of(event.first);
    record.node = node;
    record.direction = static_cast<bh_direction>(event.direction);
    record.verdict = static_cast<bh_verdict>(event.verdict);
    record.reason = static_cast<bh_reason>(event.reason);
    record.source = end_of(seen.source, event.src, event.src_port, event);
    record.destination = end_of(seen.destination, event.dst, event.dst_port, event);
    record.protocol = event.protocol;
    record.tcp_flags = event.tcp_flags;
    if (is_icmp(event)) {
        record.icmp_type = static_cast<uint8_t>(event.src_port >> 8);
        record.icmp_code = static_cast<uint8_t>(event.src_port);
    }
    if (seen.origin) record.origin = *seen.origin;
    record.packets = event.packets;
    record.bytes = event.bytes;
    return record;
}

std::pair<flow::EdgeKey, flow::Sighting> edge_of(const SeenFlow& seen) {
    static const flow::End kNobody;
    const auto& event = seen.event;
    const auto& source = seen.source ? *seen.source : kNobody;
    const auto& destination = seen.destination ? *seen.destination : kNobody;
    return {flow::edge_key({.source = source,
                            .source_address = Address::from(event.src, event.family),
                            .destination = destination,
                            .destination_address = Address::from(event.dst, event.family),
                            .protocol = event.protocol,
                            .port = event.dst_port,
                            .verdict = static_cast<bh_verdict>(event.verdict)}),
            {.count = event.packets,
             .first = time_of(event.first),
             .last = time_of(event.time),
             .reason = static_cast<bh_reason>(event.reason),
             .source_tenant = source.tenant,
             .destination_tenant = destination.tenant,
             .destination_protected = destination.is_protected}};
}

} // namespace bulkhead::observe
