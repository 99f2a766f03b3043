// SPDX-License-Identifier: Apache-2.0
//
// Times of flows as people write and read them; always in UTC, like the nodes' logs and the API server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/record.h"

namespace bulkhead::flow {

/// Now, by the system's clock.
Time now();

/// So long before `now` ("90s", "5m", "1h30m", "3d"), or RFC 3339 with or without a fraction ("2026-11-29T03:04:05.1Z",
/// "2026-11-29T05:04:05+02:00").
Result<Time> parse_time(std::string_view text, Time now);

/// RFC 3339 with nine digits of fraction.
std::string rfc3339_nano(Time time);

/// How a time is printed.
enum class TimeFormat : uint8_t {
    kTime,
    kStampMilli,
    kRfc3339,
    kRfc3339Milli,
    kRfc3339Micro,
    kRfc3339Nano,
    kUnix,
    kRelative
};

/// "time", "stampmilli", ... in the order above.
const std::vector<std::string>& time_format_names();

/// In any case.
Result<TimeFormat> parse_time_format(std::string_view name);

/// `now` is what relative times are relative to.
std::string text_of(Time time, TimeFormat format, Time now);

} // namespace bulkhead::flow
