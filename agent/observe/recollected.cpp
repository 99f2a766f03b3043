// SPDX-License-Identifier: Apache-2.0
#include "observe/recollected.h"

#include <arpa/inet.h>

#include <algorithm>

#include "bulkhead/reasons.h"
#include "compile/gather.h"

namespace bulkhead::observe {

namespace {

constexpr uint8_t kEchoRequest4 = 8;   // RFC 792
constexpr uint8_t kEchoRequest6 = 128; // RFC 4443

bool is_icmp(const bh_recollection& told) {
    return told.protocol == BH_ICMP || told.protocol == BH_ICMPV6;
}

uint8_t family_of(const bh_recollection& told) {
    return (told.local & BH_FLOW_IPV6) != 0 ? BH_IPV6 : BH_IPV4;
}

/// Its own address in it; false if that is none of those that are known.
bool find_own_address(const bh_recollection& told, const bh_pod& pod, bh_addr& address) {
    const auto index = static_cast<size_t>(told.local & ~BH_FLOW_IPV6);
    if (index >= BH_POD_ADDRESSES) return false;
    if (family_of(told) == BH_IPV6)
        address = pod.addr6[index];
    else
        address.word[0] = pod.addr4[index];
    return true;
}

/// As the program would have told of its first packet.
bh_event event_of(const bh_recollection& told, const Rememberer& whose, bool& has_own_address) {
    bh_event event{};
    const bool began_here = (told.who & BH_FLOW_LOCAL_FIRST) != 0;
    auto& own = began_here ? event.src : event.dst;
    auto& peer = began_here ? event.dst : event.src;
    has_own_address = find_own_address(told, whose.pod, own);
    peer = told.peer;
    event.family = family_of(told);
    event.protocol = told.protocol;
    event.direction = began_here ? BH_EGRESS : BH_INGRESS;
    event.slot = whose.slot;
    (began_here ? event.src_port : event.dst_port) = ntohs(told.local_port);
    (began_here ? event.dst_port : event.src_port) = ntohs(told.peer_port);
    if (!is_icmp(told)) return event;
    event.src_port = static_cast<uint16_t>((event.family == BH_IPV4 ? kEchoRequest4 : kEchoRequest6) << 8);
    event.dst_port = ntohs(told.local_port);
    return event;
}

/// What the rule says of its first packet now.
bh_reason reason_of(const bh_event& event, const Surroundings& here) {
    const auto src = Address::from(event.src, event.family);
    const auto row = here.desired.endpoints.find(src);
    const bool is_this_node =
        row != here.desired.endpoints.end() && (row->second.row.flags & BH_ENDPOINT_THIS_NODE) != 0;
    const bool is_echo = event.protocol == BH_ICMP || event.protocol == BH_ICMPV6;
    return compile::judge(here.desired, {.src = src,
                                         .dst = Address::from(event.dst, event.family),
                                         .protocol = event.protocol,
                                         .port = is_echo ? uint16_t{0} : event.dst_port,
                                         .local_host = is_this_node,
                                         .src_is_local = event.direction == BH_EGRESS,
                                         .now = state::Cluster::machine_time()});
}

flow::Progress progress_of(const bh_recollection& told) {
    constexpr uint8_t kBothFins = BH_FLOW_FIN_LOCAL | BH_FLOW_FIN_PEER;
    if (told.protocol == BH_TCP && (told.state & BH_FLOW_RESET) != 0) return flow::Progress::kReset;
    if (told.protocol == BH_TCP && (told.state & kBothFins) == kBothFins) return flow::Progress::kClosed;
    if (told.protocol == BH_TCP && (told.state & kBothFins) != 0) return flow::Progress::kClosing;
    return (told.state & BH_FLOW_ANSWERED) != 0 ? flow::Progress::kAnswered : flow::Progress::kUnanswered;
}

} // namespace

Recollected recollected(const bh_recollection& told, const Rememberer& whose, FlowNames& names,
                        const Surroundings& here, flow::Time now) {
    Recollected one{.seen = {}, .told = told, .peer_tenant = {}, .has_own_address = true};
    auto event = event_of(told, whose, one.has_own_address);
    const auto identity = [&](const bh_addr& address) {
        return compile::identity_of(here.desired, Address::from(address, event.family));
    };
    const bool began_here = event.direction == BH_EGRESS;
    event.src_identity = began_here ? whose.pod.identity : identity(event.src);
    event.dst_identity = began_here ? identity(event.dst) : whose.pod.identity;
    const auto seen = now - std::chrono::seconds(told.idle);
    event.time = event.first = static_cast<uint64_t>(seen.time_since_epoch().count());
    event.reason = BH_REASON_OPEN;
    if (one.has_own_address) event.reason = static_cast<uint8_t>(reason_of(event, here));
    event.verdict = static_cast<uint8_t>(bh_verdict_of(static_cast<bh_reason>(event.reason)));
    one.seen = names.named(event, here);
    const auto tenant = here.desired.tenants.find(told.who & BH_FLOW_TENANT_MASK);
    if (tenant != here.desired.tenants.end()) one.peer_tenant = tenant->second;
    return one;
}

flow::Conversation conversation_of(const Recollected& recollected, const std::string& node,
                                   const Beginnings& beginnings) {
    const auto& told = recollected.told;
    flow::Conversation conversation{.flow = record_of(recollected.seen, node),
                                    .is_judged = recollected.has_own_address,
                                    .progress = progress_of(told),
                                    .age = {},
                                    .idle = std::chrono::seconds(told.idle),
                                    .expires = std::chrono::seconds(told.left),
                                    .peer_tenant = recollected.peer_tenant};
    auto& flow = conversation.flow;
    auto& own = flow.direction == BH_EGRESS ? flow.source : flow.destination;
    if (!recollected.has_own_address) {
        own.address.family = 0;
    } else if (const auto began = beginnings.of(recollected.seen.event)) {
        const auto until_seen = std::chrono::floor<std::chrono::seconds>(flow.time - *began);
        conversation.age = conversation.idle + std::max(until_seen, std::chrono::seconds(0));
    }
    return conversation;
}

} // namespace bulkhead::observe
