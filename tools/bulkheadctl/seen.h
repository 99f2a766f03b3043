// SPDX-License-Identifier: Apache-2.0
//
// What was seen, read back from what `bulkheadctl edges -o json` or `bulkheadctl flows -o json` wrote, of any number of
// nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "advise/advice.h"
#include "flow/stream.h"

namespace bulkhead::ctl {

/// What one node saw: edges of every verdict, and the labels of their pods.
struct Seen {
    std::string node; // empty = nobody says
    std::vector<advise::Refusal> edges;
};

/// An edge as the agent writes it. An error says which field is wrong.
Result<advise::Refusal> edge_in(const nlohmann::ordered_json& json);

/// Of the agent's answer to /v1/edges. An error names the edge that can't be read.
Result<Seen> seen_in(const nlohmann::ordered_json& edges);

/// Of each node.
std::vector<Seen> seen_of(const std::vector<flow::Record>& records);

/// What files told: a file of flows may tell of several nodes, and of what it lacks.
struct Told {
    std::vector<Seen> nodes{};
    std::vector<std::string> notices{}; // for people
    uint64_t lost = 0;                  // flows, or refused packets, that are missing
    std::vector<std::string> broken{};  // streams that ended early, and why
};

/// Of files, "-" for stdin. An error names the file, and the line of flows.
Result<Told> read_seen(const std::vector<std::string>& paths);

} // namespace bulkhead::ctl
