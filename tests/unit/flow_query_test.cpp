// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "flow/query.h"
#include "flow/time.h"
#include "flow_recorded.h"

using namespace bulkhead::flow;
using namespace std::chrono_literals;

namespace {

using Parameters = std::multimap<std::string, std::string>;

const Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29) + 12h + 4min;

} // namespace

TEST_CASE("a query tells which verdicts it may want") {
    struct Row {
        Parameters parameters;
        bool allowed, denied, audit;
    };
    const Row rows[] = {
        {{}, true, true, true},
        {{{"pod", "denied"}}, true, true, true},
        {{{"verdict", "denied"}}, false, true, false},
        {{{"verdict", "Denied"}, {"verdict", "audit"}}, false, true, true},
        {{{"verdict", "deny"}}, false, true, false},
        {{{"not-verdict", "Allow"}}, false, true, true},
        {{{"not-verdict", "allowed"}}, false, true, true},
        {{{"verdict", "denied"}, {"not-verdict", "denied"}}, false, false, false},
    };
    for (const auto& row : rows) {
        const auto query = parse_query(row.parameters, kNow).value();
        CHECK(query.may_want(BH_VERDICT_ALLOW) == row.allowed);
        CHECK(query.may_want(BH_VERDICT_DENY) == row.denied);
        CHECK(query.may_want(BH_VERDICT_AUDIT) == row.audit);
    }
}

TEST_CASE("a query says which flows, how many and since when") {
    const auto query = parse_query({{"verdict", "denied"}, {"last", "5"}, {"since", "2m"}, {"until", "30s"}}, kNow);
    REQUIRE(query);
    CHECK(query->last == 5);
    CHECK(query->since == kNow - 2min);
    CHECK(query->until == kNow - 30s);
    CHECK_FALSE(query->follow);
    CHECK(query->matches(recorded_flow(1)));       // 12:03:04
    CHECK_FALSE(query->matches(recorded_flow(6))); // 12:06
    CHECK_FALSE(query->matches(recorded_flow(2))); // allowed
}

TEST_CASE("since and until include their own moment") {
    Query query;
    query.since = query.until = recorded_flow(2).time;
    CHECK(query.matches(recorded_flow(2)));
    query.since = recorded_flow(2).time + 1ns;
    query.until.reset();
    CHECK_FALSE(query.matches(recorded_flow(2)));
    query.since.reset();
    query.until = recorded_flow(2).time - 1ns;
    CHECK_FALSE(query.matches(recorded_flow(2)));
}

TEST_CASE("whoever follows gets nothing of the past unless it is asked for") {
    CHECK(parse_query({}, kNow)->wants_history());
    CHECK_FALSE(parse_query({{"follow", "true"}}, kNow)->wants_history());
    CHECK(parse_query({{"follow", "true"}, {"last", "1"}}, kNow)->wants_history());
    CHECK(parse_query({{"follow", ""}, {"since", "1m"}}, kNow)->wants_history());
}

TEST_CASE("a query is asked as it was meant") {
    const Parameters asked{{"pod", "blog/web"},
                           {"pod", "shop/"},
                           {"not-to-port", "53"},
                           {"last", "7"},
                           {"since", "2026-11-29T12:00:00.000000001Z"},
                           {"follow", "true"}};
    const auto parameters = parameters_of(parse_query(asked, kNow).value());
    CHECK(Parameters(parameters.begin(), parameters.end()) == asked);
}

TEST_CASE("a query that can't be read is refused") {
    static const std::vector<std::pair<Parameters, std::string>> kRows{
        {{{"lst", "5"}}, "lst: there is no such filter"},
        {{{"last", "-5"}}, "last: \"-5\" is not a whole number"},
        {{{"last", "5x"}}, "last: \"5x\" is not a whole number"},
        {{{"last", "5"}, {"last", "6"}}, "last: stands more than once"},
        {{{"since", "soon"}}, "since: \"soon\" is neither"},
        {{{"follow", "yes"}}, "follow: \"yes\" is neither true nor false"},
        {{{"follow", "true"}, {"until", "1m"}}, "until: what is followed has no end"},
        {{{"verdict", "?"}}, "verdict: \"?\" is not"},
    };
    for (const auto& [parameters, error] : kRows) {
        CAPTURE(error);
        const auto query = parse_query(parameters, kNow);
        REQUIRE_FALSE(query);
        CHECK(query.error().text.starts_with(error));
    }
}
