// SPDX-License-Identifier: Apache-2.0
//
// What was found before, by what is asked now.
#include <catch2/catch_test_macros.hpp>

#include "resolve/remembered.h"
#include "support/require.h"

namespace bulkhead::resolve {
namespace {

using test::require;
using Kind = Question::Kind;

const state::AwsPlace kPlace{.role = "arn:aws:iam::111122223333:role/a", .external_id = "ours", .region = "eu-west-1"};

Cidr address(const char* text) {
    return require(Cidr::parse(text));
}

Question sg(const std::string& name) {
    return {.place = kPlace, .kind = Kind::kSecurityGroup, .name = name};
}

Question tagged(const state::Labels& tags) {
    return {.place = kPlace, .kind = Kind::kResourceTags, .tags = tags};
}

Remembered one(const Origin& origin) {
    return {.addresses = {address("10.0.0.1")}, .origins = {{address("10.0.0.1"), {origin}}}};
}

/// Whether a question's answer is recalled where that one is asked.
bool is_recalled(const Question& found_by, const Question& asked) {
    const auto recalled = recall(one({.question = found_by.origin()}), {asked}, {});
    const bool is_so = recalled.questions.contains(asked);
    CHECK(recalled.of_others.addresses.empty() == is_so);
    CHECK(recalled.is_replaced == !is_so);
    CHECK(recalled.of_nobody.addresses.empty());
    return is_so;
}

} // namespace

TEST_CASE("a question is the same by what it asks, where and as whom, whatever tags say whose the answer is") {
    const auto asked = sg("sg-1");
    CHECK(is_recalled(asked, asked));
    auto with_owner = asked;
    with_owner.tenant_tag = "team";
    with_owner.level_tag = "level";
    CHECK(is_recalled(asked, with_owner));

    CHECK_FALSE(is_recalled(asked, sg("sg-10")));
    auto subnet = asked;
    subnet.kind = Kind::kSubnet;
    CHECK_FALSE(is_recalled(asked, subnet));
    for (const auto& place :
         {state::AwsPlace{.role = kPlace.role, .external_id = "ours", .region = "eu-west-2"},
          state::AwsPlace{.role = kPlace.role, .external_id = "", .region = "eu-west-1"},
          state::AwsPlace{.role = "arn:aws:iam::111122223334:role/a", .external_id = "ours", .region = "eu-west-1"},
          state::AwsPlace{.region = "eu-west-1"}}) {
        auto elsewhere = asked;
        elsewhere.place = place;
        CHECK_FALSE(is_recalled(asked, elsewhere));
    }
    CHECK(is_recalled(tagged({{"a", "b"}}), tagged({{"a", "b"}})));
    CHECK_FALSE(is_recalled(tagged({{"a", "b"}}), tagged({{"a", "b"}, {"c", "d"}})));
    CHECK_FALSE(is_recalled(tagged({{"a", "b c=d"}}), tagged({{"a", "b"}, {"c", "d"}})));
    CHECK_FALSE(is_recalled(tagged({{"a", "b\" \"c\"=\"d"}}), tagged({{"a", "b"}, {"c", "d"}})));
}

TEST_CASE("an address is its question's with its owners, and a name's that a question told is that name's") {
    const auto by_tags = tagged({{"team", "*"}});
    const state::OwnersByAddress owners{{address("10.0.0.1"), {{.tenant = "payments"}}},
                                        {address("10.0.0.2"), {{.tenant = "blog"}}}};
    const Remembered remembered{
        .addresses = {address("10.0.0.1"), address("10.0.0.2")},
        .owners = owners,
        .origins = {{address("10.0.0.1"), {{.question = sg("sg-1").origin()}}},
                    {address("10.0.0.2"), {{.question = by_tags.origin(), .name = "blog.test"}}}}};
    const auto recalled = recall(remembered, {sg("sg-1"), by_tags}, {});
    CHECK(recalled.questions.at(sg("sg-1")) ==
          Found{.cidrs = {address("10.0.0.1")}, .owners = {{address("10.0.0.1"), {{.tenant = "payments"}}}}});
    CHECK(recalled.questions.at(by_tags) ==
          Found{.names = {"blog.test"}, .name_owners = {{"blog.test", {{.tenant = "blog"}}}}});
    CHECK(recalled.names.at("blog.test") ==
          Spoken{.addresses = {address("10.0.0.2")}, .owners = {{address("10.0.0.2"), {{.tenant = "blog"}}}}});
    CHECK(recalled.names.size() == 1);
    CHECK_FALSE(recalled.is_replaced);

    // Without the tags the name is nobody's, unless the resource names it itself.
    CHECK(recall(remembered, {sg("sg-1")}, {}).of_others.addresses == std::set{address("10.0.0.2")});
    CHECK(recall(remembered, {sg("sg-1")}, {"blog.test"}).names.contains("blog.test"));
    CHECK(recall(remembered, {sg("sg-1")}, {"blog.tes"}).of_others.addresses == std::set{address("10.0.0.2")});
}

TEST_CASE("what several look-ups found stays by any of them, and what nobody knows the origin of is nobody's") {
    Remembered remembered = one({.question = sg("sg-1").origin()});
    remembered.origins.at(address("10.0.0.1")).insert({.name = "db.test"});
    remembered.addresses.insert(address("10.0.0.7"));
    remembered.owners = {{address("10.0.0.7"), {{.tenant = "payments"}}}};
    const auto by_name = recall(remembered, {}, {"db.test"});
    CHECK(by_name.names.at("db.test").addresses == std::set{address("10.0.0.1")});
    CHECK(by_name.of_others.addresses.empty());
    CHECK(by_name.of_nobody == Spoken{.addresses = {address("10.0.0.7")}, .owners = remembered.owners});
    CHECK_FALSE(by_name.is_replaced);
    CHECK(recall(remembered, {sg("sg-1")}, {}).questions.at(sg("sg-1")).cidrs == std::set{address("10.0.0.1")});
    CHECK(recall(remembered, {sg("sg-2")}, {"other.test"}).of_others.addresses == std::set{address("10.0.0.1")});
    // What was dropped from a resource has no successor; what stands beside it may be one.
    CHECK(recall(remembered, {sg("sg-1")}, {"new.test"}).is_replaced);
    CHECK_FALSE(recall(remembered, {sg("sg-1")}, {}).is_replaced);
}

} // namespace bulkhead::resolve
