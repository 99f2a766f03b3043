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
    pairs.add(from, to, BH_REASON_NOT_GRANTED, BH_VERDICT_DENY, count, now);
}

uint64_t denied(const TenantPairs& pairs, const std::string& from, const std::string& to) {
    const auto counts = pairs.counts();
    const auto found = counts.find({from, to, BH_VERDICT_DENY, BH_REASON_NOT_GRANTED});
    return found == counts.end() ? 0 : found->second;
}

} // namespace

TEST_CASE("conversations count by both tenants, verdict and reason; allowed ones don't") {
    TenantPairs pairs(10);
    deny(pairs, "blog", "payments", 2);
    deny(pairs, "blog", "payments");
    deny(pairs, "payments", "blog");
    pairs.add("blog", "payments", BH_REASON_AUDIT, BH_VERDICT_AUDIT, 4);
    pairs.add("blog", "payments", BH_REASON_GRANTED, BH_VERDICT_ALLOW, 5);
    const std::map<TenantPair, uint64_t> expected{
        {{"blog", "payments", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED}, 3},
        {{"payments", "blog", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED}, 1},
        {{"blog", "payments", BH_VERDICT_AUDIT, BH_REASON_AUDIT}, 4},
    };
    CHECK(pairs.counts() == expected);
    CHECK(pairs.size() == 3);
    CHECK(pairs.overflow() == 0);
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
