// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "flow/time.h"

using namespace bulkhead::flow;
using namespace std::chrono_literals;

namespace {

const Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29) + 3h + 4min + 5s;

} // namespace

TEST_CASE("times are read as lengths before now, and as dates") {
    static const std::vector<std::pair<const char*, Time>> kRows{
        {"0s", kNow},
        {"90s", kNow - 90s},
        {"5m", kNow - 5min},
        {"2h", kNow - 2h},
        {"3d", kNow - 72h},
        {"1h30m", kNow - 90min},
        {"1d2h3m4s", kNow - 24h - 2h - 3min - 4s},
        {"2026-11-29T03:04:05Z", kNow},
        {"2026-11-29t03:04:05z", kNow},
        {"2026-11-29T03:04:05.25Z", kNow + 250ms},
        {"2026-11-29T03:04:05.123456789Z", kNow + 123456789ns},
        {"2026-11-29T03:04:05.1234567899Z", kNow + 123456789ns},
        {"2026-11-29T05:04:05+02:00", kNow},
        {"2026-11-28T21:34:05-05:30", kNow},
        {"1970-01-01T00:00:00Z", Time{}},
    };
    for (const auto& [text, time] : kRows) {
        CAPTURE(text);
        const auto found = parse_time(text, kNow);
        REQUIRE(found);
        CHECK(*found == time);
    }
}

TEST_CASE("what is no time is refused") {
    for (const auto* text : {"",
                             "5",
                             "m",
                             "5 m",
                             "-5m",
                             "5m-",
                             "5w",
                             "5m3",
                             "1.5h",
                             "99999999999d",
                             "36501d",
                             "30000d", // before 1970
                             "now",
                             "2026-11-29",
                             "2026-11-29T03:04:05",
                             "2026-11-29 03:04:05Z",
                             "2026-02-30T00:00:00Z",
                             "2026-11-29T25:00:00Z",
                             "2026-11-29T03:04:05.Z",
                             "2026-11-29T03:04:05+2:00",
                             "1969-12-31T23:59:59Z",
                             "2262-04-12T00:00:00Z",
                             "9999-12-31T23:59:59Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_time(text, kNow));
    }
}

TEST_CASE("times are printed in each format") {
    const Time time = kNow + 7'089'006ns;
    static const std::vector<std::pair<const char*, const char*>> kRows{
        {"time", "03:04:05.007"},
        {"stampmilli", "Nov 29 03:04:05.007"},
        {"RFC3339", "2026-11-29T03:04:05Z"},
        {"rfc3339Milli", "2026-11-29T03:04:05.007Z"},
        {"rfc3339micro", "2026-11-29T03:04:05.007089Z"},
        {"rfc3339nano", "2026-11-29T03:04:05.007089006Z"},
        {"unix", "1795921445.007"},
    };
    for (const auto& [name, text] : kRows) {
        CAPTURE(name);
        CHECK(text_of(time, parse_time_format(name).value(), kNow) == text);
    }
    CHECK_FALSE(parse_time_format("iso"));
    CHECK(text_of(kNow - 24h * 20, TimeFormat::kStampMilli, kNow) == "Nov  9 03:04:05.000");
    CHECK(rfc3339_nano(time) == "2026-11-29T03:04:05.007089006Z");
}

TEST_CASE("relative times have two units, and none is negative") {
    static const std::vector<std::pair<Time, const char*>> kRows{
        {kNow + 1s, "0.0s ago"},           {kNow - 1290ms, "1.2s ago"},  {kNow - 59999ms, "59.9s ago"},
        {kNow - 60s, "1m00s ago"},         {kNow - 3599s, "59m59s ago"}, {kNow - 3600s, "1h00m ago"},
        {kNow - 25h - 59min, "1d01h ago"},
    };
    for (const auto& [time, text] : kRows)
        CHECK(text_of(time, TimeFormat::kRelative, kNow) == text);
}
