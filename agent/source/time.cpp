// SPDX-License-Identifier: Apache-2.0
//
// Dates of objects: until when something holds.
#include "base/rfc3339.h"
#include "source/parts.h"

namespace bulkhead::source {

namespace {

// Of grants. Nobody means other years; and what is written of them again has four digits.
constexpr state::Time kFirst{};
constexpr state::Time kLast = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1) - std::chrono::seconds(1);

} // namespace

std::optional<state::Time> read_time(const Field& field) {
    const auto text = field.string();
    if (!text) return std::nullopt;
    const auto instant = parse_rfc3339(*text);
    if (instant) return instant->seconds;
    field.complain("\"" + *text + "\" is not a date like 2026-12-31T23:59:59Z (RFC 3339)");
    return std::nullopt;
}

std::optional<state::Time> read_end(const Field& field) {
    const auto time = read_time(field);
    if (!time || (*time >= kFirst && *time <= kLast)) return time;
    field.complain(field.value().text() + " is not within the years 1970 to 9999 (in UTC)");
    return std::nullopt;
}

} // namespace bulkhead::source
