// SPDX-License-Identifier: Apache-2.0
//
// The names that a flow record's values have in JSON and in filters, each written once: read and written from here.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/record.h"

namespace bulkhead::flow {

template <typename Value, size_t size>
using Names = std::array<std::pair<Value, const char*>, size>;

inline constexpr Names<bh_verdict, 3> kOutcomes{
    {{BH_VERDICT_ALLOW, "allowed"}, {BH_VERDICT_AUDIT, "audit"}, {BH_VERDICT_DENY, "denied"}}};

inline constexpr Names<bh_protocol, 5> kProtocols{
    {{BH_TCP, "TCP"}, {BH_UDP, "UDP"}, {BH_SCTP, "SCTP"}, {BH_ICMP, "ICMP"}, {BH_ICMPV6, "ICMPv6"}}};

inline constexpr Names<bool, 2> kLevels{{{true, "protected"}, {false, "non-protected"}}};

inline constexpr Names<Kind, 8> kKinds{{{Kind::kPod, "pod"},
                                        {Kind::kHost, "host"},
                                        {Kind::kService, "service"},
                                        {Kind::kResource, "resource"},
                                        {Kind::kClusterDns, "cluster-dns"},
                                        {Kind::kApiServer, "kube-apiserver"},
                                        {Kind::kWorld, "world"},
                                        {Kind::kUnknown, "unknown"}}};

/// All of bulkhead/reasons.h, in its order.
const std::vector<std::pair<bh_reason, const char*>>& reason_names();

const std::vector<std::pair<bh_direction, const char*>>& direction_names();

bool equals_in_any_case(std::string_view a, std::string_view b);

/// The value that has this name, in any case.
template <typename All>
auto value_of(const All& names, std::string_view name) -> std::optional<decltype(names.begin()->first)> {
    for (const auto& [value, own] : names)
        if (equals_in_any_case(name, own)) return value;
    return std::nullopt;
}

/// "denied", or "deny", as metrics and `explain` say.
std::optional<bh_verdict> verdict_named(std::string_view name);

template <typename All>
std::vector<std::string> list_of(const All& names) {
    std::vector<std::string> list;
    for (const auto& [value, name] : names)
        list.emplace_back(name);
    return list;
}

/// "a, b or c"
std::string one_of(const std::vector<std::string>& names);

/// The JSON field that has an end's name: "pod", "resource", else "name".
const char* name_field_of(Kind kind);

/// The bit of a flag's name, as written by tcp_flag_names().
std::optional<uint8_t> tcp_flag(std::string_view name);

inline bool has_ports(uint8_t protocol) {
    return protocol == BH_TCP || protocol == BH_UDP || protocol == BH_SCTP;
}

inline bool is_icmp(uint8_t protocol) {
    return protocol == BH_ICMP || protocol == BH_ICMPV6;
}

} // namespace bulkhead::flow
