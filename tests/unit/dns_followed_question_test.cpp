// SPDX-License-Identifier: Apache-2.0
//
// When a question is asked again, and what its answers mean. Time is the test's.
#include "dns/followed_question.h"
#include "dns_fixture.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using namespace bulkhead::dns::test;

namespace {

/// A question that is asked whenever it wants to be.
struct Asking {
    explicit Asking(Keeping keeping = {}, Pace pace = {}) : question(keeping, pace) {}

    std::chrono::milliseconds take(const Answer& answer) {
        pause = question.take(answer, never, now, random);
        now += pause;
        return pause;
    }
    std::string kept() const { return joined(question.kept().all()); }

    FollowedQuestion question;
    std::vector<Cidr> never{};
    Time now{};
    std::chrono::milliseconds pause{0};
    std::minstd_rand random{7};
};

/// A cache in front of a server whose record changes once: it asks when the TTL is over, and counts down until then.
struct Cache {
    Answer ask(Time now) {
        if (now >= until) {
            address = now < changes_at ? "10.0.0.1" : "10.0.0.2";
            until = now + ttl;
        }
        return named({address}, std::chrono::floor<std::chrono::seconds>(until - now));
    }

    std::chrono::seconds ttl;
    Time changes_at;
    const char* address = nullptr;
    Time until{};
};

} // namespace

TEST_CASE("a question is asked again ahead of the TTL's end, and not always at the same time before it") {
    std::chrono::milliseconds shortest = 1h, longest{0};
    for (unsigned seed = 1; seed < 200; ++seed) {
        Asking asking;
        asking.random.seed(seed);
        const auto pause = asking.take(named({"10.0.0.1"}, 20s));
        shortest = std::min(shortest, pause);
        longest = std::max(longest, pause);
    }
    CHECK(shortest >= 15s);
    CHECK(longest <= 18s);
    CHECK(longest - shortest > 2s);
}

TEST_CASE("no TTL makes a question more frequent than the shortest pause, or rarer than the longest") {
    for (const auto ttl : {0s, 1s}) {
        Asking asking;
        for (int i = 0; i < 20; ++i)
            CHECK(asking.take(named({"10.0.0.1"}, ttl)) == 1s);
    }
    Asking asking;
    const auto pause = asking.take(named({"10.0.0.1"}, 24h));
    CHECK(pause >= 45s);
    CHECK(pause <= 54s);
}

TEST_CASE("behind a cache that counts down a change is known before the TTL and a second are over, in few questions") {
    for (int phase = 0; phase < 50; ++phase) {
        Asking asking;
        asking.random.seed(static_cast<unsigned>(phase + 1));
        Cache cache{.ttl = 5s, .changes_at = Time{} + 100s + phase * 100ms};
        int questions = 0;
        auto asked_at = asking.now;
        while (asking.kept().find("10.0.0.2") == std::string::npos) {
            asked_at = asking.now;
            asking.take(cache.ask(asked_at));
            ++questions;
        }
        CHECK(asked_at - cache.changes_at <= 6s);
        CHECK(questions <= 2 * 105 / 5 + 2);
    }
}

TEST_CASE("a server without a cache is asked ahead of each TTL's end, also once the TTL has become shorter") {
    Asking asking;
    asking.take(named({"10.0.0.1"}, 60s));
    asking.take(named({"10.0.0.1"}, 5s)); // might be counted down
    for (int i = 0; i < 10; ++i)
        CHECK(asking.take(named({"10.0.0.1"}, 5s)) < 5s);
}

TEST_CASE("what fails is asked for soon, then less often, but at least every five seconds, and takes nothing away") {
    Asking asking({.grace = 10s, .gone = 20s});
    asking.take(named({"10.0.0.1", "10.0.0.2"}));
    const auto named_at = *asking.question.named_at();
    for (const auto outcome : {Outcome::kServerFailed, Outcome::kRefused, Outcome::kNoReply, Outcome::kUnreachable,
                               Outcome::kMalformed, Outcome::kOther}) {
        std::chrono::milliseconds longest{0};
        for (int i = 0; i < 1000; ++i)
            longest = std::max(longest, asking.take(without(outcome, "it broke")));
        CHECK(longest <= 5s);
        CHECK(longest > 4s);
        CHECK(asking.kept() == "10.0.0.1 10.0.0.2");
        CHECK(asking.question.error() == "it broke");
        CHECK(asking.question.named_at() == named_at);
    }
    asking.take(named({"10.0.0.1"}));
    CHECK(asking.question.error().empty());
    CHECK(asking.take(without(Outcome::kNoReply)) <= 1s); // the first one again
}

TEST_CASE("an outage counts for nobody's grace time, however long it was") {
    Asking asking({.grace = 30s});
    asking.take(named({"10.0.0.1"}));
    asking.take(named({"10.0.0.2"})); // the other one of two readers
    asking.now += 2h;                 // the loop was stuck
    asking.take(without(Outcome::kNoReply));
    asking.now += 2h;
    asking.take(named({"10.0.0.2"}));
    CHECK(asking.kept() == "10.0.0.1 10.0.0.2");
    for (int i = 0; i < 8; ++i)
        asking.take(named({"10.0.0.2"}));
    CHECK(asking.kept() == "10.0.0.2"); // it does count again
}

TEST_CASE("a name that is gone keeps its addresses for a day; then they are given up, and it is asked for less often") {
    Asking asking;
    asking.take(named({"10.0.0.1"}));
    const auto begin = asking.now;
    while (!asking.question.kept().empty()) {
        asking.take(without(Outcome::kNoName, "the server knows none"));
        if (asking.now - begin < 24h - 10s) {
            REQUIRE(asking.kept() == "10.0.0.1");
            REQUIRE(asking.pause <= 5s);
        }
        REQUIRE(asking.now - begin < 25h);
    }
    CHECK(asking.question.error() == "the server knows none; what it had was given up");
    CHECK(asking.take(without(Outcome::kNoName)) >= 7s);
    CHECK(asking.question.error().empty());
    asking.take(named({"10.0.0.9"}));
    CHECK(asking.kept() == "10.0.0.9");
}

TEST_CASE("what never was there is no error, and asked for every ten seconds at most") {
    Asking asking;
    for (int i = 0; i < 20; ++i) {
        const auto pause = asking.take(without(Outcome::kNoAddress));
        CHECK(pause >= 7'500ms);
        CHECK(pause <= 9s);
    }
    CHECK(asking.question.error().empty());
    CHECK(asking.question.last() == Outcome::kNoAddress);
}

TEST_CASE("poisoned answers bring nothing dangerous and replace nothing, however long they last") {
    Asking asking({.grace = 30s});
    asking.take(named({"10.0.0.1"}));
    for (int i = 0; i < 1000; ++i)
        CHECK(asking.take(named({"169.254.169.254"})) <= 5s);
    CHECK(asking.kept() == "10.0.0.1");
    CHECK(asking.question.refused() == 1);
    CHECK(asking.question.error() ==
          "the answer names 169.254.169.254 (link-local), which no name may bring along: left out");
    for (int i = 0; i < 1000; ++i)
        asking.take(named({"0.0.0.0", "10.0.0.2", "127.0.0.1"}));
    CHECK(asking.kept() == "10.0.0.1 10.0.0.2");
    CHECK(asking.question.refused() == 2);
    asking.never.push_back(require(Cidr::parse("10.9.0.0/16")));
    asking.take(named({"10.9.1.1"}));
    CHECK(asking.kept() == "10.0.0.1 10.0.0.2");
    CHECK(asking.question.error().find("in 10.9.0.0/16, which the settings exclude") != std::string::npos);
    asking.take(named({"10.0.0.2"}));
    CHECK(asking.question.error().empty());
    CHECK(asking.question.refused() == 0);
}

TEST_CASE("an answer with too many addresses says how many are left out") {
    Asking asking({.most = 2});
    asking.take(named({"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
    CHECK(asking.kept() == "10.0.0.1 10.0.0.2");
    CHECK(asking.question.error() == "1 address is left out: of one name and family at most 2 are followed");
    asking.take(named({"10.0.0.1", "10.0.0.2"}));
    CHECK(asking.question.error().empty());
}
