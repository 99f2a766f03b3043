// SPDX-License-Identifier: Apache-2.0
//
// Asks the agent on this node: HTTP over its Unix socket. An error says whether nobody answered or the
// agent refused the question.
#pragma once

#include <functional>
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

/// `method` is GET, POST or DELETE; `body` goes with a POST.
Result<Json> ask(const std::string& socket, const std::string& path, const Query& query, const char* method = "GET",
                 const std::string& body = {});

/// How an answer that comes bit by bit is taken. `wakes` are descriptors, of which any that is readable, or in error,
/// makes `enough` be asked at once; it is asked every second anyway.
struct Taker {
    std::function<void(std::string_view)> bytes;
    std::function<bool()> enough;
    std::vector<int> wakes;
};

/// GET, for as long as the agent has something to say. No error where `enough` ended it.
Result<> ask_stream(const std::string& socket, const std::string& path, const Query& query, const Taker& taker);

} // namespace bulkhead::ctl
