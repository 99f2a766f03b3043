// SPDX-License-Identifier: Apache-2.0
//
// Dates as RFC 3339 section 5.6 writes them, in UTC: how Kubernetes writes times.
#pragma once

#include <chrono>
#include <string>

namespace bulkhead {

/// metav1.Time: "2026-11-28T04:00:00Z".
std::string rfc3339(std::chrono::sys_seconds time);

/// metav1.MicroTime: "2026-11-28T04:00:00.000123Z".
std::string rfc3339_micro(std::chrono::system_clock::time_point time);

} // namespace bulkhead
