// SPDX-License-Identifier: Apache-2.0
//
// What every proposal's comments say alike.
#pragma once

#include <string>

#include "advise/advice.h"
#include "base/rfc3339.h"

namespace bulkhead::advise {

/// In UTC, to the second.
inline std::string date(flow::Time time) {
    return rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

/// "3 times, 2026-11-01T09:00:00Z to 2026-11-02T17:30:00Z"
inline std::string seen_text(const OpenedPort& port) {
    return std::to_string(port.count) + (port.count == 1 ? " time, " : " times, ") + date(port.first) + " to " +
           date(port.last);
}

} // namespace bulkhead::advise
