// SPDX-License-Identifier: Apache-2.0
//
// Break glass: for a while, what a tenant's level or confinement would refuse passes and is reported. On this node by
// its agent, or everywhere by an Override object, which this only prints: who applies it is the API server's to judge.
#pragma once

#include <chrono>
#include <string>

#include "bulkheadctl/client.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

struct OverrideOrder {
    std::string tenant; // empty = everybody
    std::chrono::seconds length{};
    std::string reason;
};

/// "90s", "30m", "1h", "2d": a whole number, above 0, and a unit.
Result<std::chrono::seconds> parse_length(const std::string& text);

/// As the agent's API takes it.
Query query_of(const OverrideOrder& order);

/// For kubectl apply; ends `order.length` after `now`.
std::string manifest_of(const OverrideOrder& order, std::chrono::sys_seconds now);

/// What the agent says of an override that has begun or ended.
std::string override_text(const Json& answer, Width width);

} // namespace bulkhead::ctl
