// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include <set>

#include "aws/throttle.h"
#include "aws_scene.h"

namespace bulkhead::aws {

namespace {

using Bucket = Throttle::Bucket;
using Outcome = Throttle::Outcome;

const Bucket kEc2{kAccount, kRegion, Service::kEc2};

struct ThrottleScene {
    ManualClock clock;
    Throttle throttle{{.per_second = 2, .burst = 3}, clock, 7};

    bool enter(const Bucket& bucket = kEc2, Clock::Milliseconds patience = 1h) {
        return throttle.enter(bucket, clock.now() + patience, {}).has_value();
    }
    Clock::Milliseconds waited() const {
        Clock::Milliseconds sum{0};
        for (const auto wait : clock.waits())
            sum += wait;
        return sum;
    }
};

} // namespace

TEST_CASE("a burst passes at once, then calls come at the budget's pace") {
    ThrottleScene scene;
    for (int i = 0; i < 3; ++i)
        REQUIRE(scene.enter());
    CHECK(scene.waited() == 0ms);
    for (int i = 0; i < 10; ++i)
        REQUIRE(scene.enter());
    CHECK(scene.waited() == 5s);
    CHECK(scene.throttle.counts().at(kEc2) == Throttle::Counts{.calls = 13, .waited = 5s});
}

TEST_CASE("whatever is asked, an hour has no more calls than the budget says") {
    ThrottleScene scene;
    const auto end = scene.clock.now() + 1h;
    uint64_t calls = 0;
    while (scene.throttle.enter(kEc2, end, {}).has_value())
        ++calls;
    CHECK(calls == 2 * 3600 + 3);
    CHECK(scene.throttle.counts().at(kEc2).held_back == 1);
}

TEST_CASE("accounts, regions and services have a budget each") {
    ThrottleScene scene;
    for (int i = 0; i < 3; ++i)
        REQUIRE(scene.enter());
    CHECK(!scene.enter(kEc2, 100ms));
    CHECK(scene.enter({"444455556666", kRegion, Service::kEc2}, 0ms));
    CHECK(scene.enter({kAccount, "eu-west-1", Service::kEc2}, 0ms));
    CHECK(scene.enter({kAccount, kRegion, Service::kRds}, 0ms));
}

TEST_CASE("where AWS says too often, pauses double up to a minute, and one good answer ends that") {
    ThrottleScene scene;
    auto longest = Throttle::kFirstPause;
    for (int i = 0; i < 12; ++i) {
        const auto before = scene.waited();
        REQUIRE(scene.enter());
        if (i > 0) CHECK(scene.waited() - before >= longest / 4); // half of the pause before this one
        CHECK(scene.waited() - before <= longest);
        longest = std::min(i == 0 ? longest : longest * 2, Throttle::kLongestPause);
        scene.throttle.leave(kEc2, Outcome::kThrottled);
    }
    CHECK(longest == Throttle::kLongestPause);
    REQUIRE(scene.enter());
    scene.throttle.leave(kEc2, Outcome::kGood);
    const auto before = scene.waited();
    REQUIRE(scene.enter());
    CHECK(scene.waited() == before);
    CHECK(scene.throttle.counts().at(kEc2).throttled == 12);
}

TEST_CASE("pauses are jittered: two callers that failed together don't come back together") {
    std::set<Clock::Milliseconds> pauses;
    for (uint32_t seed = 1; seed <= 8; ++seed) {
        ManualClock clock;
        Throttle throttle({}, clock, seed * 7919);
        for (int i = 0; i < 6; ++i)
            throttle.leave(kEc2, Outcome::kFailed);
        REQUIRE(throttle.enter(kEc2, clock.now() + 1h, {}));
        pauses.insert(clock.waits().at(0));
    }
    CHECK(pauses.size() >= 6);
}

TEST_CASE("Retry-After is honoured, up to five minutes") {
    ThrottleScene scene;
    REQUIRE(scene.enter());
    scene.throttle.leave(kEc2, Outcome::kThrottled, 20s);
    REQUIRE(scene.enter());
    CHECK(scene.waited() == 20s);
    scene.throttle.leave(kEc2, Outcome::kThrottled, 86400s);
    REQUIRE(scene.enter());
    CHECK(scene.waited() == 20s + 300s);
}

TEST_CASE("who can't wait so long is told at once, and why") {
    ThrottleScene scene;
    for (int i = 0; i < 3; ++i)
        REQUIRE(scene.enter());
    const auto used_up = scene.throttle.enter(kEc2, scene.clock.now() + 100ms, {});
    REQUIRE(!used_up);
    CHECK(used_up.error().kind == Failure::Kind::kThrottled);
    CHECK(used_up.error().text ==
          "ec2 in eu-central-1 of account 111122223333 is not asked for another 1 s: the call budget is used up");
    scene.throttle.leave(kEc2, Outcome::kThrottled, 30s);
    CHECK(scene.throttle.enter(kEc2, scene.clock.now() + 1s, {})
              .error()
              .text.ends_with("AWS said that it is asked too often"));
    scene.throttle.leave(kEc2, Outcome::kFailed);
    CHECK(scene.throttle.enter(kEc2, scene.clock.now() + 1s, {}).error().kind == Failure::Kind::kUnavailable);
    CHECK(scene.waited() == 0ms);
}

TEST_CASE("waiting for the budget ends when we end") {
    const Clock& clock = Clock::real();
    Throttle throttle({.per_second = 0.001, .burst = 1}, clock, 1);
    std::stop_source stop;
    REQUIRE(throttle.enter(kEc2, clock.now() + 1h, stop.get_token()));
    std::jthread ending([&] {
        std::this_thread::sleep_for(50ms); // it waits meanwhile, or finds us ended when it comes
        stop.request_stop();
    });
    const auto begin = clock.now();
    const auto entered = throttle.enter(kEc2, clock.now() + 1h, stop.get_token());
    REQUIRE(!entered);
    CHECK(entered.error().kind == Failure::Kind::kStopped);
    CHECK(clock.now() - begin < 1s);
}

} // namespace bulkhead::aws
