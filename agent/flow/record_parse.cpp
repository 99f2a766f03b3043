// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include "flow/fields.h"
#include "flow/record.h"

namespace bulkhead::flow {

namespace {

/// What a packet carried, so also IPv6's form of an IPv4 address, which nobody may write elsewhere.
std::optional<Address> parse_any_address(const std::string& text) {
    if (const auto address = Address::parse(text)) return *address;
    Address address{.bytes = {}, .family = BH_IPV6};
    const bool whole = text.find('\0') == std::string::npos;
    if (!whole || inet_pton(AF_INET6, text.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
}

void read_address(Fields& fields, Address& into) {
    std::string text;
    fields.read("address", text);
    if (fields.find("address") == nullptr) return;
    if (const auto address = parse_any_address(text))
        into = *address;
    else
        fields.complain(fields.place_of("address"), "\"" + text + "\" is not an IP address");
}

void read_labels(Fields& fields, std::map<std::string, std::string>& into) {
    const auto* labels = fields.find("labels");
    if (labels == nullptr) return;
    Fields inner(*labels, fields.place_of("labels"), fields.wrong());
    if (!labels->is_object()) return;
    for (const auto& [key, value] : labels->items())
        inner.read(key.c_str(), into[key]);
}

void read_end(Fields& fields, const char* name, End& into) {
    fields.require(name);
    if (fields.find(name) == nullptr) return;
    Fields end(*fields.find(name), fields.place_of(name), fields.wrong());
    read_address(end, into.address);
    end.read_number("port", into.port);
    end.read_name("kind", kKinds, into.kind);
    end.read("namespace", into.ns);
    end.read(name_field_of(into.kind), into.name);
    if (const auto* workload = end.find("workload")) {
        Fields inner(*workload, end.place_of("workload"), fields.wrong());
        inner.read("kind", into.workload.kind);
        inner.read("name", into.workload.name);
    }
    end.read("tenant", into.tenant);
    end.read_name("level", kLevels, into.is_protected);
    read_labels(end, into.labels);
}

void read_flags(Fields& fields, uint8_t& into) {
    const auto* flags = fields.find("tcpFlags");
    if (flags == nullptr) return;
    if (!flags->is_array()) return fields.complain("tcpFlags", "is not a list");
    for (const auto& flag : *flags) {
        const auto bit = flag.is_string() ? tcp_flag(flag.get<std::string>()) : std::nullopt;
        if (!bit) return fields.complain("tcpFlags", Fields::text_of(flag) + " is not one of SYN, ACK, FIN, RST, ...");
        into = static_cast<uint8_t>(into | *bit);
    }
}

void read_headers(Fields& fields, Record& record) {
    fields.read_protocol(record.protocol);
    read_flags(fields, record.tcp_flags);
    if (const auto* icmp = fields.find("icmp")) {
        Fields inner(*icmp, "icmp", fields.wrong());
        inner.read_number("type", record.icmp_type);
        inner.read_number("code", record.icmp_code);
    }
}

} // namespace

Result<Record> parse(const Json& json) {
    Record record;
    std::string wrong;
    Fields fields(json, "", wrong);
    for (const char* name : {"time", "direction", "verdict", "reason"})
        fields.require(name);
    fields.read_time("time", record.time);
    record.first = record.time;
    fields.read_time("first", record.first);
    if (record.first > record.time) fields.complain("first", "is after time");
    fields.read("node", record.node);
    fields.read_name("direction", direction_names(), record.direction);
    fields.read_name("verdict", kOutcomes, record.verdict);
    fields.read_name("reason", reason_names(), record.reason);
    uint8_t line = 0; // follows from the reason
    fields.read_number("line", line, 1, 9);
    read_end(fields, "source", record.source);
    read_end(fields, "destination", record.destination);
    read_headers(fields, record);
    fields.read("decidedBy", record.origin);
    fields.read_number("packets", record.packets);
    fields.read_number("bytes", record.bytes);
    if (!wrong.empty()) return fail(wrong);
    return record;
}

} // namespace bulkhead::flow
