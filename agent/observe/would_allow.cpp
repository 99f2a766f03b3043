// SPDX-License-Identifier: Apache-2.0
#include "observe/would_allow.h"

#include "advise/remedy.h"
#include "observe/flow_names.h"

namespace bulkhead::observe {

namespace {

/// What the programs would have told of it, so that both ends are named as in flows.
bh_event event_of(const Judged& judged) {
    const auto& packet = judged.packet;
    bh_event event{};
    event.src_identity = judged.src_identity;
    event.dst_identity = judged.dst_identity;
    event.src = packet.src.raw();
    event.dst = packet.dst.raw();
    event.dst_port = packet.port;
    event.family = packet.src.family;
    event.protocol = packet.protocol;
    event.reason = static_cast<uint8_t>(judged.reason);
    event.verdict = static_cast<uint8_t>(bh_verdict_of(judged.reason));
    const bool is_received = judged.dst.local != nullptr;
    event.direction = is_received ? BH_INGRESS : BH_EGRESS;
    if (const auto* pod = is_received ? judged.dst.local : judged.src.local) event.slot = pod->slot;
    return event;
}

/// An edge tells of a network, but it is this address that somebody asks for.
void narrow(flow::Party& party, const Address& address) {
    if (party.kind == flow::Kind::kWorld)
        party.name = Cidr{.address = address, .length = static_cast<uint8_t>(address.bits())}.text();
}

advise::Refused refused_of(const Judged& judged, const Surroundings& here) {
    const auto& packet = judged.packet;
    FlowNames names;
    const auto seen = names.named(event_of(judged), here);
    auto [edge, sighting] = edge_of(seen);
    narrow(edge.source, packet.src);
    narrow(edge.destination, packet.dst);
    return {.refusal = {.edge = std::move(edge),
                        .seen = std::move(sighting),
                        .source_labels = seen.source->labels,
                        .destination_labels = seen.destination->labels},
            .packet = {.src = packet.src,
                       .dst = packet.dst,
                       .protocol = packet.protocol,
                       .port = packet.port,
                       .local_host = judged.local_socket,
                       .src_is_local = true,
                       .now = state::Cluster::machine_time()},
            .source = judged.src_identity,
            .destination = judged.dst_identity,
            .destination_pod = judged.dst.is_pod ? judged.dst.name : state::PodKey()};
}

Json to_json(const advise::Proposal& proposal) {
    Json json{{"object", proposal.object}};
    if (!proposal.field.empty()) json["field"] = proposal.field;
    json["yaml"] = proposal.yaml;
    if (!proposal.note.empty()) json["note"] = proposal.note;
    return json;
}

} // namespace

Json would_allow(const Judged& judged, const Surroundings& here) {
    Json json = Json::array();
    if (bh_verdict_of(judged.reason) == BH_VERDICT_ALLOW && judged.reason != BH_REASON_ASLEEP) return json;
    for (const auto& need : advise::needs_of(refused_of(judged, here), here.desired, here.cluster)) {
        Json one = Json::object();
        if (need.line != 0) one["line"] = need.line;
        one["anyOf"] = Json::array();
        for (const auto& proposal : need.any_of)
            one["anyOf"].push_back(to_json(proposal));
        if (!need.instead.empty()) one["instead"] = need.instead;
        json.push_back(std::move(one));
    }
    return json;
}

} // namespace bulkhead::observe
