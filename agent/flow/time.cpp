// SPDX-License-Identifier: Apache-2.0
#include "flow/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

#include "base/rfc3339.h"
#include "flow/names.h"

namespace bulkhead::flow {

namespace {

using std::chrono::floor;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::array<std::pair<std::string_view, int64_t>, 4> kUnits{{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}};
constexpr seconds kLongestPast = std::chrono::hours(24 * 36500);

/// "1h30m"; nothing where it is no such thing, or more than a century.
std::optional<seconds> parse_length(std::string_view text) {
    seconds total{};
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        uint32_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        const auto unit =
            std::ranges::find_if(kUnits, [&](const auto& known) { return text.starts_with(known.first); });
        if (unit == kUnits.end()) return std::nullopt;
        text.remove_prefix(unit->first.size());
        total += seconds(number * unit->second);
    }
    if (total > kLongestPast) return std::nullopt;
    return total;
}

int64_t fraction_of(Time time) {
    return nanoseconds(time - floor<seconds>(time)).count();
}

/// RFC 3339 with that many digits of fraction.
std::string with_digits(Time time, int digits) {
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), "%09lld", static_cast<long long>(fraction_of(time)));
    std::string text = rfc3339(floor<seconds>(time));
    if (digits > 0) text.insert(text.size() - 1, "." + std::string(fraction.data(), static_cast<size_t>(digits)));
    return text;
}

/// "12:03:04.123"
std::string time_of_day(Time time) {
    constexpr size_t kDate = 11; // "2026-11-29T"
    auto text = with_digits(time, 3).substr(kDate);
    text.pop_back();
    return text;
}

std::string stamp(Time time) {
    static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::chrono::year_month_day date(floor<std::chrono::days>(time));
    const auto day = std::to_string(static_cast<unsigned>(date.day()));
    return kMonths.at(static_cast<unsigned>(date.month()) - 1) + std::string(day.size() == 1 ? "  " : " ") + day + " " +
           time_of_day(time);
}

std::string unix_time(Time time) {
    const auto whole = floor<seconds>(time).time_since_epoch().count();
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%lld.%03lld", static_cast<long long>(whole),
                  static_cast<long long>(fraction_of(time) / 1'000'000));
    return text.data();
}

/// Two units: more precision than that nobody reads.
std::string relative(Time time, Time now) {
    const auto age = std::max(now - time, nanoseconds(0));
    const auto whole = floor<seconds>(age).count();
    std::array<char, 40> text{};
    if (whole < 60)
        std::snprintf(text.data(), text.size(), "%lld.%llds ago", static_cast<long long>(whole),
                      static_cast<long long>(age.count() / 100'000'000 % 10));
    for (size_t i = 0; whole >= 60 && i + 1 < kUnits.size(); ++i) {
        const auto& [big, length] = kUnits.at(i);
        const auto& [small, smaller] = kUnits.at(i + 1);
        if (whole < length) continue;
        std::snprintf(text.data(), text.size(), "%lld%.*s%02lld%.*s ago", static_cast<long long>(whole / length),
                      static_cast<int>(big.size()), big.data(), static_cast<long long>(whole % length / smaller),
                      static_cast<int>(small.size()), small.data());
        break;
    }
    return text.data();
}

} // namespace

Time now() {
    return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now());
}

Result<Time> parse_time(std::string_view text, Time now) {
    if (const auto length = parse_length(text)) {
        if (now - *length >= Time{}) return now - *length;
        return fail("\"" + std::string(text) + "\" ago was before 1970");
    }
    const auto instant = parse_rfc3339(text);
    const bool in_range =
        instant && instant->seconds >= sys_seconds{} && instant->seconds < floor<seconds>(Time::max());
    if (in_range) return Time(instant->seconds + instant->fraction);
    return fail("\"" + std::string(text) +
                "\" is neither a length of time like 90s, 5m, 1h30m, 3d nor a date like 2026-11-29T03:04:05Z");
}

std::string rfc3339_nano(Time time) {
    return with_digits(time, 9);
}

const std::vector<std::string>& time_format_names() {
    static const std::vector<std::string> names{"time",         "stampmilli",  "rfc3339", "rfc3339milli",
                                                "rfc3339micro", "rfc3339nano", "unix",    "relative"};
    return names;
}

Result<TimeFormat> parse_time_format(std::string_view name) {
    const auto& names = time_format_names();
    const auto found = std::ranges::find_if(names, [&](const auto& own) { return equals_in_any_case(own, name); });
    if (found != names.end()) return static_cast<TimeFormat>(found - names.begin());
    return fail("\"" + std::string(name) + "\" is not " + one_of(names));
}

std::string text_of(Time time, TimeFormat format, Time now) {
    switch (format) {
    case TimeFormat::kTime:
        return time_of_day(time);
    case TimeFormat::kStampMilli:
        return stamp(time);
    case TimeFormat::kRfc3339:
        return with_digits(time, 0);
    case TimeFormat::kRfc3339Milli:
        return with_digits(time, 3);
    case TimeFormat::kRfc3339Micro:
        return with_digits(time, 6);
    case TimeFormat::kRfc3339Nano:
        return with_digits(time, 9);
    case TimeFormat::kUnix:
        return unix_time(time);
    case TimeFormat::kRelative:
        return relative(time, now);
    }
    return {};
}

} // namespace bulkhead::flow
