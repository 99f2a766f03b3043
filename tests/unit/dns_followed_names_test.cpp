// SPDX-License-Identifier: Apache-2.0
//
// Many names together: who is asked when, and what is said of each. Time is the test's.
#include <deque>

#include "dns/followed_names.h"
#include "dns_fixture.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using namespace bulkhead::dns::test;

namespace {

/// Names, and a DNS that answers at once.
struct Names {
    using Dns = std::function<Answer(const Question&)>;

    explicit Names(Settings settings = {}) : names(std::move(settings), 7) {}

    /// Everything that is due until then is asked and answered.
    void run_until(Time end, const Dns& dns) {
        while (true) {
            const auto next = names.wakes_at();
            if (!next || *next > end) break;
            now = std::max(now, *next);
            for (const auto& question : names.due(now)) {
                ++asked;
                last_second.push_back(now);
                names.take(question, dns(question), now);
            }
            while (now - last_second.front() > 1s)
                last_second.pop_front();
            most_in_a_second = std::max(most_in_a_second, last_second.size());
        }
        now = end;
    }

    FollowedNames names;
    Time now{std::chrono::hours(1)};
    size_t asked = 0;
    size_t most_in_a_second = 0;
    std::deque<Time> last_second;
};

std::set<std::string> many(size_t count) {
    std::set<std::string> names;
    for (size_t i = 0; i < count; ++i)
        names.insert("db" + std::to_string(i) + ".example");
    return names;
}

/// An Aurora cluster's: an address, and none of IPv6.
Answer only_v4(const Question& question) {
    return question.family == BH_IPV4 ? named({"10.0.0.1"}) : without(Outcome::kNoAddress);
}

} // namespace

TEST_CASE("a name has the addresses of both families, and one that it lacks is no error") {
    Names scene;
    scene.names.follow({"db.example"}, scene.now);
    CHECK_FALSE(scene.names.settled());
    CHECK_FALSE(scene.names.state("db.example")->asked);
    scene.run_until(scene.now + 1s, [](const Question& question) {
        return question.family == BH_IPV4 ? named({"10.0.0.1"}) : named({"fd00::1"});
    });
    CHECK(joined(scene.names.addresses("db.example")) == "10.0.0.1 fd00::1");
    scene.run_until(scene.now + 60s, only_v4);
    const auto state = *scene.names.state("db.example");
    CHECK(joined(state.addresses) == "10.0.0.1 fd00::1");
    CHECK(state.in_grace == 1);
    CHECK(state.error.find("1 address is kept") != std::string::npos);
    CHECK(scene.now - *state.named_at > 50s); // of the family where it is older

    Names other;
    other.names.follow({"db.example"}, other.now);
    other.run_until(other.now + 60s, only_v4);
    CHECK(other.names.settled());
    CHECK(other.names.state("db.example")->error.empty());
    CHECK(other.now - *other.names.state("db.example")->named_at < 6s);
}

TEST_CASE("what is wrong with a name is said once where both families say it, and per family where not") {
    Names scene;
    scene.names.follow({"db.example"}, scene.now);
    const auto error_after = [&](const Names::Dns& dns) {
        scene.run_until(scene.now + 20s, dns);
        return scene.names.state("db.example")->error;
    };
    CHECK(error_after([](const auto&) { return without(Outcome::kNoName); }) == "there is no such name (NXDOMAIN)");
    CHECK(error_after([](const auto&) { return without(Outcome::kNoAddress); }) == "the name has no address (NODATA)");
    CHECK(error_after([](const auto&) { return without(Outcome::kRefused, "no"); }) == "no");
    CHECK(error_after([](const Question& question) {
              return question.family == BH_IPV4 ? without(Outcome::kNoReply, "silence") : named({"fd00::1"});
          }) == "silence");
    CHECK(error_after([](const Question& question) {
              return without(Outcome::kNoReply, question.family == BH_IPV4 ? "silence" : "noise");
          }) == "A: silence; AAAA: noise");
    CHECK(error_after(only_v4).find("1 address is kept") != std::string::npos);
}

TEST_CASE("a name that isn't wanted any more is forgotten, and an answer that was under way changes nothing") {
    Names scene;
    scene.names.follow({"a.example", "b.example"}, scene.now);
    const auto due = scene.names.due(scene.now);
    REQUIRE(due.size() == 4);
    scene.names.follow({"b.example", "c.example"}, scene.now);
    for (const auto& question : due)
        CHECK(scene.names.take(question, only_v4(question), scene.now) ==
              (question.name == "b.example" && question.family == BH_IPV4));
    CHECK_FALSE(scene.names.state("a.example"));
    CHECK(scene.names.addresses("a.example").empty());
    CHECK(joined(scene.names.addresses("b.example")) == "10.0.0.1");
    CHECK(scene.names.due(scene.now).size() == 2); // c's
}

TEST_CASE("a name that went and came back is asked anew, and its old question's answer is not taken twice") {
    Names scene;
    scene.names.follow({"a.example"}, scene.now);
    const auto old = scene.names.due(scene.now);
    scene.names.follow({}, scene.now);
    scene.names.follow({"a.example"}, scene.now);
    for (const auto& question : old)
        CHECK_FALSE(scene.names.take(question, only_v4(question), scene.now));
    const auto due = scene.names.due(scene.now);
    REQUIRE(due.size() == 2);
    for (const auto& question : due)
        scene.names.take(question, only_v4(question), scene.now);
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.1");
    CHECK_FALSE(scene.names.take(old[0], named({"10.6.6.6"}), scene.now));
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.1");
}

TEST_CASE("addresses of an earlier life are in force before the first answer, and stay while nothing answers") {
    Names scene;
    scene.names.follow({"a.example"}, scene.now);
    scene.names.recall("a.example", addresses_of({"10.0.0.7", "fd00::7"}));
    scene.names.recall("stranger.example", addresses_of({"10.0.0.8"}));
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.7 fd00::7");
    CHECK(scene.names.addresses("stranger.example").empty());
    scene.run_until(scene.now + 48h, [](const auto&) { return without(Outcome::kServerFailed); });
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.7 fd00::7");
    scene.run_until(scene.now + 29min, only_v4);
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.1 10.0.0.7 fd00::7");
    scene.run_until(scene.now + 2min, only_v4);
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.1 fd00::7"); // none at all: for a day
}

TEST_CASE("addresses of an earlier life come too late after a good answer, and not after a failure") {
    Names scene;
    scene.names.follow({"a.example", "b.example"}, scene.now);
    scene.run_until(scene.now + 10s, [](const Question& question) {
        return question.name == "a.example" ? only_v4(question) : without(Outcome::kServerFailed);
    });
    for (const auto* name : {"a.example", "b.example"})
        scene.names.recall(name, addresses_of({"10.0.0.7"}));
    CHECK(joined(scene.names.addresses("a.example")) == "10.0.0.1");
    CHECK(joined(scene.names.addresses("b.example")) == "10.0.0.7");
}

TEST_CASE("a name too many is refused and named; those that are followed stay, and leave room when they go") {
    Names scene({.most_names = 2});
    CHECK(scene.names.follow({"m.example", "n.example"}, scene.now).empty());
    CHECK(scene.names.follow({"a.example", "m.example", "n.example"}, scene.now) ==
          std::vector<std::string>{"a.example"});
    CHECK(scene.names.state("m.example"));
    CHECK(scene.names.follow({"a.example", "n.example"}, scene.now).empty());
    CHECK(scene.names.state("a.example"));
}

TEST_CASE("five hundred names with Aurora's TTL are about 180 questions a second, never many at once") {
    Names scene;
    scene.names.follow(many(500), scene.now);
    scene.run_until(scene.now + 10min, only_v4);
    INFO("questions in ten minutes: " << scene.asked << ", at most in a second: " << scene.most_in_a_second);
    CHECK(scene.asked > 600 * 155);
    CHECK(scene.asked < 600 * 190);
    CHECK(scene.most_in_a_second <= 430);
    CHECK(scene.names.overdue(scene.now) < 100ms);
}

TEST_CASE("more names than the pace allows are asked later, each in its turn, and it shows") {
    Names scene({.per_second = 50});
    scene.names.follow(many(400), scene.now);
    const auto begin = scene.now;
    scene.run_until(begin + 17s, only_v4);
    CHECK(scene.names.settled()); // 800 questions in 16 s
    scene.run_until(begin + 10min, only_v4);
    CHECK(scene.most_in_a_second <= 54);
    CHECK(scene.asked > 590 * 50);
    CHECK(scene.names.overdue(scene.now) > 1s);
    for (const auto& state : scene.names.states())
        CHECK(scene.now - *state.named_at < 20s);
}
