// SPDX-License-Identifier: Apache-2.0
//
// Children of tests get what they are given, and end when they are meant to.
#include <catch2/catch_test_macros.hpp>

#include "support/process.h"

namespace bulkhead::test {
namespace {

TEST_CASE("a child reads the input that it was given, however long, and then its end") {
    const std::string input(1u << 20, 'x');
    auto child = Process::start({"cat"}, {.input = input});
    REQUIRE(child);
    CHECK(child->wait(after(10s)) == 0);
    CHECK(child->output() == input);
}

TEST_CASE("a child ends with the thread that started it only if that was asked for") {
    std::optional<Process> tied;
    std::optional<Process> free;
    std::thread([&] {
        if (auto child = Process::start({"sleep", "60"}, {.ends_with_thread = true})) tied.emplace(std::move(*child));
        if (auto child = Process::start({"sleep", "60"})) free.emplace(std::move(*child));
    }).join();
    REQUIRE(tied);
    REQUIRE(free);
    CHECK(tied->wait(after(10s)) == 128 + SIGKILL);
    CHECK(free->running());
}

} // namespace
} // namespace bulkhead::test
