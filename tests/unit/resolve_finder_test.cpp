// SPDX-License-Identifier: Apache-2.0
//
// What is found of resources beside a real DNS server, on a loop that turns on a thread of its own.
#include "finder_scene.h"

namespace bulkhead::resolve {

using namespace test;

TEST_CASE("names beyond the bound are told with how many there are, what the bound is and what raises it") {
    const auto dns = server_with({"a 5 A 10.0.0.1", "b 5 A 10.0.0.2", "c 5 A 10.0.0.3", "d 5 A 10.0.0.4"});
    FinderScene scene(*dns, {.dns = {.most_names = 2}});
    const auto settled = [&](const std::string& resource) {
        return eventually([&] { return scene.finding(resource).settled; });
    };
    // As many as may be are fine.
    scene.follow({named("first", {"a.db.test"}), named("second", {"a.db.test", "b.db.test"})});
    REQUIRE((settled("first") && settled("second")));
    CHECK(scene.finding("second").troubles.empty());
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
    const auto before = [](auto resource) {
        for (const auto* text : {"10.0.0.9", "fd00::9", "fd00:9::/64"})
            resource.second.found.push_back(require(Cidr::parse(text)));
        return resource;
    };
    const Resources resources{before(named("lacks", {"writer.db.test"})), before(named("has", {"both.db.test"}))};
    FinderScene scene(*dns, {.grace = 500ms});
    scene.follow(resources);
    CHECK(scene.found("lacks") == "10.0.0.9 fd00::9 fd00:9::/64");
    REQUIRE(eventually([&] { return scene.found("lacks") == "10.0.0.1 fd00::9"; }));
    REQUIRE(eventually([&] { return !scene.finding("lacks").troubles.empty(); }));
    CHECK(scene.finding("lacks").troubles.front() ==
          Trouble{"NameNotResolved", "DNS says that a name has no address of one family; 1 that was found before is "
                                     "kept for a day, as it may be its"});
    // Where the name has some of each family the grace time is enough.
    REQUIRE(eventually([&] { return scene.found("has") == "10.0.0.2 fd00::2"; }));
    CHECK(scene.finding("has").troubles.empty());
    CHECK(scene.found("lacks") == "10.0.0.1 fd00::9");

    FinderScene later(*dns, {.grace = 500ms, .dns = {.keeping = {.gone = 2s}}});
    later.follow(resources);
    REQUIRE(eventually([&] { return later.found("lacks") == "10.0.0.1"; }));
    REQUIRE(eventually([&] { return later.finding("lacks").troubles.empty(); }));
}

} // namespace bulkhead::resolve
