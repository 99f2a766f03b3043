// SPDX-License-Identifier: Apache-2.0
//
// The log: spdlog to stderr, as text for people or one JSON object per line for collectors. Set up once
// by main(); everybody else just calls spdlog::info() and its like.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::log {

enum class Format : uint8_t { kText, kJson };

/// `level` is trace, debug, info, warn, error or off.
Result<> set_up(const std::string& level, Format format);

/// The same to any stream.
Result<> set_up(const std::string& level, Format format, std::ostream& stream);

/// The newest lines, oldest first, as they were written; some thousand at most. Any thread.
std::vector<std::string> recent();

} // namespace bulkhead::log
