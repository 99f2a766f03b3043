// SPDX-License-Identifier: Apache-2.0
#include "observe/history.h"

#include "base/address.h"
#include "base/reasons.h"

namespace bulkhead::observe {

namespace {

std::string party(const bh_addr& raw, uint8_t family, uint16_t port, bool with_port) {
    const auto address = Address::from(raw, family).text();
    if (!with_port) return address;
    return (family == BH_IPV6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

} // namespace

std::string text_of(const bh_event& event) {
    std::string text = label_of(static_cast<bh_verdict>(event.verdict));
    text += std::string(" ") + label_of(static_cast<bh_reason>(event.reason));
    if (event.family == 0) return text + " not IP";
    const bool ports = event.protocol == BH_TCP || event.protocol == BH_UDP || event.protocol == BH_SCTP;
    text += std::string(" ") + label_of_protocol(event.protocol);
    return text + " " + party(event.src, event.family, event.src_port, ports) + " -> " +
           party(event.dst, event.family, event.dst_port, ports);
}

} // namespace bulkhead::observe
