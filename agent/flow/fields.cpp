// SPDX-License-Identifier: Apache-2.0
#include "flow/fields.h"

#include "base/rfc3339.h"

namespace bulkhead::flow {

void Fields::read_time(const char* name, Time& into) {
    using namespace std::chrono;
    std::string text;
    read(name, text);
    if (find(name) == nullptr) return;
    const auto instant = parse_rfc3339(text);
    constexpr auto kLast = floor<seconds>(Time::max()) - 1s;
    if (!instant || instant->seconds < sys_seconds{} || instant->seconds > kLast)
        return complain(place_of(name), "\"" + text + "\" is not a time like 2026-11-29T03:04:05.123Z, from 1970 on");
    into = instant->seconds + instant->fraction;
}

void Fields::read_protocol(uint8_t& into) {
    std::string text;
    read("protocol", text);
    if (text.empty()) return;
    if (const auto number = parse_protocol(text))
        into = *number;
    else
        complain(place_of("protocol"), number.error().text);
}

} // namespace bulkhead::flow
