// SPDX-License-Identifier: Apache-2.0
//
// Asks the agent on its Unix socket. HTTP/1.0, in which an answer ends with the connection: so much fits here, and a
// program that has to run on any host, alone, carries no HTTP library.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace bulkhead::cni {

using Query = std::vector<std::pair<std::string, std::string>>;
using Deadline = std::chrono::steady_clock::time_point;

/// "/v1/gate?pod=web&..."
std::string path_of_gate(const Query& query);

/// Why the gate is shut; empty = it is open. An error: nobody answers, or something else than an agent that has a gate.
Result<std::string> ask_gate(const std::string& socket, const Query& query, Deadline deadline);

} // namespace bulkhead::cni
