// SPDX-License-Identifier: Apache-2.0
//
// Asks the agent on this node: HTTP over its Unix socket; or those of all nodes, see nodes.h. An error says whether
// nobody answered or the agent refused the question.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;
using Query = std::vector<std::pair<std::string, std::string>>;

/// Error::code of what the agent itself refused, and of an answer that ended before its end; everything else means that
/// no agent answered.
inline constexpr int kRefused = 1;
inline constexpr int kBroken = 2;

/// How the program ends with such an error.
int exit_of(const Error& error);

class Nodes;

/// Whose agent is asked.
struct Whom {
    std::string socket;
    std::shared_ptr<Nodes> nodes{}; // not null: those of all nodes
};

/// `path` with the query, escaped.
std::string target_of(const std::string& path, const Query& query);

/// `method` is GET, POST or DELETE; of all nodes only GET. `body` goes with a POST.
Result<Json> ask(const Whom& whom, const std::string& path, const Query& query, const char* method = "GET",
                 const std::string& body = {});

/// How an answer that comes bit by bit is taken. `wakes` are descriptors, of which any that is readable, or in error,
/// makes `enough` be asked at once; it is asked every second anyway.
struct Taker {
    std::function<void(std::string_view)> bytes;
    std::function<bool()> enough;
    std::vector<int> wakes;
};

/// GET, for as long as the agent has something to say. No error where `enough` ended it.
Result<> ask_stream(const Whom& whom, const std::string& path, const Query& query, const Taker& taker);

} // namespace bulkhead::ctl
