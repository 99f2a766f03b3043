// SPDX-License-Identifier: Apache-2.0
//
// What isn't answered of AWSResources, as problems and metrics say it.
#include <catch2/catch_test_macros.hpp>

#include "resolve/finder.h"
#include "support/objects.h"

namespace bulkhead::resolve {
namespace {

using namespace std::chrono_literals;

constexpr state::Time kTold{std::chrono::seconds(1'800'000'000)}; // 2027-01-15T08:00:00Z
const state::AwsPlace kOwnPlace{.region = "eu-central-1"};
const state::AwsPlace kOtherPlace{.role = "arn:aws:iam::444455556666:role/lookups", .region = "eu-west-1"};

/// The lines of these metrics that have a value.
std::set<std::string> series_of(const metrics::Families& families) {
    std::set<std::string> series;
    const auto text = metrics::text_of(families);
    for (size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        if (text[begin] != '#') series.insert(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return series;
}

} // namespace

TEST_CASE("a problem says who wasn't asked well, what for, why, since when and what is in force") {
    const Question group{.place = kOtherPlace, .kind = Question::Kind::kSecurityGroup, .name = "sg-1"};
    Finding finding;
    finding.troubles = {
        {.reason = reason_of(aws::Failure::Kind::kDenied),
         .text = group.text() + ": UnauthorizedOperation" + dates_of_trouble(kTold, kTold - 1min)},
        {.reason = "NameNotResolved", .text = "db.test: NXDOMAIN" + dates_of_trouble(kTold + 1s, std::nullopt)}};
    const auto problems = problems_of(test::named<state::AwsResource>("aurora"), finding);
    REQUIRE(problems.size() == 2);
    for (const auto& problem : problems) {
        CHECK(problem.object == "AWSResource aurora");
        CHECK(problem.field == "spec.addresses");
        CHECK(problem.nature == state::Problem::Nature::kNotAnswered);
    }
    CHECK(problems[0].text == "AccessDenied: securityGroups sg-1 in eu-west-1 as role "
                              "arn:aws:iam::444455556666:role/lookups: UnauthorizedOperation; failing since "
                              "2027-01-15T08:00:00Z; the good answer of 2027-01-15T07:59:00Z stays in force");
    CHECK(problems[1].text ==
          "NameNotResolved: db.test: NXDOMAIN; failing since 2027-01-15T08:00:01Z; no good answer is known");
    CHECK(dates_of_trouble(kTold, std::nullopt, Earlier{.by = kTold - 1h}) ==
          "; failing since 2027-01-15T08:00:00Z; what was found before, by 2027-01-15T07:00:00Z, stays in force");
    CHECK(dates_of_trouble(kTold, kTold - 1min, Earlier{})
              .ends_with("the good answer of 2027-01-15T07:59:00Z stays in force"));
    CHECK(problems_of(test::named<state::AwsResource>("aurora"), {}).empty());
}

TEST_CASE("metrics say of whom how many look-ups fail, and for how long; of who answers, that he does") {
    const auto trouble = [](const char* reason, const char* text, const Asked& asked, std::chrono::seconds age) {
        return Trouble{.reason = reason, .text = text, .asked = asked, .since = kTold - age};
    };
    const auto here = Asked::aws(kOwnPlace), other = Asked::aws(kOtherPlace);
    const auto shared = trouble("Throttled", "sg-1", other, 600s); // of a group that two resources name
    Finding aurora, cache, well;
    aurora.addresses = {test::cidr("10.0.0.1")};
    aurora.troubles = {shared, trouble("Throttled", "sg-2", other, 300s), trouble("NameNotResolved", "db", {}, 40s)};
    cache.troubles = {shared, trouble("Refused", "subnet-1", other, 900s)};
    well.addresses = {test::cidr("10.0.1.0/24"), test::cidr("10.0.2.0/24")};
    const std::map<std::string, const Finding*> findings{{"aurora", &aurora}, {"cache", &cache}, {"well", &well}};
    CHECK(series_of(metrics_of(findings, {here, other, Asked{}}, kTold)) ==
          std::set<std::string>{
              R"(bulkhead_resource_addresses{resource="aurora"} 1)",
              R"(bulkhead_resource_addresses{resource="cache"} 0)", R"(bulkhead_resource_addresses{resource="well"} 2)",
              R"(bulkhead_resource_failing_seconds{resource="aurora"} 600)",
              R"(bulkhead_resource_failing_seconds{resource="cache"} 900)",
              R"(bulkhead_resource_failing_seconds{resource="well"} 0)",
              R"(bulkhead_lookups_failing{asked="aws",account="444455556666",region="eu-west-1",reason="Throttled"} 2)",
              R"(bulkhead_lookups_failing{asked="aws",account="444455556666",region="eu-west-1",reason="Refused"} 1)",
              R"(bulkhead_lookups_failing{asked="dns",account="",region="",reason="NameNotResolved"} 1)",
              R"(bulkhead_lookups_failing_seconds{asked="aws",account="",region="eu-central-1"} 0)",
              R"(bulkhead_lookups_failing_seconds{asked="aws",account="444455556666",region="eu-west-1"} 900)",
              R"(bulkhead_lookups_failing_seconds{asked="dns",account="",region=""} 40)"});
    // A clock that was set back is no age below nothing.
    CHECK(series_of(metrics_of({{"cache", &cache}}, {}, kTold - 1h))
              .contains(R"(bulkhead_resource_failing_seconds{resource="cache"} 0)"));
}

} // namespace bulkhead::resolve
