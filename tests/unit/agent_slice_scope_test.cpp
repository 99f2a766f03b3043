// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "slice_scope.h"
#include "state/labels.h"

using namespace bulkhead;
using namespace std::chrono_literals;

namespace {

const SliceScope::Time kStart{};

std::set<std::string> scopes(const std::set<std::string>& tenants) {
    std::set<std::string> out;
    for (const auto& tenant : tenants)
        out.insert(state::scope_of(tenant));
    return out;
}

compile::Interest in(const std::set<std::string>& tenants) {
    return {.tenants = tenants, .in_all = ""};
}

compile::Interest in_all() {
    return {.tenants = {"a"}, .in_all = "Tenant a names the world"};
}

} // namespace

TEST_CASE("a scope grows at once, and shrinks when nobody has needed the rest for a day") {
    SliceScope scope;
    CHECK_FALSE(scope.is_chosen());
    REQUIRE(scope.update(in({"a"}), kStart));
    CHECK(scope.scopes() == scopes({"a"}));
    CHECK_FALSE(scope.update(in({"a"}), kStart));
    REQUIRE(scope.update(in({"a", "b"}), kStart));
    CHECK(scope.scopes() == scopes({"a", "b"}));

    CHECK_FALSE(scope.update(in({"b"}), kStart + 1h));
    CHECK(scope.scopes() == scopes({"a", "b"}));
    CHECK_FALSE(scope.is_due(kStart + 24h));
    CHECK(scope.is_due(kStart + 25h));
    REQUIRE(scope.update(in({"b"}), kStart + 25h));
    CHECK(scope.scopes() == scopes({"b"}));
    CHECK_FALSE(scope.is_due(kStart + 99h));
}

TEST_CASE("what was needed stays for its own day, whatever comes or goes meanwhile") {
    SliceScope scope;
    REQUIRE(scope.update(in({"a", "b"}), kStart));
    REQUIRE(scope.update(in({"b", "c"}), kStart + 1h)); // a new one comes in the moment in which another goes
    CHECK(scope.scopes() == scopes({"a", "b", "c"}));
    CHECK_FALSE(scope.update(in({"c"}), kStart + 20h));
    REQUIRE(scope.update(in({"c"}), kStart + 25h));
    CHECK(scope.scopes() == scopes({"b", "c"}));
    CHECK_FALSE(scope.is_due(kStart + 43h));
    CHECK(scope.is_due(kStart + 44h));
    REQUIRE(scope.update(in({"c"}), kStart + 44h));
    CHECK(scope.scopes() == scopes({"c"}));
}

TEST_CASE("what is needed again in time stays in the scope") {
    SliceScope scope;
    REQUIRE(scope.update(in({"a", "b"}), kStart));
    CHECK_FALSE(scope.update(in({"b"}), kStart));
    CHECK_FALSE(scope.update(in({"a", "b"}), kStart + 23h));
    CHECK_FALSE(scope.is_due(kStart + 99h));
    CHECK_FALSE(scope.update(in({"b"}), kStart + 99h));
    CHECK_FALSE(scope.update(in({"b"}), kStart + 99h + 23h));
}

TEST_CASE("a scope of all tenants says why, and ends like any other") {
    SliceScope scope;
    CHECK_FALSE(scope.hears_all(true));
    REQUIRE(scope.update(in({"a"}), kStart));
    CHECK_FALSE(scope.hears_all(true));
    REQUIRE(scope.update(in_all(), kStart));
    CHECK_FALSE(scope.hears_all(false));
    CHECK(scope.hears_all(true));
    CHECK_FALSE(scope.scopes());
    CHECK(scope.text() == "of all tenants: Tenant a names the world");
    CHECK_FALSE(scope.update({.tenants = {}, .in_all = "Tenant b names a CIDR"}, kStart));
    CHECK(scope.text() == "of all tenants: Tenant b names a CIDR");
    CHECK_FALSE(scope.update(in_all(), kStart));
    CHECK_FALSE(scope.update(in({"a"}), kStart + 1h));
    CHECK(scope.text() == "of all tenants: Tenant a names the world");
    REQUIRE(scope.update(in({"a"}), kStart + 25h));
    CHECK(scope.scopes() == scopes({"a"}));
    CHECK(scope.text() == "of 1 tenant");
}

TEST_CASE("a scope of more tenants than fit into a question is one of all") {
    std::set<std::string> many;
    for (int i = 0; i < 256; ++i)
        many.insert("t" + std::to_string(i));
    SliceScope scope;
    REQUIRE(scope.update(in(many), kStart));
    CHECK(scope.scopes());
    many.insert("one more");
    REQUIRE(scope.update(in(many), kStart));
    CHECK_FALSE(scope.scopes());
    CHECK(scope.text() == "of all tenants: more than 256 tenants count here");
}
