// SPDX-License-Identifier: Apache-2.0
//
// Whose an address is if several look-ups speak of it, and in which slice it is then.
#include <catch2/catch_test_macros.hpp>

#include "resolve/placement.h"
#include "support/require.h"

namespace bulkhead::resolve {
namespace {

using test::require;
using Owners = std::set<state::OwnerTags>;

const state::OwnerTags kPayments{.tenant = "payments"}, kBlog{.tenant = "blog"};

Cidr at(const std::string& text) {
    return require(Cidr::parse(text));
}

/// 10.0.x.y
std::set<Cidr> many(size_t from, size_t to) {
    std::set<Cidr> all;
    for (size_t i = from; i < to; ++i)
        all.insert(require(Cidr::parse("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1))));
    return all;
}

Spoken of(const std::set<Cidr>& addresses, const Owners& owners = {}) {
    Spoken spoken;
    for (const auto& address : addresses)
        spoken.add(address, owners);
    return spoken;
}

/// The slices that have it, as the API server has them.
std::set<state::OwnerTags> owners_of(const Placement& placement, const Cidr& address) {
    std::set<state::OwnerTags> owners;
    for (const auto& [number, placed] : placement)
        if (placed.addresses.contains(address)) owners.insert(placed.owner);
    return owners;
}

} // namespace

TEST_CASE("an address stays in its slice, whatever comes and goes around it") {
    const auto first = place({}, of(many(0, 250)));
    REQUIRE(first.size() == 3);
    CHECK(first.at(0).addresses.size() == 100);
    CHECK(first.at(2).addresses.size() == 50);

    auto wanted = many(0, 250);
    const auto gone = *first.at(1).addresses.begin();
    wanted.erase(gone);
    const auto without = place(first, of(wanted));
    CHECK(without.at(0) == first.at(0));
    CHECK(without.at(2) == first.at(2));
    CHECK(without.at(1).addresses.size() == 99);

    const auto come = *many(300, 301).begin();
    wanted.insert(come);
    const auto with = place(without, of(wanted));
    CHECK(with.at(0) == first.at(0));
    CHECK(with.at(1).addresses.contains(come)); // where there was room
    CHECK(with.at(2) == first.at(2));
    CHECK(place(with, of(wanted)) == with);
}

TEST_CASE("slices that nothing is left of are gone, and none has more than it may or what another one has") {
    const auto first = place({}, of(many(0, 250)));
    CHECK(place(first, {}).empty());
    CHECK(place(first, of(first.at(1).addresses)) == Placement{{1, first.at(1)}});
    const auto odd = // somebody wrote it by hand
        place({{7, {.addresses = many(0, 150)}}, {9, {.addresses = many(0, 50)}}}, of(many(0, 150)));
    size_t count = 0;
    for (const auto& [number, placed] : odd) {
        CHECK(placed.addresses.size() <= kMostOfSlice);
        count += placed.addresses.size();
    }
    CHECK(count == 150);
}

TEST_CASE("a slice is of one owner, and an address of several is in one of each") {
    auto wanted = of(many(0, 150), {kPayments});
    wanted.fill_up(of(many(150, 200), {kBlog}));
    wanted.fill_up(of(many(200, 210)));
    wanted.fill_up(of(many(210, 211), {kPayments, kBlog}));
    const auto placed = place({}, wanted);
    CHECK(placed.size() == 4);
    CHECK(owners_of(placed, *many(149, 150).begin()) == Owners{kPayments});
    CHECK(owners_of(placed, *many(199, 200).begin()) == Owners{kBlog});
    CHECK(owners_of(placed, *many(200, 201).begin()) == Owners{{}});
    CHECK(owners_of(placed, *many(210, 211).begin()) == Owners{kPayments, kBlog});
    CHECK(place(placed, wanted) == placed);
}

TEST_CASE("an address whose tag changed is in the new owner's slice before it leaves the former's") {
    const auto before = place({}, of(many(0, 3), {kPayments}));
    auto wanted = of(many(0, 2), {kPayments});
    wanted.fill_up(of(many(2, 3), {kBlog}));
    const auto moved = *many(2, 3).begin();
    const auto between = place(before, wanted);
    CHECK(owners_of(between, moved) == Owners{kPayments, kBlog});
    CHECK(between.at(0) == before.at(0)); // not touched until the other is there
    const auto after = place(between, wanted);
    CHECK(owners_of(after, moved) == Owners{kBlog});
    CHECK(after.at(0).addresses == many(0, 2));
    CHECK(place(after, wanted) == after);
    // What isn't named by anybody goes at once, as ever.
    CHECK(owners_of(place(before, of(many(0, 2), {kPayments})), moved).empty());
    // And if the tag is removed.
    CHECK(owners_of(place(place(before, of(many(0, 3))), of(many(0, 3))), moved) == Owners{{}});
}

TEST_CASE(
    "of what speaks for an address the best says whose it is, and nothing leaves because a better one is silent") {
    Evidence evidence;
    evidence.now.add(at("10.0.0.1"), {kBlog});
    evidence.kept.add(at("10.0.0.1"), {kPayments});
    evidence.kept.add(at("10.0.0.2"), {kPayments});
    evidence.carried.add(at("10.0.0.2"), {kBlog});
    evidence.carried.add(at("10.0.0.3"), {kBlog});
    evidence.now.add(at("10.0.0.4"), Owners{});
    evidence.kept.add(at("10.0.0.4"), {kPayments}); // what said so was left out of the last answer
    evidence.now.add(at("10.0.0.5"), {kBlog});
    evidence.now.add(at("10.0.0.5"), {kPayments}); // as good as each other
    evidence.now.add(at("10.0.0.6"), Owners{});
    evidence.carried.add(at("10.0.0.6"), {kBlog}); // whoever says so now may not have answered yet
    const auto all = std::move(evidence).all();
    CHECK(all.addresses.size() == 6);
    CHECK(all.owners == state::OwnersByAddress{{at("10.0.0.1"), {kBlog}},
                                               {at("10.0.0.2"), {kPayments}},
                                               {at("10.0.0.3"), {kBlog}},
                                               {at("10.0.0.4"), {kPayments}},
                                               {at("10.0.0.5"), {kBlog, kPayments}},
                                               {at("10.0.0.6"), {kBlog}}});
}

TEST_CASE("beyond 256 owners a new one is told as too many, and takes nothing from those that were there") {
    state::OwnersByAddress owners;
    size_t number = 0;
    for (const auto& address : many(0, kMostOwners))
        owners[address] = {{.tenant = "t" + std::to_string(++number)}};
    const auto before = owners;
    limit_owners(owners, {});
    CHECK(owners == before);
    const auto late = *many(400, 401).begin(), later = *many(401, 402).begin();
    owners[late] = {{.tenant = "a"}}; // sorts before all of them
    owners[later] = {{.tenant = "t7"}, {.tenant = "a", .level = "protected"}};
    limit_owners(owners, before);
    CHECK(owners.at(late) == Owners{{.tenant = kTooManyOwners}});
    CHECK(owners.at(later) == Owners{{.tenant = "t7"}, {.tenant = kTooManyOwners, .level = kTooManyOwners}});
    for (const auto& [address, of_it] : before)
        CHECK(owners.at(address) == of_it);
    // Who takes over has it from slices, where one too many is told as such: that is no owner more.
    const auto told = owners;
    limit_owners(owners, {});
    CHECK(owners == told);
}

TEST_CASE("a slice's name has its resource's and its number, and is never too long") {
    CHECK(slice_name("payments-aurora", 12) == "resource-payments-aurora-12");
    CHECK(slice_number("resource-payments-aurora-12") == 12);
    CHECK_FALSE(slice_number("resource-payments-aurora"));
    CHECK_FALSE(slice_number("node-a-00000001"));
    const std::string a(253, 'a');
    const auto b = std::string(252, 'a') + "b";
    CHECK(slice_name(a, 4'000'000'000).size() <= 253);
    CHECK(slice_name(a, 0) != slice_name(b, 0));
    const auto dotted = slice_name(std::string(220, 'a') + "." + std::string(30, 'b'), 0);
    CHECK(dotted.find(".-") == std::string::npos);
}

} // namespace bulkhead::resolve
