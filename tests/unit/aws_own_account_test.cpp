// SPDX-License-Identifier: Apache-2.0
//
// Which account is ours: who asks, how often, and what the throttle is told.
#include <atomic>
#include <latch>
#include <thread>

#include "aws/own_account.h"
#include "aws_scene.h"

namespace bulkhead::aws {

namespace {

const Throttle::Bucket kOurs{"", kRegion, Service::kEc2}, kOwnRoles{kAccount, kRegion, Service::kEc2};

constexpr Budget kOneCall{.per_second = 1, .burst = 1};

struct OwnScene {
    ManualClock clock;
    Throttle throttle{kOneCall, clock, 1};
    OwnAccount own{throttle, clock};
    int asked = 0;

    void find_out(const Answer<Identity>& answer) {
        own.find_out(
            [&] {
                ++asked;
                return answer;
            },
            {});
    }
    /// Whether a call as a role of our account leaves none for a call as ourselves.
    bool is_one_budget() {
        (void)throttle.enter(kOwnRoles, clock.now(), {});
        return !throttle.enter(kOurs, clock.now(), {});
    }
};

const Answer<Identity> kIdentity = Identity{.account = kAccount, .arn = "arn:aws:iam::111122223333:user/bulkhead"};

} // namespace

TEST_CASE("our account is asked for once, and its roles are on our budget from then on") {
    OwnScene scene;
    scene.find_out(kIdentity);
    scene.find_out(kIdentity);
    CHECK(scene.asked == 1);
    CHECK(scene.is_one_budget());
}

TEST_CASE("where our account isn't told it is asked for again after a while, not each time") {
    OwnScene scene;
    scene.find_out(failure(Kind::kDenied, "no"));
    CHECK(!scene.is_one_budget());
    scene.clock.pass(OwnAccount::kPause - 1s);
    scene.find_out(kIdentity);
    CHECK(scene.asked == 1);
    scene.clock.pass(1s);
    scene.find_out(kIdentity);
    CHECK(scene.asked == 2);
    scene.clock.pass(1h);
    CHECK(scene.is_one_budget());
}

TEST_CASE("who is stopped while asking for our account takes the next one's turn from nobody") {
    OwnScene scene;
    scene.find_out(failure(Kind::kStopped, "given up, because we end"));
    scene.find_out(kIdentity);
    CHECK(scene.asked == 2);
}

TEST_CASE("of many threads that need to know our account one asks, and the others wait for what it hears") {
    OwnScene scene;
    std::atomic<int> asked = 0, knowing = 0;
    std::latch all(8);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                all.arrive_and_wait();
                scene.own.find_out(
                    [&]() -> Answer<Identity> {
                        ++asked;
                        std::this_thread::yield();
                        return kIdentity;
                    },
                    {});
                (void)scene.throttle.enter(kOwnRoles, scene.clock.now(), {});
                if (!scene.throttle.counts().contains(kOwnRoles)) ++knowing;
            });
    }
    CHECK(asked == 1);
    CHECK(knowing == 8);
}

TEST_CASE("who waits for another one's answer about our account ends when it is stopped") {
    OwnScene scene;
    std::latch asking(1), ended(1);
    std::jthread first([&] {
        scene.own.find_out(
            [&]() -> Answer<Identity> {
                asking.count_down();
                ended.wait();
                return kIdentity;
            },
            {});
    });
    asking.wait();
    std::stop_source stop;
    int asked = 0;
    std::jthread second([&] {
        scene.own.find_out(
            [&]() -> Answer<Identity> {
                ++asked;
                return kIdentity;
            },
            stop.get_token());
    });
    stop.request_stop();
    second.join();
    CHECK(asked == 0);
    ended.count_down();
}

} // namespace bulkhead::aws
