// SPDX-License-Identifier: Apache-2.0
//
// Dates as RFC 3339 section 5.6 writes them: written in UTC, as Kubernetes does; read with any offset.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead {

/// metav1.Time: "2026-11-28T04:00:00Z".
std::string rfc3339(std::chrono::sys_seconds time);

/// metav1.MicroTime: "2026-11-28T04:00:00.000123Z".
std::string rfc3339_micro(std::chrono::system_clock::time_point time);

/// Apart, because nanoseconds alone don't reach from year 0 to 9999.
struct Instant {
    std::chrono::sys_seconds seconds;
    std::chrono::nanoseconds fraction{}; // less than a second, after `seconds`
};

/// "2026-12-31T23:59:59Z", with a fraction ("59.25Z") or an offset ("+02:00").
std::optional<Instant> parse_rfc3339(std::string_view text);

} // namespace bulkhead
