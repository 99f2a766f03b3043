// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "source/kube/status.h"

using namespace std::chrono_literals;
using namespace bulkhead::source::kube;

TEST_CASE("a Status tells why, and when to come back") {
    const auto status = status_of({.status = 429, .body = R"({"kind":"Status","code":429,"reason":"TooManyRequests",
                                               "message":"slow\ndown","details":{"retryAfterSeconds":7}})"});
    CHECK(status.code == 429);
    CHECK(status.reason == "TooManyRequests");
    CHECK(status.message == "slow down");
    CHECK(status.retry_after == 7s);
}

TEST_CASE("nobody makes us deaf for longer than a minute") {
    CHECK(status_of({.status = 503, .body = "", .retry_after = 2'000'000'000s}).retry_after == 60s);
    CHECK(
        status_of({.status = 503, .body = R"({"kind":"Status","details":{"retryAfterSeconds":86400}})"}).retry_after ==
        60s);
    CHECK(status_of({.status = 503, .body = "", .retry_after = 59s}).retry_after == 59s);
}

TEST_CASE("what is no Status is quoted, as far as anybody would read it") {
    const auto status = status_of({.status = 502, .body = "<html>" + std::string(5000, 'x')});
    CHECK(status.code == 502);
    CHECK(status.message.starts_with("<html>"));
    CHECK(status.message.size() < 500);
}
