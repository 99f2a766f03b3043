// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <numeric>

#include "delays.h"

using namespace bulkhead;
using namespace std::chrono_literals;

namespace {

const Delays::Time kStart{100h};

uint64_t count_of(const Histogram& values) {
    return std::accumulate(values.counts().begin(), values.counts().end(), uint64_t{0});
}

} // namespace

TEST_CASE("a change takes from the first news of it until it is written; what changes nothing takes nothing") {
    Delays delays;
    delays.heard(kStart);
    delays.heard(kStart + 40ms);
    delays.written(kStart + 50ms);
    CHECK(count_of(delays.changes()) == 1);
    CHECK(delays.changes().sum() == 0.05);
    delays.written(kStart + 60ms); // a row that was refused before
    CHECK(count_of(delays.changes()) == 1);
    delays.heard(kStart + 1s);
    delays.nothing_to_write();
    delays.heard(kStart + 2s);
    delays.written(kStart + 2s + 10ms);
    CHECK(count_of(delays.changes()) == 2);
    CHECK(delays.changes().sum() < 0.061);
}

TEST_CASE("a veth's delay is that of its own device, once, and those that were there before don't count") {
    Delays delays;
    std::map<uint32_t, uint64_t> guarded;
    const auto look = [&](Delays::Time now) {
        delays.note_guarded(
            [&](uint32_t ifindex, uint64_t device) {
                const auto found = guarded.find(ifindex);
                return found != guarded.end() && found->second == device;
            },
            now);
    };
    delays.follow({{7, 1}}, kStart);
    guarded = {{7, 1}};
    look(kStart + 1s);
    CHECK(count_of(delays.guards()) == 0);

    delays.follow({{7, 1}, {8, 1}, {9, 1}}, kStart + 2s);
    delays.follow({{7, 1}, {8, 1}, {9, 1}}, kStart + 3s);
    guarded[8] = 1;
    look(kStart + 2s + 50ms);
    look(kStart + 5s);
    CHECK(count_of(delays.guards()) == 1);
    CHECK(delays.guards().sum() == 0.05);

    delays.follow({{7, 1}, {8, 1}, {9, 2}}, kStart + 10s); // another veth under the same number
    guarded[9] = 1;
    look(kStart + 10s);
    CHECK(count_of(delays.guards()) == 1);
    guarded[9] = 2;
    look(kStart + 10s + 50ms);
    CHECK(count_of(delays.guards()) == 2);
    delays.follow({{7, 1}, {8, 1}, {9, 2}, {10, 1}}, kStart + 11s);
    delays.follow({{7, 1}, {8, 1}, {9, 2}}, kStart + 12s); // gone before it was guarded
    guarded[10] = 1;
    look(kStart + 13s);
    CHECK(count_of(delays.guards()) == 2);
}
