// SPDX-License-Identifier: Apache-2.0
//
// `ports`: numbers, ranges, names and protocols.
#include <algorithm>

#include "source/parts.h"

namespace bulkhead::source {

namespace {

constexpr int64_t kLastPort = 65535;

std::optional<uint8_t> read_protocol(const Field& field) {
    const auto text = field.string();
    if (text == "TCP") return BH_TCP;
    if (text == "UDP") return BH_UDP;
    if (text == "SCTP") return BH_SCTP;
    if (text == "ICMP") return BH_ICMP;
    if (text) field.complain("\"" + *text + "\" is none of TCP, UDP, SCTP, ICMP");
    return std::nullopt;
}

std::string read_port_name(const Field& field, PortNames names) {
    const auto text = field.string().value_or("");
    if (!is_port_name(text)) {
        field.complain("\"" + text + "\" is not a port's name (a number stands without quotes)");
    } else if (names == PortNames::kForbidden) {
        field.complain("\"" + text + "\" is a name: those are for pods, here it must be a number");
    }
    return text;
}

/// A protocol without a port is all of that protocol.
void read_whole_protocol(const Field& entry, state::PortSpec& spec) {
    const auto protocol = entry["protocol"];
    if (!protocol.present()) entry.complain("names neither a port nor a protocol");
    if (entry["endPort"].present()) entry["endPort"].complain("goes with port only");
    spec.first = 0;
    spec.last = static_cast<uint16_t>(kLastPort);
}

void read_range(const Field& entry, state::PortSpec& spec) {
    const auto end_port = entry["endPort"];
    const auto first = read_port_number(entry["port"]);
    if (!first) return;
    spec.first = *first;
    spec.last = read_port_number(end_port).value_or(*first);
    if (spec.last < spec.first)
        end_port.complain(std::to_string(spec.last) + " is less than port " + std::to_string(spec.first));
}

state::PortSpec read_port(const Field& entry, PortNames names) {
    entry.only({"port", "endPort", "protocol"});
    const auto port = entry["port"];
    const auto end_port = entry["endPort"];
    const auto protocol = read_protocol(entry["protocol"]);
    state::PortSpec spec;
    spec.protocol = protocol.value_or(BH_TCP);
    if (!port.present()) {
        read_whole_protocol(entry, spec);
    } else if (protocol == BH_ICMP) {
        port.complain("ICMP has no ports");
    } else if (port.value().string() != nullptr) {
        spec.name = read_port_name(port, names);
        spec.protocol = protocol.value_or(BH_ANY_PROTOCOL);
        if (end_port.present()) end_port.complain("goes with a number, not with a name");
    } else {
        read_range(entry, spec);
    }
    return spec;
}

} // namespace

std::optional<uint16_t> read_port_number(const Field& field) {
    const auto number = field.integer();
    if (!number) return std::nullopt;
    if (*number >= 1 && *number <= kLastPort) return static_cast<uint16_t>(*number);
    field.complain(std::to_string(*number) + " is not a port (1-65535)");
    return std::nullopt;
}

std::optional<state::ContainerPort> read_container_port(const Field& entry, std::string_view number_key) {
    const auto number = read_port_number(entry[number_key]);
    if (!number) return std::nullopt;
    return state::ContainerPort{
        .name = entry["name"].string().value_or(""), .protocol = read_transport(entry["protocol"]), .port = *number};
}

bool is_port_name(std::string_view text) {
    constexpr size_t kLongest = 15;
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.empty() || text.size() > kLongest || text.front() == '-' || text.back() == '-') return false;
    if (text.find("--") != std::string_view::npos) return false;
    if (std::none_of(text.begin(), text.end(), is_letter)) return false;
    return std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

state::Ports read_ports(const Field& field, PortNames names) {
    state::Ports ports;
    field.each([&](const Field& entry) {
        if (entry.is_object()) ports.push_back(read_port(entry, names));
    });
    return ports;
}

uint8_t read_transport(const Field& field) {
    const auto protocol = read_protocol(field);
    if (protocol == BH_ICMP) field.complain("ICMP has no ports");
    return protocol.value_or(BH_TCP);
}

} // namespace bulkhead::source
