// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "observe/conversations.h"

using namespace bulkhead::observe;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

bh_event syn(uint16_t port, uint64_t time) {
    bh_event event{};
    event.time = event.first = time;
    event.src.word[0] = 1;
    event.dst.word[0] = 2;
    event.src_port = port;
    event.dst_port = 443;
    event.family = BH_IPV4;
    event.protocol = BH_TCP;
    event.reason = BH_REASON_NOT_GRANTED;
    event.verdict = BH_VERDICT_DENY;
    return event;
}

} // namespace

TEST_CASE("a SYN that is sent again and again is one conversation, for as long as Linux goes on") {
    Conversations conversations;
    uint64_t time = 100 * kSecond;
    CHECK(conversations.is_new(syn(40000, time)));
    for (const uint64_t pause : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) {
        time += pause * kSecond;
        CHECK_FALSE(conversations.is_new(syn(40000, time)));
    }
    CHECK(conversations.is_new(syn(40000, time + 66 * kSecond)));
}

TEST_CASE("an event of several packets goes on with what its first one goes on with") {
    Conversations conversations;
    REQUIRE(conversations.is_new(syn(40000, 100 * kSecond)));
    auto later = syn(40000, 180 * kSecond);
    later.first = 160 * kSecond;
    CHECK_FALSE(conversations.is_new(later));
    later.first = 246 * kSecond;
    later.time = 250 * kSecond;
    CHECK(conversations.is_new(later));
}

TEST_CASE("another port, protocol, reason or direction is another conversation") {
    Conversations conversations;
    auto event = syn(40000, kSecond);
    REQUIRE(conversations.is_new(event));
    CHECK(conversations.is_new(syn(40001, kSecond)));
    event.protocol = BH_UDP;
    CHECK(conversations.is_new(event));
    event.reason = BH_REASON_AUDIT;
    CHECK(conversations.is_new(event));
    event.direction = BH_INGRESS;
    CHECK(conversations.is_new(event));
    CHECK_FALSE(conversations.is_new(event));
}

TEST_CASE("silence is counted from the last packet, however many others come meanwhile") {
    Conversations conversations(100);
    REQUIRE(conversations.is_new(syn(1, kSecond)));
    for (uint16_t port = 1000; port < 1040; ++port)
        conversations.is_new(syn(port, 30 * kSecond));
    CHECK_FALSE(conversations.is_new(syn(1, 60 * kSecond)));
    CHECK_FALSE(conversations.is_new(syn(1, 120 * kSecond)));
    CHECK_FALSE(conversations.is_new(syn(1, 184 * kSecond)));
    CHECK(conversations.is_new(syn(1, 250 * kSecond)));
}

TEST_CASE("of more conversations than the limit, the last ones are still known") {
    Conversations conversations(100);
    for (uint16_t port = 0; port < 1000; ++port)
        REQUIRE(conversations.is_new(syn(port, kSecond)));
    for (uint16_t port = 960; port < 1000; ++port)
        CHECK_FALSE(conversations.is_new(syn(port, 2 * kSecond)));
    CHECK(conversations.is_new(syn(0, 2 * kSecond)));
}
