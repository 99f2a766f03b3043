// SPDX-License-Identifier: Apache-2.0
#include "base/rfc3339.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace bulkhead {

namespace {

/// Without the zone.
std::string to_seconds(std::chrono::sys_seconds time) {
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss clock(time - days);
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

/// Takes a date apart from the left; any step that doesn't fit spoils the whole.
class DateCursor {
public:
    explicit DateCursor(std::string_view text) : rest_(text) {}

    int number(size_t digits, int least, int most) {
        int value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + std::min(digits, rest_.size()), value);
        const bool whole = error == std::errc{} && end == rest_.data() + digits && rest_.front() != '-';
        if (!whole || value < least || value > most) {
            good_ = false;
            return least;
        }
        rest_.remove_prefix(digits);
        return value;
    }

    char one_of(std::string_view characters) {
        if (!good_ || rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) {
            good_ = false;
            return characters.front();
        }
        const char found = rest_.front();
        rest_.remove_prefix(1);
        return found;
    }

    /// Digits beyond nanoseconds are dropped.
    std::chrono::nanoseconds fraction() {
        std::chrono::nanoseconds value{};
        if (rest_.empty() || rest_.front() != '.') return value;
        rest_.remove_prefix(1);
        const auto digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (digits == 0) good_ = false;
        std::chrono::nanoseconds unit = std::chrono::milliseconds(100);
        for (size_t i = 0; i < digits; ++i, unit /= 10)
            value += (rest_[i] - '0') * unit;
        rest_.remove_prefix(digits);
        return value;
    }

    bool finished() const { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

std::chrono::minutes read_offset(DateCursor& cursor) {
    const char sign = cursor.one_of("Zz+-");
    if (sign == 'Z' || sign == 'z') return std::chrono::minutes(0);
    const std::chrono::hours hours(cursor.number(2, 0, 23));
    cursor.one_of(":");
    const auto offset = hours + std::chrono::minutes(cursor.number(2, 0, 59));
    return sign == '+' ? offset : -offset;
}

} // namespace

std::string rfc3339(std::chrono::sys_seconds time) {
    return to_seconds(time) + "Z";
}

std::string rfc3339_micro(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds);
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(rest.count()));
    return to_seconds(seconds) + fraction.data();
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
    namespace chrono = std::chrono;
    DateCursor cursor(text);
    const chrono::year year(cursor.number(4, 0, 9999));
    cursor.one_of("-");
    const chrono::month month(static_cast<unsigned>(cursor.number(2, 1, 12)));
    cursor.one_of("-");
    const chrono::day day(static_cast<unsigned>(cursor.number(2, 1, 31)));
    cursor.one_of("Tt");
    const chrono::hours hours(cursor.number(2, 0, 23));
    cursor.one_of(":");
    const chrono::minutes minutes(cursor.number(2, 0, 59));
    cursor.one_of(":");
    const chrono::seconds seconds(cursor.number(2, 0, 60)); // 60: a leap second
    const auto fraction = cursor.fraction();
    const auto offset = read_offset(cursor);
    const chrono::year_month_day date(year, month, day);
    if (!cursor.finished() || !date.ok()) return std::nullopt;
    return Instant{chrono::sys_days(date) + hours + minutes + seconds - offset, fraction};
}

} // namespace bulkhead
