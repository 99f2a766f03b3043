// SPDX-License-Identifier: Apache-2.0
//
// What is asked for together, by how large each answer is.
#include <catch2/catch_test_macros.hpp>

#include "resolve/passes.h"

namespace bulkhead::resolve {
namespace {

using AnswerSizes = std::map<std::string, size_t>; // bytes of each group's answer
using Sets = std::vector<std::set<std::string>>;

constexpr size_t kMost = 1000;

/// `count` small ones.
AnswerSizes groups(size_t count, const AnswerSizes& others = {}) {
    auto all = others;
    for (size_t i = 0; i < count; ++i)
        all["sg-" + std::to_string(1000 + i)] = 1;
    return all;
}

struct Swept {
    Sets asked;    // well or not
    Sets answered; // well
    Sets failed;   // and not divided, or not asked for at all
    bool operator==(const Swept&) const = default;
};

class PassesScene {
public:
    Swept sweep(const AnswerSizes& sizes) {
        Passes::Subjects all;
        for (const auto& [name, size] : sizes)
            all.insert({.kind = Question::Kind::kSecurityGroup, .name = name});
        Swept sweep;
        passes_.begin(all);
        for (const auto& [subject, failure] : passes_.large()) {
            CHECK(failure.text == "too large");
            sweep.failed.push_back({subject.name});
        }
        ask(sizes, sweep);
        passes_.begin_large();
        ask(sizes, sweep);
        check_each_once(sizes, sweep);
        return sweep;
    }

    bool is_unavailable = false;

private:
    void ask(const AnswerSizes& sizes, Swept& sweep) {
        for (auto pass = passes_.next(); !pass.empty(); pass = passes_.next()) {
            size_t bytes = 0;
            std::set<std::string> names;
            for (const auto& subject : pass) {
                bytes += sizes.at(subject.name);
                names.insert(subject.name);
            }
            sweep.asked.push_back(names);
            if (is_unavailable) {
                sweep.failed.push_back(names);
            } else if (bytes <= kMost) {
                passes_.fits(bytes);
                sweep.answered.push_back(names);
            } else if (!passes_.too_large({.kind = aws::Failure::Kind::kTooLarge, .text = "too large"})) {
                sweep.failed.push_back(names);
            }
        }
    }

    static void check_each_once(const AnswerSizes& sizes, const Swept& sweep) {
        std::multiset<std::string> told;
        std::set<std::string> all;
        for (const auto* sets : {&sweep.answered, &sweep.failed})
            for (const auto& names : *sets)
                told.insert(names.begin(), names.end());
        for (const auto& [name, size] : sizes)
            all.insert(name);
        CHECK(told == std::multiset<std::string>(all.begin(), all.end()));
    }

    Passes passes_{kMost};
};

std::set<std::string> names_of(const AnswerSizes& sizes) {
    std::set<std::string> names;
    for (const auto& [name, size] : sizes)
        names.insert(name);
    return names;
}

} // namespace

TEST_CASE("what fits is one pass, what is new and what is gone included") {
    PassesScene scene;
    CHECK(scene.sweep({}).asked.empty());
    CHECK(scene.sweep(groups(500)).asked == Sets{names_of(groups(500))});
    CHECK(scene.sweep(groups(501)).asked == Sets{names_of(groups(501))});
    CHECK(scene.sweep(groups(3)).asked == Sets{names_of(groups(3))});
    scene.is_unavailable = true;
    CHECK(scene.sweep(groups(4)).asked == Sets{names_of(groups(4))});
    scene.is_unavailable = false;
    CHECK(scene.sweep(groups(4)).answered == Sets{names_of(groups(4))});
}

TEST_CASE("one that is too large alone is found by halving, and then asked for in each fifth sweep, after all others") {
    for (const std::string large : {"sg-0", "sg-1250a", "sg-9"}) {
        PassesScene scene;
        const auto all = groups(500, {{large, kMost + 1}});
        const Sets others{names_of(groups(500))}, alone{{large}};
        const auto first = scene.sweep(all);
        CHECK(first.failed == alone);
        CHECK(first.asked.size() <= 1 + 2 * 9); // 2^9 > 501
        for (int sweep = 2; sweep <= 11; ++sweep) {
            CAPTURE(sweep);
            const auto next = scene.sweep(all);
            CHECK(next.answered == others);
            CHECK(next.failed == alone);
            CHECK(next.asked == (sweep % 5 == 0 ? Sets{others[0], alone[0]} : others));
        }
    }
}

TEST_CASE("one that has become small enough is asked for with the others again, and one that is gone not at all") {
    PassesScene scene;
    (void)scene.sweep(groups(50, {{"sg-1", kMost + 1}, {"sg-2", kMost + 1}}));
    const auto smaller = groups(50, {{"sg-1", 5}, {"sg-2", kMost + 1}});
    for (int sweep = 2; sweep <= 5; ++sweep)
        CHECK(scene.sweep(smaller).failed.size() == (sweep < 5 ? 2 : 1));
    CHECK(scene.sweep(smaller).answered == Sets{names_of(groups(50, {{"sg-1", 5}}))});
    CHECK(scene.sweep(groups(50)).asked == Sets{names_of(groups(50))});
    const auto again = scene.sweep(smaller); // nothing is known of it any more
    CHECK(again.failed == Sets{{"sg-2"}});
    CHECK(again.asked.size() > 2);
}

TEST_CASE("what is too large only together stays divided, and nothing is thrown away, until it is small enough") {
    PassesScene scene;
    const AnswerSizes three{{"sg-1", 400}, {"sg-2", 400}, {"sg-3", 400}};
    CHECK(scene.sweep(three).answered == Sets{{"sg-1"}, {"sg-2", "sg-3"}});
    for (int sweep = 2; sweep <= 11; ++sweep)
        CHECK(scene.sweep(three).asked == Sets{{"sg-1"}, {"sg-2", "sg-3"}});
    const AnswerSizes with_small{{"sg-1", 400}, {"sg-2", 400}, {"sg-3", 400}, {"sg-4", 1}};
    CHECK(scene.sweep(with_small).asked == Sets{{"sg-1", "sg-4"}, {"sg-2", "sg-3"}});
    const AnswerSizes smaller{{"sg-1", 100}, {"sg-2", 100}, {"sg-3", 100}};
    CHECK(scene.sweep(smaller).asked.size() == 2);
    CHECK(scene.sweep(smaller).asked == Sets{names_of(three)});
}

TEST_CASE("what grows isn't divided and joined again in turns") {
    PassesScene scene;
    CHECK(scene.sweep({{"sg-1", 450}, {"sg-2", 450}}).asked.size() == 1);
    CHECK(scene.sweep({{"sg-1", 501}, {"sg-2", 500}}).asked.size() == 3);
    for (int sweep = 3; sweep <= 6; ++sweep)
        CHECK(scene.sweep({{"sg-1", 500}, {"sg-2", 499}}).asked == Sets{{"sg-2"}, {"sg-1"}});
}

TEST_CASE("a sweep divides a few times only, and the next one goes on with what isn't found yet") {
    PassesScene scene;
    AnswerSizes large;
    for (int i = 0; i < 20; ++i)
        large["sg-" + std::to_string(1000 + 40 * i) + "a"] = kMost + 1;
    const auto all = groups(800, large);
    size_t answered = 0;
    for (int sweep = 1; answered < 800; ++sweep) {
        REQUIRE(sweep <= 30);
        const auto now = scene.sweep(all);
        CHECK(now.asked.size() <= 20u + 40u + 2u * Passes::kMostDivisions);
        size_t count = 0;
        for (const auto& names : now.answered)
            count += names.size();
        CHECK(count >= answered);
        answered = count;
    }
    CHECK(scene.sweep(all).failed.size() == 20);
}

TEST_CASE("where nothing fits nothing is divided for good, and when it fits again it is one pass") {
    PassesScene scene;
    const auto all = groups(500);
    auto bad = all;
    for (auto& [name, size] : bad)
        size = kMost + 1;
    for (int sweep = 1; sweep <= 11; ++sweep) {
        const bool divides = sweep == 1 || sweep % 5 == 0;
        CHECK(scene.sweep(bad).asked.size() == (divides ? 1u + 2u * Passes::kMostDivisions : 1u));
    }
    CHECK(scene.sweep(all).answered == Sets{names_of(all)});
    CHECK(scene.sweep(all).asked == Sets{names_of(all)});
}

} // namespace bulkhead::resolve
