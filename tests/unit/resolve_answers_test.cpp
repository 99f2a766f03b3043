// SPDX-License-Identifier: Apache-2.0
//
// What is asked for AWSResources, and what stays of the answers.
#include <catch2/catch_test_macros.hpp>

#include "resolve/answers.h"
#include "resolve/carried.h"
#include "resolve/plan.h"
#include "support/objects.h"
#include "support/require.h"

namespace bulkhead::resolve {
namespace {

using namespace std::chrono_literals;
using test::require;
using Kind = Question::Kind;
using Time = Answers::Time;

constexpr auto kRegion = "eu-central-1";
constexpr state::Time kDate{std::chrono::seconds(1'800'000'000)};

std::set<Cidr> cidrs(std::initializer_list<const char*> texts) {
    std::set<Cidr> all;
    for (const auto* text : texts)
        all.insert(require(Cidr::parse(text)));
    return all;
}

Question group(const std::string& name, const std::string& region = kRegion) {
    return {.place = {.region = region}, .kind = Kind::kSecurityGroup, .name = name};
}

aws::Failure throttled(const std::string& text = "RequestLimitExceeded, request 1") {
    return {.kind = aws::Failure::Kind::kThrottled, .text = text, .code = "RequestLimitExceeded"};
}

/// Answers to one question, minute by minute.
struct Minutes {
    Answers answers{30min};
    Time now{};

    Minutes() { answers.follow({group("sg-1")}); }
    void good(std::initializer_list<const char*> named) {
        answers.take({.question = group("sg-1"), .found = Found{.cidrs = cidrs(named)}}, now, kDate);
        now += 1min;
    }
    void bad(aws::Failure failure = throttled()) {
        answers.take({.question = group("sg-1"), .found = tl::unexpected(std::move(failure))}, now, kDate);
        now += 1min;
    }
    const Answers::State& state() const { return answers.state(group("sg-1")); }
};

} // namespace

TEST_CASE("resources that name the same share a question, another region or role is another place") {
    state::AwsResource aurora, cache, abroad;
    aurora.look_ups.security_groups = {"sg-1", "sg-2"};
    aurora.look_ups.hostnames = {"db.example.com"}; // DNS' business
    cache.look_ups.security_groups = {"sg-2"};
    cache.look_ups.interface_tags = {{"team", "payments"}};
    abroad.look_ups.subnets = {"subnet-1"};
    abroad.place = {.role = "arn:aws:iam::111122223333:role/bulkhead", .region = "eu-west-1"};
    const auto plan = plan_of({{"aurora", aurora}, {"cache", cache}, {"abroad", abroad}, {"none", {}}}, kRegion);
    const state::AwsPlace here{.region = kRegion};
    CHECK(plan == Plan{{here,
                        {group("sg-1"),
                         group("sg-2"),
                         {.place = here, .kind = Kind::kInterfaceTags, .tags = {{"team", "payments"}}}}},
                       {abroad.place, {{.place = abroad.place, .kind = Kind::kSubnet, .name = "subnet-1"}}}});
}

TEST_CASE("where AWS is asked an AWSResource says, else its Tenant, else nobody") {
    state::Cluster cluster;
    auto payments = test::named<state::Tenant>("payments");
    payments.place = {.role = "arn:aws:iam::444455556666:role/lookups", .external_id = "once", .region = "eu-west-1"};
    cluster.put(payments);
    const auto put = [&](const std::string& name, const std::string& tenant, const state::AwsPlace& place) {
        auto resource = test::named<state::AwsResource>(name);
        resource.tenant = tenant;
        resource.look_ups.security_groups = {"sg-1"};
        resource.place = place;
        cluster.put(resource);
    };
    put("silent", "payments", {});
    put("elsewhere", "payments", {.region = "us-east-1"});
    put("as-another", "payments", {.role = "arn:aws:iam::777788889999:role/own"});
    put("blogs", "blog", {});
    put("nobodys", "", {});
    put("unread", "ledger", {});
    put("unread-elsewhere", "ledger", {.region = "us-east-1"});
    put("complete", "ledger", {.role = "arn:aws:iam::777788889999:role/own", .region = "us-east-1"});
    auto plain = test::named<state::AwsResource>("plain");
    plain.cidrs = {test::cidr("10.0.0.0/24")};
    cluster.put(plain);
    std::map<std::string, state::AwsPlace> places;
    for (const auto& [name, resource] : resources_to_look_up(cluster, {"ledger", "payments"}))
        places[name] = resource.place;
    const std::string role = payments.place.role;
    const std::string unsaid = "Tenant ledger isn't understood, and may say in which account and region";
    CHECK(places == std::map<std::string, state::AwsPlace>{
                        {"silent", payments.place},
                        {"elsewhere", {.role = role, .external_id = "once", .region = "us-east-1"}},
                        {"as-another", {.role = "arn:aws:iam::777788889999:role/own", .region = "eu-west-1"}},
                        {"blogs", {}},
                        {"nobodys", {}},
                        {"unread", {.unsaid = unsaid}},
                        {"unread-elsewhere", {.region = "us-east-1", .unsaid = unsaid}},
                        {"complete", {.role = "arn:aws:iam::777788889999:role/own", .region = "us-east-1"}}});
}

TEST_CASE("who asks for tags asks another question than who doesn't, of the same pass") {
    state::AwsResource plain, by_team, by_level;
    for (auto* resource : {&plain, &by_team, &by_level})
        resource->look_ups.security_groups = {"sg-1"};
    by_team.tenant_tag = "team";
    by_level.level_tag = "level";
    const auto plan = plan_of({{"plain", plain}, {"by-team", by_team}, {"by-level", by_level}}, kRegion);
    REQUIRE(plan.size() == 1);
    auto team = group("sg-1"), level = group("sg-1");
    team.tenant_tag = "team";
    level.level_tag = "level";
    CHECK(plan.begin()->second == std::set{group("sg-1"), team, level});
    CHECK(team.text() == group("sg-1").text());
}

TEST_CASE("an address is whose the last answer that names it says, and what isn't named any more stays whose it was") {
    Minutes minutes;
    const auto address = require(Cidr::parse("10.0.0.1")), other = require(Cidr::parse("10.0.0.2"));
    const auto answer = [&](const state::OwnersByAddress& owners, std::initializer_list<const char*> named) {
        const bool news = minutes.answers.take(
            {.question = group("sg-1"), .found = Found{.cidrs = cidrs(named), .owners = owners}}, minutes.now, kDate);
        minutes.now += 1min;
        return news;
    };
    const std::set<state::OwnerTags> payments{{.tenant = "payments"}}, blog{{.tenant = "blog"}};
    CHECK(answer({{address, payments}, {other, payments}}, {"10.0.0.1", "10.0.0.2"}));
    CHECK_FALSE(answer({{address, payments}, {other, payments}}, {"10.0.0.1", "10.0.0.2"}));
    CHECK(minutes.state().kept_cidrs.empty());
    CHECK(answer({{address, blog}}, {"10.0.0.1"})); // at once
    CHECK(minutes.state().owners == state::OwnersByAddress{{address, blog}, {other, payments}});
    CHECK(minutes.state().kept_cidrs == cidrs({"10.0.0.2"}));
    minutes.bad();
    CHECK(minutes.state().owners == state::OwnersByAddress{{address, blog}, {other, payments}});
    CHECK(answer({}, {"10.0.0.1"})); // the tag was removed
    CHECK(minutes.state().owners == state::OwnersByAddress{{other, payments}});
    for (int i = 0; i < 40; ++i)
        answer({}, {"10.0.0.1"});
    CHECK(minutes.state().owners.empty());
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.1"}));
}

TEST_CASE("no single answer takes an address away, however seldom it is asked") {
    Minutes minutes;
    minutes.good({"10.0.0.1"});
    minutes.now += 24h;
    minutes.good({});
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.1"}));
    minutes.now += 24h;
    minutes.good({});
    CHECK(minutes.state().cidrs.empty());
}

TEST_CASE("an address is there with the first answer that names it, and stays for the grace time after the last") {
    Minutes minutes;
    CHECK_FALSE(minutes.state().asked());
    minutes.good({"10.0.0.1", "10.0.0.2"});
    minutes.good({"10.0.0.2", "10.0.0.3"});
    for (int i = 0; i < 28; ++i)
        minutes.good({"10.0.0.2", "10.0.0.3"});
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
    minutes.good({"10.0.0.2", "10.0.0.3"}); // 30 minutes after it was named last
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.2", "10.0.0.3"}));
}

TEST_CASE("an address that is named again begins its grace time anew") {
    Minutes minutes;
    minutes.good({"10.0.0.1"});
    for (int i = 0; i < 20; ++i)
        minutes.good({});
    minutes.good({"10.0.0.1"});
    for (int i = 0; i < 29; ++i)
        minutes.good({});
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.1"}));
    minutes.good({});
    CHECK(minutes.state().cidrs.empty());
}

TEST_CASE("failures take nothing away however long they last, and the grace time stands still") {
    Minutes minutes;
    minutes.good({"10.0.0.1"});
    minutes.good({});
    for (int i = 0; i < 5'000; ++i)
        minutes.bad();
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.1"}));
    CHECK(minutes.state().failure->kind == aws::Failure::Kind::kThrottled);
    CHECK(minutes.answers.oldest(minutes.now) == 5'001min);
    minutes.good({}); // after days
    CHECK(minutes.state().cidrs == cidrs({"10.0.0.1"}));
    CHECK_FALSE(minutes.state().failure);
    for (int i = 0; i < 29; ++i)
        minutes.good({});
    CHECK(minutes.state().cidrs.empty());
}

TEST_CASE("of failures alike the first is told, another kind is told anew") {
    Minutes minutes;
    minutes.bad(throttled("request 1"));
    minutes.bad(throttled("request 2"));
    CHECK(minutes.state().failure->text == "request 1");
    minutes.bad({.kind = aws::Failure::Kind::kDenied, .text = "request 3", .code = "UnauthorizedOperation"});
    CHECK(minutes.state().failure->text == "request 3");
}

TEST_CASE("since when a question fails is when it failed first after a good answer, whatever the reason since") {
    Answers answers{30min};
    answers.follow({group("sg-1")});
    const auto fail_at = [&](const aws::Failure& failure, std::chrono::seconds time) {
        answers.take({.question = group("sg-1"), .found = tl::unexpected(failure)}, Time(time), kDate + time);
        return answers.state(group("sg-1")).failing_since;
    };
    CHECK(fail_at(throttled(), 60s) == kDate + 60s);
    CHECK(fail_at(throttled(), 120s) == kDate + 60s);
    CHECK(fail_at({.kind = aws::Failure::Kind::kDenied, .text = "", .code = "AccessDenied"}, 180s) == kDate + 60s);
    answers.take({.question = group("sg-1"), .found = Found{}}, Time(240s), kDate + 240s);
    CHECK(fail_at(throttled(), 300s) == kDate + 300s);
}

TEST_CASE("that AWS isn't asked for a while tells nothing new, and what it says then does, if it is something else") {
    Minutes minutes;
    const aws::Failure held_back{.kind = aws::Failure::Kind::kThrottled, .text = "not asked for another 40 s"};
    minutes.bad(held_back);
    CHECK(minutes.state().failure->text == held_back.text);
    for (int i = 0; i < 3; ++i) {
        minutes.bad(throttled("request 1"));
        CHECK(minutes.state().failure->text == "request 1");
        minutes.bad(held_back);
        CHECK(minutes.state().failure->text == "request 1");
    }
    minutes.bad({.kind = aws::Failure::Kind::kUnavailable, .text = "nobody listens there"});
    CHECK(minutes.state().failure->text == "nobody listens there");
}

TEST_CASE("what is remembered comes too late after a good answer, and not after a failure") {
    Answers answers{30min};
    answers.follow({group("sg-1"), group("sg-2")});
    answers.take({.question = group("sg-1"), .found = tl::unexpected(throttled())}, Time(1s), kDate);
    answers.take({.question = group("sg-2"), .found = Found{}}, Time(1s), kDate);
    Found remembered;
    remembered.cidrs.insert(*Cidr::parse("10.0.0.7/32"));
    for (const auto* name : {"sg-1", "sg-2"})
        answers.recall(group(name), remembered);
    CHECK(answers.state(group("sg-1")).cidrs == remembered.cidrs);
    CHECK(answers.state(group("sg-2")).cidrs.empty());
}

TEST_CASE("a question that nobody asks any more is forgotten at once") {
    Minutes minutes;
    minutes.good({"10.0.0.1"});
    minutes.answers.follow({group("sg-2")});
    minutes.good({"10.0.0.1"}); // under way meanwhile
    minutes.answers.follow({group("sg-1"), group("sg-2")});
    CHECK(minutes.state().cidrs.empty());
    CHECK_FALSE(minutes.state().asked());
}

TEST_CASE("what was found before us stays until all look-ups went well for the grace time") {
    Carried carried(cidrs({"10.0.0.1"}));
    Time now{};
    const auto minutes = [&](int count, bool well) {
        bool left = false;
        for (int i = 0; i < count; ++i, now += 1min)
            left |= carried.pass({.all_well = well, .all_found = true}, now, {.grace = 30min});
        return left;
    };
    CHECK_FALSE(minutes(10'000, false));
    CHECK_FALSE(minutes(20, true)); // 19 minutes
    CHECK_FALSE(minutes(100, false));
    CHECK_FALSE(minutes(11, true)); // ten more
    CHECK(carried.addresses() == cidrs({"10.0.0.1"}));
    CHECK(minutes(2, true));
    CHECK(carried.addresses().empty());
}

TEST_CASE(
    "what was found before us of a family that a name has none of stays as long as such an answer isn't believed") {
    Carried carried(cidrs({"10.0.0.1", "fd00::1", "fd00:1::/64"}));
    const Carried::Patience patience{.grace = 30min, .gone = 24h};
    Time now{};
    const auto minutes = [&](std::chrono::minutes time, const Carried::Families& lacking) {
        for (const auto end = now + time; now < end; now += 1min)
            carried.pass({.all_well = true, .all_found = true, .lacking = lacking}, now, patience);
    };
    minutes(30min, {BH_IPV6}); // 29 minutes from the first to the last
    CHECK(carried.addresses() == cidrs({"10.0.0.1", "fd00::1", "fd00:1::/64"}));
    CHECK(carried.held(patience).empty());
    minutes(1min, {BH_IPV6});
    CHECK(carried.addresses() == cidrs({"fd00::1"})); // a network is no name's
    CHECK(carried.held(patience) == cidrs({"fd00::1"}));
    minutes(24h - 31min, {BH_IPV6});
    CHECK(carried.addresses() == cidrs({"fd00::1"}));

    // The name has some again: from there on it is an address that isn't named any more.
    minutes(29min, {});
    CHECK(carried.held(patience).empty());
    minutes(20h, {BH_IPV6});
    CHECK(carried.addresses() == cidrs({"fd00::1"}));
    minutes(1min, {});
    CHECK(carried.addresses().empty());
}

TEST_CASE("what was found before us of a family that a name has none of leaves after a day of that, and not before") {
    Carried carried(cidrs({"10.0.0.1", "fd00::1"}));
    const Carried::Patience patience{.grace = 30min, .gone = 24h};
    const auto well = [&](Time at, bool all_well = true) {
        return carried.pass({.all_well = all_well, .all_found = true, .lacking = {BH_IPV6}}, at, patience);
    };
    const Time begin{};
    CHECK_FALSE(well(begin));
    CHECK(well(begin + 20h)); // IPv4's
    CHECK_FALSE(well(begin + 30h, false));
    CHECK_FALSE(well(begin + 30h)); // ten hours in which nothing was heard
    CHECK_FALSE(well(begin + 34h));
    CHECK(carried.addresses() == cidrs({"fd00::1"}));
    CHECK(well(begin + 34h + 1s));
    CHECK(carried.addresses().empty());
}

const Carried::Answers kAllFound{.all_well = true, .all_found = true};

TEST_CASE("what was found by another name stays until all that is named now has been answered, and no longer") {
    Carried carried;
    carried.keep(cidrs({"10.0.0.1"}));
    Time now{};
    for (int i = 0; i < 10'000; ++i, now += 1min)
        CHECK_FALSE(carried.pass({.all_well = false}, now, {.grace = 30min}));
    CHECK(carried.addresses() == cidrs({"10.0.0.1"}));
    CHECK(carried.pass(kAllFound, now, {.grace = 30min}));
    CHECK(carried.addresses().empty());

    Carried former(cidrs({"10.0.0.1"})); // of the controller before us, of which nobody knows what named it
    former.keep(cidrs({"10.0.0.1", "10.0.0.2"}));
    CHECK_FALSE(former.pass(kAllFound, now, {.grace = 30min}));
    CHECK(former.addresses() == cidrs({"10.0.0.1", "10.0.0.2"}));
    CHECK(former.pass(kAllFound, now + 30min, {.grace = 30min}));
}

TEST_CASE("what was found elsewhere stays for the grace time, whatever is found by the same name here") {
    Carried carried;
    carried.keep(cidrs({"10.0.0.1"}), {}, Carried::Now::kIsElsewhere);
    CHECK(carried.is_replaced());
    Time now{};
    for (int i = 0; i < 30; ++i, now += 1min)
        CHECK_FALSE(carried.pass(kAllFound, now, {.grace = 30min}));
    carried.keep(cidrs({"10.0.0.2"})); // and then by another name: the whole waits for the grace time
    CHECK_FALSE(carried.pass(kAllFound, now, {.grace = 30min}));
    CHECK(carried.pass(kAllFound, now + 30min, {.grace = 30min}));
    CHECK(carried.addresses().empty());
    CHECK_FALSE(carried.is_replaced());
}

TEST_CASE("what was found by another name stays for the grace time where something that is named now has nothing") {
    Carried carried;
    carried.keep(cidrs({"10.0.0.1", "10.1.0.0/24"}));
    const Carried::Answers nothing{.all_well = true};
    Time now{};
    for (int i = 0; i < 30; ++i, now += 1min)
        CHECK_FALSE(carried.pass(nothing, now, {.grace = 30min}));
    CHECK(carried.is_replaced());
    SECTION("it finds something after all") {
        CHECK(carried.pass(kAllFound, now - 1s, {.grace = 30min}));
    }
    SECTION("it has nothing all the time") {
        CHECK(carried.pass(nothing, now, {.grace = 30min}));
    }
    CHECK(carried.addresses().empty());
    CHECK_FALSE(carried.is_replaced());
}

} // namespace bulkhead::resolve
