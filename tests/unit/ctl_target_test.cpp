// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "bulkheadctl/target.h"

using namespace bulkhead::ctl;

namespace {

struct Row {
    const char* text;
    const char* name;
    const char* port;
    const char* protocol;
};

} // namespace

TEST_CASE("a destination is read as people write it") {
    static constexpr Row kRows[] = {
        {"payments/api-0", "payments/api-0", "", ""},
        {"payments/api-0:8443", "payments/api-0", "8443", ""},
        {"payments/api-0:53/udp", "payments/api-0", "53", "udp"},
        {"payments/api-0:icmp", "payments/api-0", "", "icmp"},
        {"aurora:5432/TCP", "aurora", "5432", "TCP"},
        {"10.0.0.1", "10.0.0.1", "", ""},
        {"10.0.0.1:80", "10.0.0.1", "80", ""},
        {"fd00::1", "fd00::1", "", ""},
        {"[fd00::1]", "fd00::1", "", ""},
        {"[fd00::1]:443/tcp", "fd00::1", "443", "tcp"},
    };
    for (const auto& row : kRows) {
        CAPTURE(row.text);
        const auto target = parse_target(row.text);
        REQUIRE(target);
        CHECK(target->name == row.name);
        CHECK(target->port == row.port);
        CHECK(target->protocol == row.protocol);
    }
}

TEST_CASE("a destination that can't be read is refused") {
    for (const auto* text : {":80", "web:", "web:80/", "web:80/6", "web:eighty1", "[fd00::1", "[fd00::1]80"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_target(text));
    }
}
