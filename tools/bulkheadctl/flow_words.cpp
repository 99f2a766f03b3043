// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flow_words.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/reasons.h"

namespace bulkhead::ctl {

namespace {

struct IcmpName {
    uint8_t type;
    const char* name;
};

// IANA's registries of ICMP and ICMPv6 types; the rest is told by its number.
constexpr std::array kIcmp{IcmpName{0, "echo-reply"},     IcmpName{3, "unreachable"},
                           IcmpName{5, "redirect"},       IcmpName{8, "echo-request"},
                           IcmpName{11, "time-exceeded"}, IcmpName{12, "parameter-problem"},
                           IcmpName{13, "timestamp"},     IcmpName{14, "timestamp-reply"}};
constexpr std::array kIcmpV6{IcmpName{1, "unreachable"},
                             IcmpName{2, "packet-too-big"},
                             IcmpName{3, "time-exceeded"},
                             IcmpName{4, "parameter-problem"},
                             IcmpName{128, "echo-request"},
                             IcmpName{129, "echo-reply"},
                             IcmpName{133, "router-solicitation"},
                             IcmpName{134, "router-advertisement"},
                             IcmpName{135, "neighbor-solicitation"},
                             IcmpName{136, "neighbor-advertisement"},
                             IcmpName{137, "redirect"}};

template <size_t size>
std::string icmp_text(const std::array<IcmpName, size>& names, const flow::Record& record) {
    const auto found = std::ranges::find(names, record.icmp_type, &IcmpName::type);
    std::string text = found == names.end() ? "type " + std::to_string(record.icmp_type) : found->name;
    const bool tells_more = record.icmp_code != 0;
    return tells_more ? text + " code " + std::to_string(record.icmp_code) : text;
}

std::string name_of(const flow::End& end) {
    return end.ns.empty() ? end.name : end.ns + "/" + end.name;
}

std::string flags_text(uint8_t flags) {
    std::string text;
    for (const auto& flag : flow::tcp_flag_names(flags))
        text += (text.empty() ? "" : ",") + flag;
    return text;
}

} // namespace

std::string end_text(const flow::End& end, bool names) {
    const bool by_name = (names || !end.has_address()) && !end.name.empty();
    if (!by_name && !end.has_address()) return flow::label_of(end.kind);
    std::string text = by_name ? name_of(end) : end.address.text();
    if (end.port == 0) return text;
    if (!by_name && end.address.family == BH_IPV6) text = "[" + text + "]";
    return text + ":" + std::to_string(end.port);
}

std::string side_text(const flow::End& end) {
    const bool tells_level = end.is_protected || !end.tenant.empty() || end.kind == flow::Kind::kPod;
    const std::string who = end.tenant.empty() ? flow::label_of(end.kind) : end.tenant;
    return tells_level ? flow::level_of(end) + (" " + who) : who;
}

std::string packet_text(const flow::Record& record) {
    if (!record.source.has_address() && !record.destination.has_address()) return {};
    const auto protocol = flow::protocol_text(record.protocol);
    if (record.protocol == BH_TCP && record.tcp_flags != 0) return protocol + " " + flags_text(record.tcp_flags);
    if (record.protocol == BH_ICMP) return protocol + " " + icmp_text(kIcmp, record);
    if (record.protocol == BH_ICMPV6) return protocol + " " + icmp_text(kIcmpV6, record);
    const bool is_number = std::isdigit(static_cast<unsigned char>(protocol.front())) != 0;
    return is_number ? "protocol " + protocol : protocol;
}

std::string cause_text(const flow::Record& record) {
    const std::string reason = label_of(record.reason);
    return record.origin.empty() ? reason : reason + " by " + record.origin;
}

std::string remark_text(const flow::Record& record) {
    const auto count = count_text(record);
    return "(" + side_text(record.source) + " -> " + side_text(record.destination) + ")" +
           (count.empty() ? "" : " " + count);
}

std::string verdict_text(bh_verdict verdict) {
    std::string text = flow::outcome_of(verdict);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string count_text(const flow::Record& record) {
    if (record.packets <= 1) return {};
    const auto count = "x" + std::to_string(record.packets);
    if (record.first == record.time) return count;
    const auto tenths = std::chrono::floor<std::chrono::milliseconds>(record.time - record.first).count() / 100;
    return count + " in " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

} // namespace bulkhead::ctl
