// SPDX-License-Identifier: Apache-2.0
//
// The oracle's own reading of label selectors, as Kubernetes defines them.
#include "support/oracle_match.h"

#include <catch2/catch_test_macros.hpp>

using namespace bulkhead::test;
using namespace bulkhead::state;
using Op = Selector::Term::Op;

TEST_CASE("a selector's terms mean what Kubernetes says, absent keys included") {
    const Labels web{{"app", "web"}, {"tier", "front"}};
    const auto selects_web = [&](Op op, std::string key, std::vector<std::string> values) {
        return selects(Selector{{{.key = std::move(key), .op = op, .values = std::move(values)}}}, web);
    };
    CHECK(selects_web(Op::kIn, "app", {"db", "web"}));
    CHECK_FALSE(selects_web(Op::kIn, "app", {"db"}));
    CHECK_FALSE(selects_web(Op::kIn, "zone", {""}));
    CHECK(selects_web(Op::kNotIn, "app", {"db"}));
    CHECK_FALSE(selects_web(Op::kNotIn, "app", {"db", "web"}));
    CHECK(selects_web(Op::kNotIn, "zone", {"a"}));
    CHECK(selects_web(Op::kExists, "tier", {}));
    CHECK_FALSE(selects_web(Op::kExists, "zone", {}));
    CHECK(selects_web(Op::kDoesNotExist, "zone", {}));
    CHECK_FALSE(selects_web(Op::kDoesNotExist, "tier", {}));
}

TEST_CASE("a selector's terms are ANDed, and none of them selects everything") {
    const Selector::Term web{.key = "app", .op = Op::kIn, .values = {"web"}};
    const Selector::Term front{.key = "tier", .op = Op::kIn, .values = {"front"}};
    CHECK(selects(Selector{{web, front}}, {{"app", "web"}, {"tier", "front"}}));
    CHECK_FALSE(selects(Selector{{web, front}}, {{"app", "web"}, {"tier", "back"}}));
    CHECK(selects(Selector{}, {}));
    CHECK(selects(std::nullopt, {}));
}
