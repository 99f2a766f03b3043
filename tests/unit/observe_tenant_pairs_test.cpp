// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "observe/tenant_pairs.h"

using namespace bulkhead;
using namespace bulkhead::observe;
using namespace std::chrono_literals;

namespace {

const TenantPairs::Clock::time_point kStart{1000h};

void deny(TenantPairs& pairs, const std::string& from, const std::string& to, uint64_t count = 1,
          TenantPairs::Clock::time_point now = kStart) {
    pairs.add({from, to, BH_VERDICT_DENY, BH_REASON_NOT_GRANTED}, count, now);
}

uint64_t denied(const TenantPairs& pairs, const std::string& from, const std::string& to) {
    const auto counts = pairs.counts();
    const auto found = counts.find({from, to, BH_VERDICT_DENY, BH_REASON_NOT_GRANTED});
    return found == counts.end() ? 0 : found->second;
}

/// Identities 1 and 2 are pods of blog and payments, 3 and 4 the AWS resources of payments and of nobody.
compile::Desired with_names() {
    compile::Desired desired;
    desired.names = {{1, {.tenant = "blog", .what = "pods"}},
                     {2, {.tenant = "payments", .what = "pods"}},
                     {3, {.tenant = "payments", .what = "AWSResource aurora"}},
                     {4, {.tenant = "", .what = "AWSResource metadata"}}};
    return desired;
}

bh_event event_of(uint32_t from, uint32_t to, bh_reason reason) {
    bh_event event{};
    event.src_identity = from;
    event.dst_identity = to;
    event.reason = static_cast<uint8_t>(reason);
    event.verdict = static_cast<uint8_t>(bh_verdict_of(reason));
    return event;
}

} // namespace

TEST_CASE("conversations count by both tenants, verdict and reason, and by resource") {
    TenantPairs pairs(10);
    deny(pairs, "blog", "payments", 2);
    deny(pairs, "blog", "payments");
    deny(pairs, "payments", "blog");
    pairs.add({"blog", "payments", BH_VERDICT_AUDIT, BH_REASON_AUDIT}, 4);
    pairs.add({"blog", "payments", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED, "aurora"}, 5);
    const std::map<TenantPair, uint64_t> expected{
        {{"blog", "payments", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED}, 3},
        {{"payments", "blog", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED}, 1},
        {{"blog", "payments", BH_VERDICT_AUDIT, BH_REASON_AUDIT}, 4},
        {{"blog", "payments", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED, "aurora"}, 5},
    };
    CHECK(pairs.counts() == expected);
    CHECK(pairs.size() == 4);
    CHECK(pairs.overflow() == 0);
}

TEST_CASE("a conversation's pair names both tenants, and the AWS resource that was asked for") {
    const auto desired = with_names();
    const TenantPair pods{"blog", "payments", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED};
    CHECK(pair_of(event_of(1, 2, BH_REASON_NOT_GRANTED), desired) == pods);
    const TenantPair owned{"blog", "payments", BH_VERDICT_ALLOW, BH_REASON_GRANTED, "aurora"};
    CHECK(pair_of(event_of(1, 3, BH_REASON_GRANTED), desired) == owned);
    const TenantPair nobodys{"payments", "(none)", BH_VERDICT_AUDIT, BH_REASON_AUDIT, "metadata"};
    CHECK(pair_of(event_of(2, 4, BH_REASON_AUDIT), desired) == nobodys);
}

TEST_CASE("who is let in needed a door, or went to an AWS resource") {
    const auto desired = with_names();
    for (const auto reason : {BH_REASON_EXPOSED, BH_REASON_TRUSTED, BH_REASON_GRANTED})
        CHECK(is_admission(event_of(1, 2, reason), desired));
    for (const auto reason : {BH_REASON_OPEN, BH_REASON_SAME_TENANT, BH_REASON_LOCAL_HOST, BH_REASON_SELF})
        CHECK_FALSE(is_admission(event_of(1, 2, reason), desired));
    for (const auto reason : {BH_REASON_OPEN, BH_REASON_SAME_TENANT, BH_REASON_GRANTED})
        CHECK(is_admission(event_of(2, 3, reason), desired));
    for (const auto reason : {BH_REASON_NOT_GRANTED, BH_REASON_AUDIT})
        CHECK_FALSE(is_admission(event_of(1, 3, reason), desired));
}

TEST_CASE("beyond the limit conversations count under (other), and nothing is lost") {
    TenantPairs pairs(2);
    for (const auto* from : {"a", "b", "c", "d"})
        deny(pairs, from, "payments", 3);
    deny(pairs, "a", "payments");
    CHECK(denied(pairs, "a", "payments") == 4);
    CHECK(denied(pairs, "b", "payments") == 3);
    CHECK(denied(pairs, "c", "payments") == 0);
    CHECK(denied(pairs, "(other)", "(other)") == 6);
    CHECK(pairs.overflow() == 6);
    CHECK(pairs.size() == 2);
}

TEST_CASE("a pair that nothing was added to for a day makes room for a new one, and for one only") {
    TenantPairs pairs(2);
    deny(pairs, "old", "payments", 1, kStart);
    deny(pairs, "busy", "payments", 1, kStart);
    deny(pairs, "busy", "payments", 1, kStart + 23h);
    deny(pairs, "new", "payments", 1, kStart + 23h + 59min);
    CHECK(pairs.overflow() == 1);
    deny(pairs, "new", "payments", 1, kStart + 24h);
    deny(pairs, "newer", "payments", 1, kStart + 24h);
    CHECK(denied(pairs, "old", "payments") == 0);
    CHECK(denied(pairs, "busy", "payments") == 2);
    CHECK(denied(pairs, "new", "payments") == 1);
    CHECK(denied(pairs, "newer", "payments") == 0);
    CHECK(pairs.overflow() == 2);
}

TEST_CASE("a limit of nothing counts all under (other)") {
    TenantPairs pairs(0);
    deny(pairs, "blog", "payments");
    CHECK(denied(pairs, "(other)", "(other)") == 1);
}

TEST_CASE("who is no tenant has a word that none can have") {
    CHECK(label_of_tenant({.tenant = "ns/blog", .what = "pods"}) == "ns/blog");
    CHECK(label_of_tenant({.tenant = "payments", .what = "AWSResource aurora"}) == "payments");
    CHECK(label_of_tenant({.tenant = "", .what = "AWSResource aurora"}) == "(none)");
    CHECK(label_of_tenant({.tenant = "", .what = "world"}) == "(world)");
    CHECK(label_of_tenant({.tenant = "", .what = "network"}) == "(world)");
    CHECK(label_of_tenant({.tenant = "", .what = "node"}) == "(node)");
    CHECK(label_of_tenant(compile::IdentityId{77}, compile::Desired{}) == "(none)");
}
