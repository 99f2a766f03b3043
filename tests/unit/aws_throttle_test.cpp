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

constexpr Budget kSmall{.per_second = 2, .burst = 3};

struct ThrottleScene {
    ManualClock clock;
    Throttle throttle{kSmall, clock, 7};

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

TEST_CASE("our own account's budget is ours, whether we ask as ourselves or as a role of it; no other's is") {
    ThrottleScene scene;
    const Bucket ours{"", kRegion, Service::kEc2};
    scene.throttle.set_own_account(kAccount);
    REQUIRE(scene.enter(ours));
    REQUIRE(scene.enter(kEc2));
    REQUIRE(scene.enter(ours));
    CHECK(!scene.enter(kEc2, 100ms));
    CHECK(!scene.enter(ours, 100ms));
    CHECK(scene.enter({"111122223334", kRegion, Service::kEc2}, 0ms));
    CHECK(scene.enter({kAccount, "eu-central-2", Service::kEc2}, 0ms));
    CHECK(scene.enter({kAccount, kRegion, Service::kSts}, 0ms));
    const auto counts = scene.throttle.counts();
    CHECK(!counts.contains(kEc2));
    CHECK(counts.at(ours).calls == 3);
    CHECK(counts.at(ours).held_back == 2);
    CHECK(counts.at({"", "eu-central-2", Service::kEc2}).calls == 1);
}

TEST_CASE("while it isn't known which account is ours, its roles have a budget of their own") {
    ThrottleScene scene;
    for (int i = 0; i < 3; ++i)
        REQUIRE(scene.enter({"", kRegion, Service::kEc2}, 0ms));
    CHECK(!scene.enter({"", kRegion, Service::kEc2}, 100ms));
    CHECK(scene.enter(kEc2, 0ms));
}

TEST_CASE("what was called before it was known which account is ours counts for the one budget, and so does a pause") {
    ThrottleScene scene;
    const Bucket ours{"", kRegion, Service::kEc2}, other{"444455556666", kRegion, Service::kEc2};
    for (int i = 0; i < 3; ++i) {
        REQUIRE(scene.enter(ours, 0ms));
        REQUIRE(scene.enter(kEc2, 0ms));
        REQUIRE(scene.enter(other, 0ms));
    }
    scene.throttle.set_own_account(kAccount);
    CHECK(scene.throttle.counts().at(ours).calls == 6);
    CHECK(scene.throttle.counts().at(other).calls == 3);
    CHECK(scene.throttle.left().at(ours) == 0);
    REQUIRE(scene.enter(kEc2)); // six calls of a burst of three, at two a second: three are waited for, and this one
    CHECK(scene.waited() == 2s);

    ThrottleScene paused;
    REQUIRE(paused.enter(kEc2));
    paused.throttle.leave(kEc2, Outcome::kThrottled, 30s);
    paused.throttle.set_own_account(kAccount);
    const auto held_back = paused.throttle.enter(ours, paused.clock.now() + 1s, {});
    REQUIRE(!held_back);
    CHECK(held_back.error().text == "ec2 in eu-central-1 is not asked for another 30 s: AWS said that it is asked too "
                                    "often");
    CHECK(paused.enter(other, 0ms));
}

TEST_CASE("what is left of the budget is told: less by each call, more with time, none during a pause") {
    ThrottleScene scene;
    CHECK(scene.throttle.left().empty());
    CHECK(scene.throttle.budget().per_second == 2);
    CHECK(scene.throttle.budget().burst == 3);
    for (int i = 0; i < 2; ++i)
        REQUIRE(scene.enter());
    CHECK(scene.throttle.left().at(kEc2) == 1);
    scene.clock.pass(500ms);
    CHECK(scene.throttle.left().at(kEc2) == 2);
    scene.clock.pass(1h);
    CHECK(scene.throttle.left().at(kEc2) == 3);
    REQUIRE(scene.enter());
    scene.throttle.leave(kEc2, Outcome::kThrottled, 30s);
    CHECK(scene.throttle.left().at(kEc2) == 0);
    scene.clock.pass(31s);
    CHECK(scene.throttle.left().at(kEc2) == 3);
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
