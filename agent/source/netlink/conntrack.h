// SPDX-License-Identifier: Apache-2.0
//
// The conversations that the kernel's connection tracking knows of in the caller's network namespace, by ctnetlink:
// who spoke first in each, and how NAT changed it on the way. Read once, entry by entry; nothing is kept.
//
// Where there is no connection tracking, there are none. Nothing is loaded into the kernel for asking.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

#include "base/address.h"
#include "base/result.h"

struct nlmsghdr;

namespace bulkhead::netlink {

/// One direction of a conversation. Ports in network order; of an ICMP echo both are its identifier; of protocols
/// without ports 0.
struct Direction {
    Address src;
    Address dst;
    uint16_t src_port = 0;
    uint16_t dst_port = 0;
    bool operator==(const Direction&) const = default;
};

struct Tracked {
    uint8_t protocol = 0;
    Direction original; // as who spoke first sends, before NAT
    Direction reply;    // as who was spoken to answers, before that is undone
    bool answered = false;
    bool finished = false; // TCP: both sides closed it
    bool reset = false;    // TCP
};

/// Nothing for what doesn't tell who spoke first: messages of other kinds, ICMP but echo requests, and TCP connections
/// that the kernel found under way and took the first sender for the one who began.
std::optional<Tracked> decode_tracked(const nlmsghdr* message);

struct TrackedRead {
    size_t entries = 0;
    bool complete = true; // false: there were more, but no more time
};

/// Does it know of any conversation at all?
bool tracks_connections();

/// Calls `visit` for each. Nothing (empty) where the node has no connection tracking, or doesn't tell of it.
Result<std::optional<TrackedRead>> read_conntrack(const std::function<void(const Tracked&)>& visit,
                                                  std::chrono::steady_clock::time_point deadline);

} // namespace bulkhead::netlink
