// SPDX-License-Identifier: Apache-2.0
//
// Dates as RFC 3339 section 5.6 writes them: 2026-12-31T23:59:59Z, with a fraction or an offset.
#include <charconv>

#include "source/parts.h"

namespace bulkhead::source {

namespace {

// Of grants. Nobody means other years; and what is written of them again has four digits.
constexpr state::Time kFirst{};
constexpr state::Time kLast = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1) - std::chrono::seconds(1);

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

    void fraction() {
        if (rest_.empty() || rest_.front() != '.') return;
        rest_.remove_prefix(1);
        const auto digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (digits == 0) good_ = false;
        rest_.remove_prefix(digits);
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

std::optional<state::Time> parse_time(std::string_view text) {
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
    cursor.fraction();
    const auto offset = read_offset(cursor);
    const chrono::year_month_day date(year, month, day);
    if (!cursor.finished() || !date.ok()) return std::nullopt;
    return chrono::sys_days(date) + hours + minutes + seconds - offset;
}

} // namespace

std::optional<state::Time> read_time(const Field& field) {
    const auto text = field.string();
    if (!text) return std::nullopt;
    const auto time = parse_time(*text);
    if (!time) field.complain("\"" + *text + "\" is not a date like 2026-12-31T23:59:59Z (RFC 3339)");
    return time;
}

std::optional<state::Time> read_end(const Field& field) {
    const auto time = read_time(field);
    if (!time || (*time >= kFirst && *time <= kLast)) return time;
    field.complain(field.value().text() + " is not within the years 1970 to 9999 (in UTC)");
    return std::nullopt;
}

} // namespace bulkhead::source
