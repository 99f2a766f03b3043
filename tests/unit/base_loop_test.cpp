// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <sys/eventfd.h>
#include <thread>

#include "base/loop.h"

using namespace bulkhead;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Loop> new_loop() {
    auto loop = Loop::create();
    REQUIRE(loop);
    return std::move(*loop);
}

Fd readable_fd() {
    return Fd(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
}

} // namespace

TEST_CASE("a timer armed for once fires once, and one armed for every time again") {
    auto loop = new_loop();
    int once = 0;
    int often = 0;
    auto single = loop->timer([&] { ++once; });
    auto repeated = loop->timer([&] {
        if (++often == 3) loop->stop();
    });
    REQUIRE(single);
    REQUIRE(repeated);
    (*single)->arm_in(0ms);
    (*repeated)->arm_every(2ms);
    REQUIRE(loop->run());
    CHECK(once == 1);
    CHECK(often == 3);
}

TEST_CASE("a disarmed timer never fires") {
    auto loop = new_loop();
    bool fired = false;
    auto silent = loop->timer([&] { fired = true; });
    auto end = loop->timer([&] { loop->stop(); });
    (*silent)->arm_in(1ms);
    (*silent)->disarm();
    (*end)->arm_in(10ms);
    REQUIRE(loop->run());
    CHECK_FALSE(fired);
}

TEST_CASE("what another thread posts runs on the loop's thread, in order") {
    auto loop = new_loop();
    std::vector<int> seen;
    std::thread::id where;
    std::thread poster([&] {
        for (int i = 0; i < 100; ++i)
            loop->post([&seen, i] { seen.push_back(i); });
        loop->post([&] {
            where = std::this_thread::get_id();
            loop->stop();
        });
    });
    REQUIRE(loop->run());
    poster.join();
    CHECK(where == std::this_thread::get_id());
    REQUIRE(seen.size() == 100);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("a call from another thread gets its answer") {
    auto loop = new_loop();
    std::optional<int> answer;
    std::thread caller([&] {
        answer = loop->call([] { return 42; }, 10s);
        loop->post([&] { loop->stop(); });
    });
    REQUIRE(loop->run());
    caller.join();
    CHECK(answer == 42);
}

TEST_CASE("a call to a loop that ended gets no answer, and doesn't wait for it") {
    auto loop = new_loop();
    loop->stop();
    REQUIRE(loop->run());
    const auto start = std::chrono::steady_clock::now();
    CHECK(loop->call([] { return 42; }, 60s) == std::nullopt);
    CHECK(std::chrono::steady_clock::now() - start < 30s);
}

TEST_CASE("a call that waits while the loop ends is let go") {
    auto loop = new_loop();
    std::optional<int> answer = 0;
    std::thread caller([&] { answer = loop->call([] { return 42; }, 60s); });
    // The loop's only batch stops it; the call is either answered in it or dropped, never left waiting.
    loop->post([&] { loop->stop(); });
    REQUIRE(loop->run());
    caller.join();
    CHECK((answer == std::nullopt || answer == 42));
}

TEST_CASE("a callback may remove its own watch and another's") {
    auto loop = new_loop();
    const Fd one = readable_fd();
    const Fd two = readable_fd();
    int calls = 0;
    const auto only_once = [&] {
        ++calls;
        loop->unwatch(one.get());
        loop->unwatch(two.get());
        loop->post([&] { loop->stop(); });
    };
    REQUIRE(loop->watch(one.get(), only_once));
    REQUIRE(loop->watch(two.get(), only_once));
    REQUIRE(loop->run());
    CHECK(calls == 1);
}

TEST_CASE("many events of one batch make one turn") {
    auto loop = new_loop();
    int callbacks = 0;
    int turns = 0;
    for (int i = 0; i < 10; ++i)
        loop->post([&] { ++callbacks; });
    loop->after_batch([&] {
        ++turns;
        loop->stop();
    });
    REQUIRE(loop->run());
    CHECK(callbacks == 10);
    CHECK(turns == 1);
}

TEST_CASE("a signal becomes a callback instead of the process's end") {
    auto loop = new_loop();
    int got = 0;
    REQUIRE(loop->on_signals({SIGUSR2}, [&](int signal) {
        got = signal;
        loop->stop();
    }));
    REQUIRE(kill(getpid(), SIGUSR2) == 0);
    REQUIRE(loop->run());
    CHECK(got == SIGUSR2);
}
