// SPDX-License-Identifier: Apache-2.0
//
// What is found of resources beside a real DNS server, on a loop that turns on a thread of its own.
#include "aws_scene.h"
#include "finder_scene.h"

namespace bulkhead::resolve {

TEST_CASE("names beyond the bound are told with how many there are, what the bound is and what raises it") {
    const auto dns = server_with({"a 5 A 10.0.0.1", "b 5 A 10.0.0.2", "c 5 A 10.0.0.3", "d 5 A 10.0.0.4"});
    FinderScene scene(*dns, {.dns = {.most_names = 2}});
    const auto settled = [&](const std::string& resource) {
        return eventually([&] { return scene.finding(resource).settled; });
    };
    // As many as may be are fine.
    scene.follow({named("first", {"a.db.test"}), named("second", {"a.db.test", "b.db.test"})});
    REQUIRE((settled("first") && settled("second")));
    CHECK(eventually([&] { return scene.finding("second").troubles.empty(); }));
    CHECK(scene.found("second") == "10.0.0.1 10.0.0.2");
    CHECK(scene.figure("bulkhead_dns_names_left_out") == 0);

    // Those that come later are too many, and take nothing from those that are there.
    scene.follow({named("first", {"a.db.test"}), named("second", {"a.db.test", "b.db.test"}),
                  named("third", {"a.db.test", "c.db.test", "d.db.test"})});
    REQUIRE(settled("third"));
    CHECK(scene.finding("first").troubles.empty());
    CHECK(scene.finding("second").troubles.empty());
    CHECK(scene.found("second") == "10.0.0.1 10.0.0.2");
    REQUIRE(scene.finding("third").troubles.size() == 1);
    const auto trouble = scene.finding("third").troubles.front();
    CHECK(trouble.reason == "TooManyNames");
    CHECK(trouble.text == "c.db.test, d.db.test are not followed: AWSResources have 4 names in all, and at most 2 are; "
                          "--dns-names raises that bound");
    CHECK(scene.found("third") == "10.0.0.1"); // of the name that is followed anyway
    CHECK(scene.figure("bulkhead_dns_names_left_out") == 2);

    // When one goes there is room for one.
    scene.follow({named("third", {"a.db.test", "c.db.test", "d.db.test"})});
    REQUIRE(eventually([&] { return scene.found("third") == "10.0.0.1 10.0.0.3"; }));
    REQUIRE(scene.finding("third").troubles.size() == 1);
    CHECK(scene.finding("third").troubles.front().text.starts_with("d.db.test is not followed: AWSResources have 3"));
}

TEST_CASE("that names are too many is told before what is wrong with others, and of many names a few are told") {
    const auto dns = server_with({});
    FinderScene scene(*dns, {.dns = {.most_names = 1}});
    scene.follow({named("all", {"e0.db.test"})});
    scene.follow({named("all", {"e0.db.test", "e1.db.test", "e2.db.test", "e3.db.test", "e4.db.test", "e5.db.test"})});
    REQUIRE(eventually([&] { return scene.finding("all").troubles.size() == 2; }));
    const auto troubles = scene.finding("all").troubles;
    CHECK(troubles[0].reason == "TooManyNames");
    CHECK(troubles[0].text.starts_with("e1.db.test, e2.db.test, e3.db.test and 2 more are not followed"));
    CHECK(troubles[1].reason == "NameNotResolved");
    CHECK(troubles[1].text.starts_with("e0.db.test: there is no such name (NXDOMAIN)"));
}

TEST_CASE("after a restart what DNS says there is none of isn't believed sooner than it would have been without") {
    const auto dns = server_with({"writer 1 A 10.0.0.1", "both 1 A 10.0.0.2", "both 1 AAAA fd00::2"});
    const Resources resources{named("lacks", {"writer.db.test"}), named("has", {"both.db.test"})};
    const Remembered before{.addresses = {require(Cidr::parse("10.0.0.9")), require(Cidr::parse("fd00::9")),
                                          require(Cidr::parse("fd00:9::/64"))}};
    const Memories memories{{"lacks", before}, {"has", before}};
    FinderScene scene(*dns, {.grace = 500ms});
    CHECK(scene.follow(resources, memories).at("lacks") == "10.0.0.9 fd00::9 fd00:9::/64");
    REQUIRE(eventually([&] { return scene.found("lacks") == "10.0.0.1 fd00::9"; }));
    REQUIRE(eventually([&] { return !scene.finding("lacks").troubles.empty(); }));
    const auto trouble = scene.finding("lacks").troubles.front();
    CHECK(trouble.reason == "NameNotResolved");
    CHECK(trouble.text ==
          "DNS says that a name has no address of one family; 1 that was found before is kept for a day, "
          "as it may be its");
    // Where the name has some of each family the grace time is enough.
    REQUIRE(eventually([&] { return scene.found("has") == "10.0.0.2 fd00::2"; }));
    CHECK(eventually([&] { return scene.finding("has").troubles.empty(); }));
    CHECK(scene.found("lacks") == "10.0.0.1 fd00::9");

    FinderScene later(*dns, {.grace = 500ms, .dns = {.keeping = {.gone = 2s}}});
    later.follow(resources, memories);
    REQUIRE(eventually([&] { return later.found("lacks") == "10.0.0.1"; }));
    REQUIRE(eventually([&] { return later.finding("lacks").troubles.empty(); }));
}

namespace {

const Question kGroup{.place = {.region = aws::kRegion}, .kind = Question::Kind::kSecurityGroup, .name = "sg-1"};
const Question kOther{.place = {.region = aws::kRegion}, .kind = Question::Kind::kSecurityGroup, .name = "sg-2"};

Cidr cidr(const char* text) {
    return require(Cidr::parse(text));
}

std::pair<std::string, state::AwsResource> of_groups(std::set<std::string> groups, const state::AwsPlace& place = {}) {
    auto resource = named("db", {});
    resource.second.look_ups.security_groups = std::move(groups);
    resource.second.place = place;
    return resource;
}

/// 10.1.0.1 of sg-1, 10.1.0.2 of sg-2, 10.1.0.3 of both, 10.1.0.4 of nobody knows what.
Memories of_two_groups() {
    return {{"db",
             {.addresses = {cidr("10.1.0.1"), cidr("10.1.0.2"), cidr("10.1.0.3"), cidr("10.1.0.4")},
              .origins = {{cidr("10.1.0.1"), {{.question = kGroup.origin()}}},
                          {cidr("10.1.0.2"), {{.question = kOther.origin()}}},
                          {cidr("10.1.0.3"), {{.question = kGroup.origin()}, {.question = kOther.origin()}}}}}}};
}

Settings asking(const std::string& url) {
    return {.environment = aws::Environment(aws::Variables{{"AWS_ENDPOINT_URL", url},
                                                           {"AWS_ACCESS_KEY_ID", "AKIDOWN"},
                                                           {"AWS_SECRET_ACCESS_KEY", "own/secret+key"}}),
            .region = aws::kRegion,
            .interval = 200ms,
            .grace = 500ms};
}

constexpr state::Time kFoundBy{std::chrono::seconds(1'800'000'000)}; // 2027-01-15T08:00:00Z
constexpr auto kNobody = "http://127.0.0.1:1";

} // namespace

TEST_CASE("after a restart what a look-up found stays while it is asked for, and leaves with it, answered or not") {
    const auto dns = server_with({});
    const auto found = [&](std::set<std::string> groups, const state::AwsPlace& place = {}) {
        FinderScene scene(*dns, asking(kNobody));
        return scene.follow({of_groups(std::move(groups), place)}, of_two_groups()).at("db");
    };
    CHECK(found({"sg-1", "sg-2"}) == "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4");
    CHECK(found({"sg-1"}) == "10.1.0.1 10.1.0.3 10.1.0.4");
    CHECK(found({"sg-2"}) == "10.1.0.2 10.1.0.3 10.1.0.4");
    // The same group elsewhere is another one, which nobody has answered for yet.
    CHECK(found({"sg-1"}, {.region = "eu-west-1"}) == "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4");
}

TEST_CASE("after a restart with other look-ups what the former ones found leaves with the answer to the new ones") {
    const auto dns = server_with({});
    const auto stand_in = require(test::AwsStandIn::start());
    const auto interface = [](const char* id, const char* group, const char* address) {
        return aws::Json{{"id", id}, {"groups", {group}}, {"ipv4", {address}}};
    };
    require(stand_in->set(aws::state_of({{"interfaces", aws::Json::array({interface("eni-1", "sg-1", "10.1.0.1"),
                                                                          interface("eni-3", "sg-3", "10.1.0.9")})}})));
    auto memories = of_two_groups();
    memories.at("db").addresses.erase(cidr("10.1.0.4"));
    auto settings = asking(stand_in->url());
    settings.grace = 1h;
    FinderScene scene(*dns, settings);
    CHECK(scene.follow({of_groups({"sg-1", "sg-3"})}, memories).at("db") == "10.1.0.1 10.1.0.2 10.1.0.3");
    // sg-2's alone leaves; what sg-1 doesn't name any more is kept for the grace time.
    REQUIRE(eventually([&] { return scene.found("db") == "10.1.0.1 10.1.0.3 10.1.0.9"; }));
    CHECK(scene.remembered("db").origins.at(cidr("10.1.0.3")) == std::set<Origin>{{.question = kGroup.origin()}});
    scene.follow({of_groups({"sg-1", "sg-3"})});
    CHECK(scene.found("db") == "10.1.0.1 10.1.0.3 10.1.0.9");
}

TEST_CASE("where what is named now has nothing, as elsewhere than was meant, what was found before stays for a while") {
    const auto dns = server_with({});
    const auto stand_in = require(test::AwsStandIn::start());
    const aws::Json databases = aws::Json::array({{{"id", "eni-1"}, {"groups", {"sg-1"}}, {"ipv4", {"10.1.0.1"}}}});
    auto state = aws::state_of({{"interfaces", databases}});
    state["places"].push_back({{"account", aws::kAccount}, {"region", "eu-west-1"}});
    require(stand_in->set(state));
    auto settings = asking(stand_in->url());
    settings.grace = 2s;
    FinderScene scene(*dns, settings);
    scene.follow({of_groups({"sg-1"})});
    REQUIRE(eventually([&] { return scene.finding("db").is_answered(); }));
    CHECK(scene.follow({of_groups({"sg-1"}, {.region = "eu-west-1"})}).at("db") == "10.1.0.1");
    REQUIRE(eventually([&] { return !scene.finding("db").troubles.empty(); }));
    const auto finding = scene.finding("db");
    CHECK(joined(finding.addresses) == "10.1.0.1");
    CHECK(finding.troubles.front().reason == "NothingThere");
    CHECK(finding.troubles.front().text ==
          "securityGroups sg-1 in eu-west-1 has no address; 1 that was found by what was named before is kept for the "
          "grace time");
    CHECK(finding.troubles.front().asked == Asked{.of = "aws", .account = "", .region = "eu-west-1"});
    // Whoever mends it loses nothing.
    CHECK(scene.follow({of_groups({"sg-1"})}).at("db") == "10.1.0.1");
    REQUIRE(eventually([&] { return scene.finding("db").is_answered(); }));
    CHECK(scene.found("db") == "10.1.0.1");
    // Whoever means it waits.
    scene.follow({of_groups({"sg-1"}, {.region = "eu-west-1"})});
    REQUIRE(eventually([&] { return scene.found("db").empty() && scene.finding("db").is_answered(); }));
}

TEST_CASE("where the same name has something elsewhere, what it had here stays for a while all the same") {
    const auto dns = server_with({});
    const auto stand_in = require(test::AwsStandIn::start());
    const auto databases = [](const char* address) {
        return aws::Json::array({{{"id", "eni-1"}, {"groups", {"sg-1"}}, {"ipv4", {address}}}});
    };
    auto state = aws::state_of({{"interfaces", databases("10.1.0.1")}});
    state["places"].push_back(
        {{"account", aws::kAccount}, {"region", "eu-west-1"}, {"interfaces", databases("10.7.0.1")}});
    require(stand_in->set(state));
    auto settings = asking(stand_in->url());
    settings.grace = 3s;
    FinderScene scene(*dns, settings);
    scene.follow({of_groups({"sg-1"})});
    REQUIRE(eventually([&] { return scene.finding("db").is_answered(); }));
    scene.follow({of_groups({"sg-1"}, {.region = "eu-west-1"})});
    REQUIRE(eventually([&] { return scene.found("db") == "10.1.0.1 10.7.0.1"; }));
    REQUIRE(eventually([&] { return scene.found("db") == "10.7.0.1"; }));
}

TEST_CASE("of whom nobody says where is asked nothing, and what was found before stays") {
    const auto dns = server_with({});
    FinderScene scene(*dns, asking(kNobody));
    const auto nowhere = of_groups({"sg-1"}, {.unsaid = "Tenant payments isn't understood"});
    const Memories memories{{"db", {.addresses = {cidr("10.1.0.1")}, .date = kFoundBy}}};
    CHECK(scene.follow({nowhere}, memories).at("db") == "10.1.0.1");
    REQUIRE(eventually([&] { return !scene.finding("db").troubles.empty(); }));
    const auto trouble = scene.finding("db").troubles.front();
    CHECK(trouble.reason == "Refused");
    CHECK(trouble.text.find("Tenant payments isn't understood") != std::string::npos);
    CHECK(trouble.text.ends_with("; what was found before, by 2027-01-15T08:00:00Z, stays in force"));
    CHECK(scene.found("db") == "10.1.0.1");
}

TEST_CASE("what was recalled of a look-up leaves when good answers don't name it for the grace time") {
    const auto dns = server_with({});
    const auto stand_in = require(test::AwsStandIn::start());
    require(stand_in->set(aws::state_of({{"interfaces", aws::Json::array()}})));
    FinderScene scene(*dns, asking(stand_in->url()));
    CHECK(scene.follow({of_groups({"sg-1", "sg-2"})}, of_two_groups()).at("db") ==
          "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4");
    REQUIRE(eventually([&] { return scene.found("db").empty(); }));
}

TEST_CASE("a name's addresses are recalled by name: its word that there is none is believed after a day, not sooner") {
    const auto dns = server_with({"writer 1 A 10.0.0.1", "fresh 1 A 10.0.0.5"});
    const auto by_name = [](const char* name) { return std::set<Origin>{{.name = name}}; };
    const Memories memories{{"db",
                             {.addresses = {cidr("10.0.0.9"), cidr("fd00::9"), cidr("fd00::8")},
                              .origins = {{cidr("10.0.0.9"), by_name("writer.db.test")},
                                          {cidr("fd00::9"), by_name("writer.db.test")},
                                          {cidr("fd00::8"), by_name("former.db.test")}}}}};
    FinderScene scene(*dns, {.grace = 1s});
    CHECK(scene.follow({named("db", {"writer.db.test"})}, memories).at("db") == "10.0.0.9 fd00::9");
    REQUIRE(eventually([&] { return scene.found("db") == "10.0.0.1 fd00::9"; }));
    REQUIRE(eventually([&] {
        const auto troubles = scene.finding("db").troubles;
        return troubles.size() == 1 && troubles.front().text.find("1 address is kept") != std::string::npos;
    }));
    CHECK(scene.remembered("db").origins.at(cidr("fd00::9")) == by_name("writer.db.test"));

    // Of another name nothing is expected but that it answers.
    FinderScene other(*dns, {.grace = 1h});
    other.follow({named("db", {"fresh.db.test"})}, memories);
    REQUIRE(eventually([&] { return other.found("db") == "10.0.0.5"; }));
}

TEST_CASE("a name that is written down puts out none that has addresses") {
    const auto dns = server_with({"found 1 A 10.0.0.1", "written 1 A 10.0.0.2"});
    auto by_tag = named("db", {});
    by_tag.second.look_ups.resource_tags = {{"team", "pay"}};
    const auto question = *questions_of(by_tag.second, aws::kRegion).begin();
    const Memories memories{
        {"db",
         {.addresses = {cidr("10.0.0.1")},
          .origins = {{cidr("10.0.0.1"), {{.question = question.origin(), .name = "found.db.test"}}}}}}};
    auto settings = asking(kNobody);
    settings.dns.most_names = 1;
    FinderScene scene(*dns, settings);
    REQUIRE(scene.follow({by_tag}, memories).at("db") == "10.0.0.1");
    CHECK(scene.follow({by_tag, named("other", {"written.db.test"})}).at("db") == "10.0.0.1");
    REQUIRE(eventually([&] { return !scene.finding("other").troubles.empty(); }));
    CHECK(scene.finding("other").troubles.front().reason == "TooManyNames");
    CHECK(scene.found("db") == "10.0.0.1");
}

TEST_CASE("what is taken out of a resource leaves at once if all else is answered, else when it is") {
    const auto dns = server_with({"a 1 A 10.0.0.1", "b 1 A 10.0.0.2"});
    FinderScene scene(*dns, {});
    scene.follow({named("db", {"a.db.test", "b.db.test"})});
    REQUIRE(eventually([&] { return scene.finding("db").is_answered(); }));
    CHECK(scene.follow({named("db", {"b.db.test"})}).at("db") == "10.0.0.2");

    // b moves to a name that nobody answers for yet, in two steps.
    scene.follow({named("db", {"b.db.test", "c.db.test"})});
    REQUIRE(eventually([&] { return !scene.finding("db").troubles.empty(); }));
    CHECK(scene.follow({named("db", {"c.db.test"})}).at("db") == "10.0.0.2");
    require(dns->change({"set c 1 A 10.0.0.3"}));
    REQUIRE(eventually([&] { return scene.found("db") == "10.0.0.3"; }));
}

TEST_CASE("what was found by a name that is one too many now stays") {
    const auto dns = server_with({"a 1 A 10.0.0.1", "b 1 A 10.0.0.2"});
    const Memories memories{
        {"db", {.addresses = {cidr("10.0.0.9")}, .origins = {{cidr("10.0.0.9"), {{.name = "b.db.test"}}}}}}};
    FinderScene scene(*dns, {.grace = 100ms, .dns = {.most_names = 1}});
    CHECK(scene.follow({named("db", {"a.db.test", "b.db.test"})}, memories).at("db") == "10.0.0.9");
    REQUIRE(eventually([&] { return scene.found("db") == "10.0.0.1 10.0.0.9"; }));
    CHECK(scene.finding("db").troubles.front().reason == "TooManyNames");
}

} // namespace bulkhead::resolve
