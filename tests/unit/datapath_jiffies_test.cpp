// SPDX-License-Identifier: Apache-2.0
#include "datapath/jiffies.h"

#include <catch2/catch_test_macros.hpp>

using namespace bulkhead::datapath;
using namespace std::chrono_literals;

namespace {

const Deadline kNow = Deadline(std::chrono::seconds(1'800'000'000));
const Moment kMoment{.jiffies = 5'000'000'000, .hertz = 250, .wall = kNow};

} // namespace

TEST_CASE("a date is as many ticks away as seconds times HZ") {
    CHECK(kMoment.jiffies_at(kNow) == 5'000'000'000);
    CHECK(kMoment.jiffies_at(kNow + 4s) == 5'000'001'000);
    CHECK(kMoment.jiffies_at(kNow - 4s) == 4'999'999'000);
}

TEST_CASE("a row lasts until its date, not a tick less") {
    CHECK(kMoment.jiffies_at(kNow + 1ms) == 5'000'000'001);
}

TEST_CASE("a date before the boot is long over, but not endless") {
    CHECK(kMoment.jiffies_at(Deadline{}) == 1);
}

TEST_CASE("what ends in ten thousand years ends then, and what ended centuries ago has ended") {
    const auto day = [](int year, unsigned month, unsigned date) {
        return std::chrono::sys_days(std::chrono::year(year) / month / date);
    };
    CHECK(kMoment.jiffies_at(day(1600, 12, 31)) == 1);
    CHECK(kMoment.jiffies_at(day(1026, 1, 1)) == 1);
    const auto end = day(9999, 12, 31);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Deadline(end) - kNow).count();
    CHECK(kMoment.jiffies_at(end) == 5'000'000'000 + static_cast<uint64_t>(seconds) * 250);
}
