// SPDX-License-Identifier: Apache-2.0
//
// When Events and the log tell that AWS or DNS doesn't answer, and that they do again.
#include <catch2/catch_test_macros.hpp>

#include "controller/look_up_news.h"
#include "controller_value.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {

constexpr state::Time kDate{std::chrono::seconds(1'800'000'000)}; // 2027-01-15T08:00:00Z
constexpr LookUpNews::Pace kPace{.lasting = 30s, .calm = 120s, .told = 3'000s};

resolve::Trouble throttled(const std::string& text = "securityGroups sg-1: RequestLimitExceeded (request 1)") {
    return {.reason = "Throttled", .text = text, .asked = {}, .since = kDate};
}

const resolve::Trouble kNoName{.reason = "NameNotResolved", .text = "db: NXDOMAIN", .asked = {}, .since = kDate + 5s};

/// A leading controller with one AWSResource, whose look-ups go as the test says.
struct Scene {
    state::Cluster cluster;
    Observed observed;
    resolve::Finding finding{.settled = true};
    LookUpNews news{kPace};
    LookUpNews::Time now{1h};
    bool leads = true;

    explicit Scene(const std::string& resolved = "", const std::string& name = "aurora") {
        state::AwsResource resource;
        resource.meta.name = name;
        cluster.put(resource);
        const auto conditions =
            Json::array({{{"type", "Resolved"}, {"status", resolved}, {"lastTransitionTime", "2027-01-15T07:00:00Z"}}});
        const Json status = resolved.empty() ? Json::object() : Json{{"conditions", conditions}};
        observed.resources.put(value({{"metadata", {{"name", name}}}, {"status", status}}));
    }

    void is(std::vector<resolve::Trouble> troubles, bool settled = true) {
        finding = {.settled = settled, .troubles = std::move(troubles)};
        update();
    }
    void after(std::chrono::seconds time) {
        now += time;
        update();
    }
    void update() {
        Findings findings;
        if (leads) findings = [this](const std::string&) { return &finding; };
        news.update(cluster, observed, findings, now);
    }
    Texts failing() const { return texts(news.failing()); }
    Texts answered() const { return texts(news.answered()); }

    static Texts texts(const std::vector<state::Problem>& problems) {
        Texts all;
        for (const auto& problem : problems) {
            CHECK(problem.object == "AWSResource aurora");
            all.push_back(problem.text);
        }
        return all;
    }
};

} // namespace

TEST_CASE("a look-up that goes on failing is told, and that it is answered again, each after a while") {
    Scene scene;
    scene.is({throttled()});
    CHECK(scene.failing().empty());
    CHECK(scene.news.wakes_at() == scene.now + 30s);
    scene.after(29s);
    CHECK(scene.failing().empty());
    scene.after(1s);
    CHECK(scene.failing() == Texts{"Throttled: securityGroups sg-1: RequestLimitExceeded (request 1)"});
    CHECK_FALSE(scene.news.wakes_at());

    scene.is({});
    CHECK(scene.news.wakes_at() == scene.now + 120s);
    scene.after(119s);
    CHECK(scene.failing().size() == 1);
    CHECK(scene.answered().empty());
    scene.after(1s);
    CHECK(scene.failing().empty());
    CHECK(scene.answered() ==
          Texts{"everything that it names is answered again; something wasn't since 2027-01-15T08:00:00Z"});
    CHECK(scene.news.wakes_at() == scene.now + 3'000s);
    scene.after(2'999s);
    CHECK(scene.answered().size() == 1);
    scene.after(1s);
    CHECK(scene.answered().empty());
    CHECK_FALSE(scene.news.wakes_at());
}

TEST_CASE("one failure is no news, and who is answered now and then is failing, once") {
    Scene scene;
    for (int i = 0; i < 10; ++i) {
        scene.is({throttled()});
        scene.after(20s);
        scene.is({});
        scene.after(40s);
    }
    CHECK(scene.failing().empty());
    scene.is({throttled()});
    scene.after(30s);
    const auto told = scene.news.failing();
    REQUIRE(told.size() == 1);
    for (int i = 0; i < 10; ++i) {
        scene.is({});
        scene.after(60s);
        scene.is({throttled("securityGroups sg-1: RequestLimitExceeded (request " + std::to_string(i + 2) + ")")});
        scene.after(60s);
    }
    CHECK(scene.news.failing() == told); // the same to the letter, so that no Event is written for each try
    CHECK(scene.answered().empty());
}

TEST_CASE("another reason is told once, and how many look-ups fail") {
    Scene scene;
    scene.is({throttled()});
    scene.after(30s);
    scene.is({throttled(), kNoName}); // it is the new one that is told
    const Texts both{"2 look-ups fail; one: NameNotResolved: db: NXDOMAIN"};
    CHECK(scene.failing() == both);
    scene.is({throttled()});
    scene.is({kNoName, throttled()});
    CHECK(scene.failing() == both);
    scene.is({});
    scene.after(120s);
    CHECK(scene.answered().front().ends_with("since 2027-01-15T08:00:00Z")); // of the first
}

TEST_CASE("what fails again is no longer told as answered, and is as new as it was") {
    Scene scene;
    scene.is({throttled()});
    scene.after(30s);
    scene.is({});
    scene.after(120s);
    REQUIRE(scene.answered().size() == 1);
    auto later = throttled();
    later.since = kDate + 10min;
    scene.is({later});
    scene.after(30s);
    CHECK(scene.answered().empty());
    CHECK(scene.failing().size() == 1);
    scene.is({});
    scene.after(120s);
    CHECK(scene.answered().front().ends_with("since 2027-01-15T08:10:00Z"));
}

TEST_CASE("who begins to lead takes up what the condition says: that it is answered again, or why not") {
    for (const auto* resolved : {"False", "True", "Unknown", ""}) {
        INFO(resolved);
        const bool was_failing = std::string(resolved) == "False";
        Scene mended(resolved);
        mended.is({}, false); // not everything was asked yet
        mended.after(1h);
        CHECK(mended.answered().empty());
        mended.is({});
        mended.after(120s);
        const Texts since{"everything that it names is answered again; something wasn't since 2027-01-15T07:00:00Z"};
        CHECK(mended.answered() == (was_failing ? since : Texts{}));

        Scene failing(resolved);
        failing.is({throttled()});
        CHECK(failing.failing().size() == (was_failing ? 1 : 0)); // lasting enough
        failing.after(30s);
        CHECK(failing.failing().size() == 1);
    }
}

TEST_CASE("nothing is told of what is gone, has nothing to look up, or is another leader's") {
    Scene gone, elsewhere;
    for (auto* scene : {&gone, &elsewhere}) {
        scene->is({throttled()});
        scene->after(30s);
        REQUIRE(scene->failing().size() == 1);
    }
    gone.cluster.remove({.kind = "AWSResource", .ns = "", .name = "aurora"});
    gone.update();
    elsewhere.leads = false;
    elsewhere.update();
    for (const auto* scene : {&gone, &elsewhere}) {
        CHECK(scene->failing().empty());
        CHECK_FALSE(scene->news.wakes_at());
    }
}

TEST_CASE(
    "news come as often as AWS is asked: two good sweeps are calm, and good news end before Events are repeated") {
    const auto pace = LookUpNews::Pace::of(10min, 1h);
    CHECK(pace.calm == 20min);
    CHECK(pace.lasting == 5min);
    CHECK(pace.told < 1h);
    CHECK(LookUpNews::Pace::of(resolve::Settings{}.interval, 1h).calm == kPace.calm);
    CHECK(LookUpNews::Pace::of(resolve::Settings{}.interval, 1h).lasting == kPace.lasting);
}
