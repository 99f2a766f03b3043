// SPDX-License-Identifier: Apache-2.0
#include "flow/record.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/reasons.h"
#include "flow/names.h"
#include "flow/time.h"

namespace bulkhead::flow {

namespace {

constexpr std::array<const char*, 8> kTcpFlags{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};

void add_text(Json& json, const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
}

Json to_json(const End& end) {
    Json json = Json::object();
    if (end.has_address()) json["address"] = end.address.text();
    if (end.port != 0) json["port"] = end.port;
    json["kind"] = label_of(end.kind);
    add_text(json, "namespace", end.ns);
    add_text(json, name_field_of(end.kind), end.name);
    if (!end.workload.name.empty()) json["workload"] = {{"kind", end.workload.kind}, {"name", end.workload.name}};
    add_text(json, "tenant", end.tenant);
    json["level"] = level_of(end);
    if (!end.labels.empty()) json["labels"] = end.labels;
    return json;
}

void add_headers(Json& json, const Record& record) {
    if (!record.source.has_address() && !record.destination.has_address()) return;
    json["protocol"] = protocol_text(record.protocol);
    if (record.protocol == BH_TCP) json["tcpFlags"] = tcp_flag_names(record.tcp_flags);
    if (is_icmp(record.protocol)) json["icmp"] = {{"type", record.icmp_type}, {"code", record.icmp_code}};
}

} // namespace

std::string protocol_text(uint8_t protocol) {
    for (const auto& [number, name] : kProtocols)
        if (number == protocol) return name;
    return std::to_string(protocol);
}

Result<uint8_t> parse_protocol(std::string_view text) {
    for (const auto& [number, name] : kProtocols)
        if (equals_in_any_case(text, name)) return static_cast<uint8_t>(number);
    uint8_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
    return fail("\"" + std::string(text) + "\" is no protocol: TCP, UDP, SCTP, ICMP, ICMPv6 or a number up to 255");
}

std::vector<std::string> tcp_flag_names(uint8_t flags) {
    std::vector<std::string> names;
    for (size_t bit = 0; bit < kTcpFlags.size(); ++bit)
        if ((flags >> bit) & 1) names.emplace_back(kTcpFlags[bit]);
    return names;
}

std::optional<uint8_t> tcp_flag(std::string_view name) {
    const auto found = std::find(kTcpFlags.begin(), kTcpFlags.end(), name);
    if (found == kTcpFlags.end()) return std::nullopt;
    return static_cast<uint8_t>(1 << (found - kTcpFlags.begin()));
}

Json to_json(const Record& record) {
    Json json{{"time", rfc3339_nano(record.time)}, {"first", rfc3339_nano(record.first)}};
    add_text(json, "node", record.node);
    json["direction"] = bulkhead::label_of(record.direction);
    json["verdict"] = outcome_of(record.verdict);
    json["reason"] = bulkhead::label_of(record.reason);
    if (const int line = bulkhead::line_of(record.reason)) json["line"] = line;
    json["source"] = to_json(record.source);
    json["destination"] = to_json(record.destination);
    add_headers(json, record);
    add_text(json, "decidedBy", record.origin);
    json["packets"] = record.packets;
    json["bytes"] = record.bytes;
    return json;
}

} // namespace bulkhead::flow
