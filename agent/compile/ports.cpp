// SPDX-License-Identifier: Apache-2.0
#include "compile/ports.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace bulkhead::compile {

namespace {

constexpr PortRange kEverything{};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

std::optional<uint8_t> parse_protocol(std::string_view text) {
    if (text == "TCP") return BH_TCP;
    if (text == "UDP") return BH_UDP;
    if (text == "SCTP") return BH_SCTP;
    return std::nullopt;
}

/// PORT[-END][/PROTO]
std::optional<PortRange> parse_range(std::string_view word) {
    PortRange range{.protocol = BH_TCP};
    if (const auto slash = word.find('/'); slash != std::string_view::npos) {
        const auto protocol = parse_protocol(word.substr(slash + 1));
        if (!protocol) return std::nullopt;
        range.protocol = *protocol;
        word = word.substr(0, slash);
    }
    const auto dash = word.find('-');
    const auto first = parse_port(word.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(word.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    range.first = *first;
    range.last = *last;
    return range;
}

/// Every container port of that name; `protocol` narrows unless it is any.
bool append_named(std::string_view name, uint8_t protocol, const ContainerPorts& container_ports, PortRanges& ranges) {
    bool found = false;
    for (const auto& port : container_ports) {
        if (port.name != name || (protocol != BH_ANY_PROTOCOL && protocol != port.protocol)) continue;
        ranges.push_back({port.protocol, port.port, port.port});
        found = true;
    }
    return found;
}

const char* protocol_name(uint8_t protocol) {
    switch (protocol) {
    case BH_TCP:
        return "TCP";
    case BH_UDP:
        return "UDP";
    case BH_SCTP:
        return "SCTP";
    case BH_ICMP:
        return "ICMP";
    default:
        return "any";
    }
}

} // namespace

PortRanges merged(PortRanges ranges) {
    if (std::find(ranges.begin(), ranges.end(), kEverything) != ranges.end()) return {kEverything};
    std::sort(ranges.begin(), ranges.end());
    PortRanges out;
    for (const auto& range : ranges) {
        if (!out.empty() && out.back().protocol == range.protocol && range.first <= out.back().last + 1)
            out.back().last = std::max(out.back().last, range.last);
        else
            out.push_back(range);
    }
    return out;
}

bool has_names(const state::Ports& ports) {
    return std::any_of(ports.begin(), ports.end(), [](const auto& port) { return !port.name.empty(); });
}

PortRanges resolved(const state::Ports& ports, const ContainerPorts& container_ports) {
    if (ports.empty()) return {kEverything};
    PortRanges ranges;
    for (const auto& port : ports) {
        if (port.name.empty())
            ranges.push_back({port.protocol, port.first, port.last});
        else
            append_named(port.name, port.protocol, container_ports, ranges);
    }
    return merged(std::move(ranges));
}

PortRanges complement(const state::Ports& ports) {
    if (ports.empty() || has_names(ports)) return {};
    PortRanges out;
    for (const uint8_t protocol : {BH_TCP, BH_UDP, BH_SCTP}) {
        PortRanges listed;
        for (const auto& port : ports)
            if (port.protocol == protocol || port.protocol == BH_ANY_PROTOCOL)
                listed.push_back({protocol, port.first, port.last});
        int next = 0;
        for (const auto& range : merged(std::move(listed))) {
            if (next < range.first)
                out.push_back({protocol, static_cast<uint16_t>(next), static_cast<uint16_t>(range.first - 1)});
            next = range.last + 1;
        }
        if (next <= 65535) out.push_back({protocol, static_cast<uint16_t>(next), 65535});
    }
    return merged(std::move(out));
}

ExposeAnnotation parse_expose(std::string_view text, const ContainerPorts& container_ports) {
    ExposeAnnotation out;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const auto word = trimmed(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
        if (word.empty()) continue;
        if (const auto range = parse_range(word))
            out.ranges.push_back(*range);
        else if (!append_named(word, BH_ANY_PROTOCOL, container_ports, out.ranges))
            out.bad.emplace_back(word);
    }
    out.ranges = merged(std::move(out.ranges));
    return out;
}

std::string text_of(const PortRanges& ranges) {
    std::string out;
    for (const auto& range : ranges) {
        if (!out.empty()) out += ", ";
        out += protocol_name(range.protocol);
        out += " " + std::to_string(range.first);
        if (range.last != range.first) out += "-" + std::to_string(range.last);
    }
    return out;
}

} // namespace bulkhead::compile
