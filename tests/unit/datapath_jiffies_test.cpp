// SPDX-License-Identifier: Apache-2.0
#include "datapath/jiffies.h"

#include <catch2/catch_test_macros.hpp>

using namespace bulkhead::datapath;
using namespace std::chrono_literals;

namespace {

const WallTime kNow = WallTime(std::chrono::seconds(1'800'000'000));
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
    CHECK(kMoment.jiffies_at(WallTime{}) == 1);
}

TEST_CASE("jiffies translate back to the wall clock") {
    CHECK(kMoment.wall_at(5'000'001'000) == kNow + 4s);
    CHECK(kMoment.wall_at(4'999'999'750) == kNow - 1s);
}
