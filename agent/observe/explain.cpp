// SPDX-License-Identifier: Apache-2.0
#include "observe/explain.h"

#include <algorithm>
#include <cctype>

#include "base/reasons.h"
#include "bulkhead/reasons.h"
#include "compile/gather.h"
#include "observe/packet.h"
#include "observe/would_allow.h"

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

std::string protocol_in(const Question& question) {
    if (!question.protocol.empty()) return question.protocol;
    return question.port ? "TCP" : "ICMP";
}

Result<FirstPacket> packet_for(const Question& question, const Party& src, const Party& dst) {
    const auto protocol = protocol_of(protocol_in(question));
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

/// The hooks of this node that such a packet passes, in its order.
std::vector<Judge> hooks_on_its_way(const Party& src, const Party& dst, const Stage& stage) {
    const uint32_t uplink = stage.uplinks.empty() ? 0 : *stage.uplinks.begin();
    const uint32_t src_veth = src.local != nullptr ? src.local->ifindexes.front() : 0;
    std::vector<Judge> hooks;
    if (src.local != nullptr) hooks.push_back({Hook::kFromPod, {src_veth, src_veth, false}});
    if (dst.local != nullptr) {
        const uint32_t from = src.local != nullptr ? src_veth : src.this_node ? 0 : uplink;
        hooks.push_back({Hook::kToPod, {dst.local->ifindexes.front(), from, src.this_node}});
    } else if (src.local != nullptr && !dst.this_node && uplink != 0) {
        hooks.push_back({Hook::kUplink, {uplink, src_veth, false}});
    }
    return hooks;
}

struct Judgement {
    Judge judge;
    Rehearsal rehearsal;
};

/// The first hook that judges has the say; nothing if all of them leave it to others.
Result<std::optional<Judgement>> judge_here(const std::vector<Judge>& hooks, const FirstPacket& packet,
                                            const Stage& stage) {
    const auto bytes = build(packet);
    for (const auto& judge : hooks) {
        const auto rehearsal = stage.rehearse(judge.hook, bytes, judge.circumstances);
        if (!rehearsal) return within("rehearse the packet", rehearsal.error());
        if (rehearsal->judged) return Judgement{judge, *rehearsal};
    }
    return std::nullopt;
}

std::string node_of(const Party& pod) {
    return pod.pod_node.empty() ? "unknown" : pod.pod_node;
}

/// The node whose hook judges what none here does; empty = nobody's.
std::string judging_node(const Party& src, const Party& dst) {
    if (dst.is_pod) return node_of(dst);
    return src.is_pod && src.local == nullptr ? node_of(src) : std::string();
}

/// Line 2 as a node judges it where a confined pod lives, before the packet goes to whoever judges the rest.
struct Line2 {
    std::string node;
    bool refuses = false; // by what this node knows
};

/// Nothing if this node judges line 2 too, or nobody has to.
std::optional<Line2> line2_elsewhere(const Party& src, const Party& dst, compile::IdentityId src_identity,
                                     const FirstPacket& packet, const compile::Desired& desired) {
    const auto row = desired.identities.find(src_identity);
    if (!src.is_pod || src.local != nullptr || row == desired.identities.end()) return std::nullopt;
    if ((row->second.flags & BH_CONFINED) == 0) return std::nullopt;
    const bool one_judge = dst.local == nullptr && judging_node(src, dst) == node_of(src);
    if (one_judge) return std::nullopt;
    const auto reason = compile::judge(
        desired, {.src = packet.src, .dst = packet.dst, .protocol = packet.protocol, .port = packet.port});
    return Line2{node_of(src), reason == BH_REASON_CONFINED};
}

Json describe_party(const Party& party, const Address& address, compile::IdentityId identity,
                    const compile::Desired& desired) {
    Json json{{"name", party.name}, {"address", address.text()}};
    json.update(describe(identity, desired));
    json.update(sources_of(party, identity, desired));
    return json;
}

void add_verdict(Json& json, const Judgement& judgement, const Surroundings& here, const Stage& stage) {
    const auto& [judge, rehearsal] = judgement;
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

/// `asked` without what the kernel says of it.
void add_needs(Json& json, const Judgement& judgement, Judged asked, const Surroundings& here) {
    asked.src_identity = judgement.rehearsal.src_identity;
    asked.dst_identity = judgement.rehearsal.dst_identity;
    asked.reason = judgement.rehearsal.reason;
    asked.local_socket = judgement.judge.circumstances.local_socket;
    if (auto needs = would_allow(asked, here); !needs.empty()) json["wouldAllow"] = std::move(needs);
}

void add_elsewhere(Json& json, const std::string& node) {
    json["verdict"] = "judged elsewhere";
    json["judge"] = {{"node", node}};
}

/// No hook of this node has the say: another node's has, or nobody's.
void add_no_verdict(Json& json, const Party& src, const Party& dst) {
    const auto node = judging_node(src, dst);
    if (!node.empty()) {
        add_elsewhere(json, node);
        json["notes"].push_back("node " + node + " judges this: ask bulkheadctl there");
        return;
    }
    json["verdict"] = label_of(BH_VERDICT_ALLOW);
    json["judge"] = nullptr;
    json["notes"].push_back(src.local != nullptr && dst.this_node
                                ? "a node is open to whoever isn't confined"
                                : "Bulkhead judges what guarded pods send and receive, nobody else");
}

/// Whatever this node lets pass, the source's node may have dropped.
void add_line2(Json& json, const Line2& line2, const std::optional<Judgement>& here) {
    json["judgedBefore"] = {{"node", line2.node}, {"line", 2}};
    const auto who = "node " + line2.node + " judges line 2 before it leaves";
    const bool passes = here && here->rehearsal.verdict != BH_VERDICT_DENY;
    if (!line2.refuses || !passes) return json["notes"].push_back(who + ": ask bulkheadctl there too");
    for (const char* said_here : {"reason", "line", "text", "origin"})
        json.erase(said_here);
    add_elsewhere(json, line2.node);
    json["notes"].push_back(who + ", and by what is known here refuses it: ask bulkheadctl there");
    json["notes"].push_back(std::string("here it would pass: ") + text_of(here->rehearsal.reason));
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
    const auto judgement = judge_here(hooks_on_its_way(*src, *dst, stage), *packet, stage);
    if (!judgement) return tl::unexpected(judgement.error());
    if (*judgement) { // the kernel's word counts, also where it differs from ours
        src_identity = (*judgement)->rehearsal.src_identity;
        dst_identity = (*judgement)->rehearsal.dst_identity;
    }
    Json json{{"src", describe_party(*src, packet->src, src_identity, here.desired)},
              {"dst", describe_party(*dst, packet->dst, dst_identity, here.desired)},
              {"protocol", label_of_protocol(packet->protocol)}};
    if (packet->protocol != BH_ICMP) json["port"] = packet->port;
    json["notes"] = Json::array();
    if (question.protocol.empty() && !question.port)
        json["notes"].push_back("no port is given: this is about an ICMP echo");
    if (dst_identity == BH_IDENTITY_SERVICE)
        add_verdict_of_service(json, *dst);
    else if (*judgement)
        add_verdict(json, **judgement, here, stage);
    else
        add_no_verdict(json, *src, *dst);
    if (*judgement && dst_identity != BH_IDENTITY_SERVICE)
        add_needs(json, **judgement, {.src = *src, .dst = *dst, .packet = *packet}, here);
    const auto line2 = line2_elsewhere(*src, *dst, src_identity, *packet, here.desired);
    if (line2 && dst_identity != BH_IDENTITY_SERVICE) add_line2(json, *line2, *judgement);
    if (!stage.armed) json["notes"].push_back("nothing is protected in enforce mode: nothing is dropped");
    return json;
}

} // namespace bulkhead::observe
