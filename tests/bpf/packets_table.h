// SPDX-License-Identifier: Apache-2.0
//
// Packets as tables: what it is, where it is met, what becomes of it. Each row that passes stands beside
// its near miss. A row's verdict follows from its reason; the table says only the reason. Rows of one
// table meet the same pods with the same memory, in their order.
//
// The same tables are read twice: bpf_tests asks the programs by test runs (rehearsed_packets.cpp), node_tables
// sends each packet through programs that are attached to devices (tests/node/attached_packets.cpp).
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bpf/small_cluster.h"

namespace bulkhead::test {

inline constexpr const char* kFromUplink = "uplink";
inline constexpr const char* kFromNode = "node";       // made by a socket of this node
inline constexpr const char* kFromNowhere = "nowhere"; // neither device nor socket: what IPv6's slow path leaves
inline constexpr const char* kUnknownVeth = "veth that no row of interfaces names";
inline constexpr uint32_t kUnknownIfindex = 999;

/// A hook, and how the packet got there.
struct Way {
    enum class Hook : uint8_t { kFromPod, kToPod, kUplink };
    Hook hook = Hook::kToPod;
    std::string veth; // the hook's; at the uplink nobody's
    std::string from; // a pod, or one of the above
    uint32_t mark = 0;
};

inline constexpr uint32_t kAnswerMark = 0x1000; // Kernel::Settings' default

inline Way sent_by(const std::string& pod) {
    return {.hook = Way::Hook::kFromPod, .veth = pod, .from = kFromNowhere};
}
inline Way to(const std::string& pod, const std::string& from = kFromUplink) {
    return {.hook = Way::Hook::kToPod, .veth = pod, .from = from};
}
inline Way off_node(const std::string& from) {
    return {.hook = Way::Hook::kUplink, .veth = kFromUplink, .from = from};
}
inline Way marked(Way way) {
    way.mark = kAnswerMark;
    return way;
}

struct Row {
    std::string description;
    Way way;
    Packet packet;
    std::optional<bh_reason> expected; // nothing = passes, for another hook to judge
};

inline constexpr std::optional<bh_reason> kLeft = std::nullopt;

inline uint32_t ifindex_of(const Wire& wire, const std::string& name) {
    if (name == kFromUplink) return kUplink;
    if (name == kFromNode || name == kFromNowhere) return 0;
    return name == kUnknownVeth ? kUnknownIfindex : wire.stage.ifindex(name);
}

/// What a hook made of a packet.
struct Met {
    std::optional<bh_reason> judged; // nothing = left to others
    bool passes = false;
    uint32_t mark = 0; // skb->mark of what passes
};

Met meet(const Wire& wire, const Way& way, const Bytes& packet);

inline bool is_marked(const Wire& wire, const Way& way, const Packet& packet) {
    return (meet(wire, way, packet.bytes()).mark & kAnswerMark) != 0;
}

inline std::string label_of(std::optional<bh_reason> reason) {
    static const char* const kLabels[] = {
#define X(name, label, verdict, text) label,
        BH_REASONS(X)
#undef X
    };
    return reason ? kLabels[*reason] : "left to others";
}

inline void check_row(const Wire& wire, const Row& row) {
    INFO(row.description);
    const Met found = meet(wire, row.way, row.packet.bytes());
    CHECK(label_of(found.judged) == label_of(row.expected));
    const bool falls = row.expected && bh_verdict_of(*row.expected) == BH_VERDICT_DENY;
    CHECK(found.passes == !falls);
}

inline void check_rows(const Wire& wire, const std::vector<Row>& rows) {
    for (const Row& row : rows)
        check_row(wire, row);
}

/// From the IP header on, with an Ethernet header before it.
inline Packet ip(const std::string& src, const std::string& dst) {
    return packet().eth().ip(src, dst);
}

} // namespace bulkhead::test
