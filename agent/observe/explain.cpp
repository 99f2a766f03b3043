// SPDX-License-Identifier: Apache-2.0
#include "observe/explain.h"

#include <algorithm>
#include <cctype>

#include "bulkhead/reasons.h"
#include "observe/packet.h"
#include "observe/reasons.h"

namespace bulkhead::observe {

namespace {

using datapath::Circumstances;
using datapath::Hook;
using datapath::Rehearsal;

/// Where such a packet is judged on this node.
struct Judge {
    Hook hook = Hook::kToPod;
    Circumstances circumstances;
};

Result<uint8_t> protocol_of(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (text == "TCP") return static_cast<uint8_t>(BH_TCP);
    if (text == "UDP") return static_cast<uint8_t>(BH_UDP);
    if (text == "SCTP") return static_cast<uint8_t>(BH_SCTP);
    if (text == "ICMP") return static_cast<uint8_t>(BH_ICMP);
    return fail("protocol \"" + text + "\" is none of TCP, UDP, SCTP, ICMP");
}

const Address* address_of(const Party& party, uint8_t family) {
    const auto found = std::find_if(party.addresses.begin(), party.addresses.end(),
                                    [&](const Address& address) { return address.family == family; });
    return found == party.addresses.end() ? nullptr : &*found;
}

Result<FirstPacket> packet_for(const Question& question, const Party& src, const Party& dst) {
    const auto protocol = protocol_of(question.protocol);
    if (!protocol) return tl::unexpected(protocol.error());
    if (*protocol != BH_ICMP && !question.port) return fail("a port is needed: DST:PORT[/PROTOCOL], or DST:icmp");
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        if (question.family != 0 && question.family != family) continue;
        const auto* from = address_of(src, family);
        const auto* to = address_of(dst, family);
        if (from != nullptr && to != nullptr)
            return FirstPacket{.src = *from, .dst = *to, .protocol = *protocol, .port = question.port.value_or(0)};
    }
    const std::string family = question.family == 0         ? "of one family"
                               : question.family == BH_IPV4 ? "in IPv4"
                                                            : "in IPv6";
    return fail(src.name + " and " + dst.name + " have no addresses " + family);
}

std::optional<Judge> judge_here(const Party& src, const Party& dst, const Stage& stage) {
    const uint32_t uplink = stage.uplinks.empty() ? 0 : *stage.uplinks.begin();
    const uint32_t src_veth = src.local != nullptr ? src.local->ifindexes.front() : 0;
    if (dst.local != nullptr) {
        const uint32_t from = src.local != nullptr ? src_veth : src.this_node ? 0 : uplink;
        return Judge{Hook::kToPod, {dst.local->ifindexes.front(), from, src.this_node}};
    }
    if (src.local == nullptr) return std::nullopt;
    if (dst.this_node) return Judge{Hook::kFromPod, {src_veth, src_veth, false}};
    if (uplink == 0) return std::nullopt;
    return Judge{Hook::kUplink, {uplink, src_veth, false}};
}

/// The node whose hook judges what none here does; empty = nobody's.
std::string judging_node(const Party& src, const Party& dst) {
    if (dst.is_pod) return dst.pod_node.empty() ? "unknown" : dst.pod_node;
    return src.is_pod ? src.pod_node : std::string();
}

Json describe_party(const Party& party, const Address& address, compile::IdentityId identity,
                    const compile::Desired& desired) {
    Json json{{"name", party.name}, {"address", address.text()}};
    json.update(describe(identity, desired));
    json.update(sources_of(party, identity, desired));
    return json;
}

void add_verdict(Json& json, const Rehearsal& rehearsal, const Judge& judge, const Surroundings& here,
                 const Stage& stage) {
    json["verdict"] = label_of(rehearsal.verdict);
    json["reason"] = label_of(rehearsal.reason);
    if (const int line = line_of(rehearsal.reason)) json["line"] = line;
    json["text"] = text_of(rehearsal.reason);
    const auto origin = here.desired.origins.find(rehearsal.origin);
    if (origin != here.desired.origins.end()) json["origin"] = origin->second;
    json["judge"] = {{"node", here.node_name},
                     {"hook", datapath::name_of(judge.hook)},
                     {"interface", stage.interface_name(judge.circumstances.ifindex)}};
}

/// No hook of this node has the say: another node's has, or nobody's.
void add_no_verdict(Json& json, const Party& src, const Party& dst) {
    const auto node = judging_node(src, dst);
    if (node.empty()) {
        json["verdict"] = label_of(BH_VERDICT_ALLOW);
        json["judge"] = nullptr;
        json["notes"].push_back(src.local != nullptr && dst.this_node
                                    ? "a node is open to whoever isn't confined"
                                    : "Bulkhead judges what guarded pods send and receive, nobody else");
        return;
    }
    json["verdict"] = "judged elsewhere";
    json["judge"] = {{"node", node}};
    json["notes"].push_back("node " + node + " judges this: ask bulkheadctl there");
}

/// What goes to a Service is judged where it leaves, once a node has translated it.
void add_verdict_of_service(Json& json, const Party& dst) {
    json["verdict"] = "depends on the endpoint";
    json["judge"] = nullptr;
    json["notes"].push_back(dst.name +
                            " stands for its endpoints, and each is judged by itself: ask about one of them");
}

} // namespace

Result<Json> explain(const Question& question, const Surroundings& here, const Stage& stage) {
    const auto src = find_party(question.src, here);
    if (!src) return tl::unexpected(src.error());
    const auto dst = find_party(question.dst, here);
    if (!dst) return tl::unexpected(dst.error());
    const auto packet = packet_for(question, *src, *dst);
    if (!packet) return tl::unexpected(packet.error());

    auto src_identity = identity_of(*src, packet->src, here.desired);
    auto dst_identity = identity_of(*dst, packet->dst, here.desired);
    const auto judge = judge_here(*src, *dst, stage);
    std::optional<Rehearsal> rehearsal;
    if (judge) {
        auto result = stage.rehearse(judge->hook, build(*packet), judge->circumstances);
        if (!result) return within("rehearse the packet", result.error());
        if (result->judged) rehearsal = *result;
    }
    if (rehearsal) { // the kernel's word counts, also where it differs from ours
        src_identity = rehearsal->src_identity;
        dst_identity = rehearsal->dst_identity;
    }
    Json json{{"src", describe_party(*src, packet->src, src_identity, here.desired)},
              {"dst", describe_party(*dst, packet->dst, dst_identity, here.desired)},
              {"protocol", label_of_protocol(packet->protocol)}};
    if (packet->protocol != BH_ICMP) json["port"] = packet->port;
    json["notes"] = Json::array();
    if (dst_identity == BH_IDENTITY_SERVICE)
        add_verdict_of_service(json, *dst);
    else if (rehearsal)
        add_verdict(json, *rehearsal, *judge, here, stage);
    else
        add_no_verdict(json, *src, *dst);
    if (!stage.armed) json["notes"].push_back("nothing is protected in enforce mode: nothing is dropped");
    return json;
}

} // namespace bulkhead::observe
