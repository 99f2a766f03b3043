// SPDX-License-Identifier: Apache-2.0
//
// One sweep over one place, beside what stands in for AWS.
#include <algorithm>

#include "aws_scene.h"
#include "resolve/finder.h"

namespace bulkhead::resolve {
namespace {

using namespace std::chrono_literals;
using aws::Json;
using Kind = Question::Kind;

const state::AwsPlace kHere{.region = aws::kRegion};
constexpr auto kOwnRole = "arn:aws:iam::111122223333:role/lookups";
constexpr auto kOtherRole = "arn:aws:iam::444455556666:role/lookups";

Question about(Kind kind, const std::string& name, const state::Labels& tags = {}) {
    return {.place = kHere, .kind = kind, .name = name, .tags = tags};
}

/// An account with two databases' interfaces, a node's and a pod's, subnets and lists.
Json account() {
    return aws::state_of(
        {{"interfaces",
          Json::array(
              {{{"id", "eni-db1"}, {"groups", {"sg-db"}}, {"ipv4", {"10.1.0.1"}}, {"ipv6", {"fd00::1"}}},
               {{"id", "eni-db2"}, {"groups", {"sg-db", "sg-all"}}, {"ipv4", {"10.1.0.2"}}},
               {{"id", "eni-tag"},
                {"groups", {"sg-x"}},
                {"tags", {{"team", "payments"}, {"env", "prod"}}},
                {"ipv4", {"10.1.0.3"}}},
               {{"id", "eni-other"}, {"groups", {"sg-x"}}, {"tags", {{"team", "blog"}}}, {"ipv4", {"10.1.0.4"}}},
               {{"id", "eni-node"},
                {"groups", {"sg-all"}},
                {"instance", "i-node"},
                {"ipv4", {"10.0.0.1", "10.0.0.2"}}}})},
         {"subnets", Json::array({{{"id", "subnet-1"}, {"cidr", "10.2.0.0/24"}}})},
         {"prefix_lists",
          Json::array({{{"id", "pl-1"}, {"name", "offices"}, {"version", 1}, {"entries", {"192.0.2.0/24"}}}})}});
}

/// 50 groups of an interface each, "sg-00" to "sg-49", and one of `count`; and a key of tags on all of those.
Json large_account(size_t count) {
    auto interfaces = Json::array();
    for (size_t i = 0; i < 50; ++i) {
        const auto number = std::to_string(100 + i).substr(1);
        interfaces.push_back(
            {{"id", "eni-" + number}, {"groups", {"sg-" + number}}, {"ipv4", {"10.1.0." + std::to_string(i)}}});
    }
    for (size_t i = 0; i < count; ++i)
        interfaces.push_back({{"id", "eni-large" + std::to_string(i)},
                              {"groups", {"sg-large"}},
                              {"tags", {{"team", "payments"}}},
                              {"ipv4", {"10.2.0." + std::to_string(i)}}});
    return aws::state_of({{"interfaces", interfaces}}, {{"page", 1000}});
}

std::vector<Outcome> outcomes_of(Asker& asker, const Order& order) {
    std::vector<Outcome> all;
    asker.ask(order, {}, [&](auto some) { std::ranges::move(some, std::back_inserter(all)); });
    return all;
}

struct Scene {
    explicit Scene(const Json& state = account(), size_t most = aws::kLargestLookUp)
        : asker{environment, kHere, throttle, own_account, most} {
        require_set(state);
    }

    void require_set(const Json& state) { aws::require(stand_in->set(state)); }
    std::map<std::string, Outcome> ask(const std::set<Question>& questions,
                                       const std::set<std::string>& instances = {"i-node"}) {
        std::map<std::string, Outcome> by_text;
        for (const auto& outcome :
             outcomes_of(asker, {.questions = questions, .cluster = {.name = "", .instances = instances}}))
            by_text.emplace(outcome.question.text(), outcome);
        return by_text;
    }
    std::vector<std::string> actions() const {
        std::vector<std::string> all;
        for (const auto& call : aws::require(stand_in->calls()))
            all.push_back(call["action"]);
        return all;
    }

    std::unique_ptr<test::AwsStandIn> stand_in = aws::require(test::AwsStandIn::start());
    aws::Environment environment{aws::Variables{{"AWS_ENDPOINT_URL", stand_in->url()},
                                                {"AWS_ACCESS_KEY_ID", "AKIDOWN"},
                                                {"AWS_SECRET_ACCESS_KEY", "own/secret+key"}}};
    aws::Throttle throttle{{.per_second = 100, .burst = 100}, aws::Clock::real(), 1};
    aws::OwnAccount own_account{throttle, aws::Clock::real()};
    Asker asker;
};

std::string found_in(const std::map<std::string, Outcome>& outcomes, const Question& question) {
    const auto outcome = outcomes.find(question.text());
    if (outcome == outcomes.end()) return "not asked";
    if (!outcome->second.found) return std::string("failed: ") + aws::name_of(outcome->second.found.error().kind);
    std::string text;
    for (const auto& cidr : outcome->second.found->cidrs)
        text += (text.empty() ? "" : " ") + cidr.text();
    for (const auto& name : outcome->second.found->names)
        text += (text.empty() ? "" : " ") + name;
    return text;
}

/// With roles to take on: one of our own account, one of another.
Json with_roles() {
    auto state = aws::state_of({{"subnets", Json::array({{{"id", "subnet-1"}, {"cidr", "10.2.0.0/24"}}})}},
                               {{"roles", Json::array({{{"arn", kOwnRole}}, {{"arn", kOtherRole}}})}});
    state["places"].push_back({{"account", "444455556666"},
                               {"region", aws::kRegion},
                               {"subnets", Json::array({{{"id", "subnet-1"}, {"cidr", "10.3.0.0/24"}}})}});
    return state;
}

/// What a sweep as that role finds.
std::string found_as(const std::string& role, Scene& scene) {
    const state::AwsPlace place{.role = role, .region = aws::kRegion};
    Asker asker(scene.environment, place, scene.throttle, scene.own_account);
    const Question question{.place = place, .kind = Kind::kSubnet, .name = "subnet-1"};
    const auto outcomes = outcomes_of(asker, {.questions = {question}});
    REQUIRE(outcomes.size() == 1);
    return found_in({{question.text(), outcomes[0]}}, question);
}

} // namespace

TEST_CASE("one pass finds what many resources name, each its own, and never a node's addresses") {
    Scene scene;
    const auto databases = about(Kind::kSecurityGroup, "sg-db");
    const auto all = about(Kind::kSecurityGroup, "sg-all");
    const auto tagged = about(Kind::kInterfaceTags, "", {{"env", "prod"}, {"team", "payments"}});
    const auto by_team = about(Kind::kInterfaceTags, "", {{"team", "payments"}});
    const auto nobody = about(Kind::kSecurityGroup, "sg-none");
    const auto outcomes = scene.ask({databases, all, tagged, by_team, nobody});
    CHECK(found_in(outcomes, databases) == "10.1.0.1/32 10.1.0.2/32 fd00::1/128");
    CHECK(found_in(outcomes, all) == "10.1.0.2/32");
    CHECK(found_in(outcomes, tagged) == "10.1.0.3/32");
    CHECK(found_in(outcomes, by_team) == "10.1.0.3/32");
    CHECK(found_in(outcomes, nobody) == "");
    CHECK(scene.actions().size() == 2);                                                  // one by groups, one by tags
    CHECK(found_in(scene.ask({all}, {}), all) == "10.0.0.1/32 10.0.0.2/32 10.1.0.2/32"); // nobody's node
}

TEST_CASE("one that is too large an answer fails alone; the others are found, and from then on in one call") {
    Scene scene(large_account(200), 120'000);
    const auto large = about(Kind::kSecurityGroup, "sg-large");
    auto by_team = large; // another question about the same
    by_team.tenant_tag = "team";
    std::set<Question> questions{large, by_team};
    for (int i = 0; i < 50; ++i)
        questions.insert(about(Kind::kSecurityGroup, "sg-" + std::to_string(100 + i).substr(1)));
    size_t before = 0;
    for (int sweep = 1; sweep <= 6; ++sweep) {
        CAPTURE(sweep);
        const auto outcomes = scene.ask(questions);
        for (const auto& question : questions)
            if (question.name != "sg-large")
                CHECK(found_in(outcomes, question) ==
                      "10.1.0." + std::to_string(std::stoi(question.name.substr(3))) + "/32");
        CHECK(found_in(outcomes, large) == "failed: too-large");
        CHECK(found_in(outcomes, by_team) == "failed: too-large");
        const auto calls = scene.actions().size() - std::exchange(before, scene.actions().size());
        if (sweep == 1)
            CHECK(calls <= 1 + 2 * 6); // halves of 51
        else
            CHECK(calls == (sweep == 5 ? 2 : 1));
    }
}

TEST_CASE("what is too large only together is found in as many passes as it takes, at once") {
    auto state = large_account(100);
    Scene scene(state, 120'000);
    const auto group = about(Kind::kSecurityGroup, "sg-large");
    const auto tag = about(Kind::kInterfaceTags, "", {{"team", "payments"}});
    const auto other_tag = about(Kind::kInterfaceTags, "", {{"team", "blog"}}); // the same key
    size_t before = 0;
    for (const size_t calls : {4, 2, 2}) { // two of the whole, which is too large; then one of each
        const auto outcomes = scene.ask({group, tag, other_tag});
        CHECK(outcomes.at(group.text()).found->cidrs.size() == 100);
        CHECK(outcomes.at(tag.text()).found->cidrs.size() == 100);
        CHECK(found_in(outcomes, other_tag) == "");
        CHECK(scene.actions().size() - std::exchange(before, scene.actions().size()) == calls);
    }
}

TEST_CASE("what is too large alone is asked for after all else, and what is found isn't kept waiting by it") {
    auto state = large_account(200);
    state["places"][0]["subnets"] = Json::array({{{"id", "subnet-1"}, {"cidr", "10.3.0.0/24"}}});
    Scene scene(state, 120'000);
    const auto large = about(Kind::kSecurityGroup, "sg-large"), small = about(Kind::kSecurityGroup, "sg-07"),
               subnet = about(Kind::kSubnet, "subnet-1");
    std::vector<std::vector<std::string>> passes;
    for (int sweep = 1; sweep <= 5; ++sweep) {
        passes.clear();
        scene.asker.ask({.questions = {large, small, subnet}}, {}, [&](auto outcomes) {
            auto& pass = passes.emplace_back();
            for (const auto& outcome : outcomes)
                pass.push_back(outcome.question.name);
        });
    }
    CHECK(passes == std::vector<std::vector<std::string>>{{"sg-07"}, {"subnet-1"}, {"sg-large"}});
}

TEST_CASE("an interface whose addresses can't be read fails those whose group or tag it has, and no others") {
    const Json none = nullptr; // no such element
    auto state = account();
    auto& interfaces = state["places"][0]["interfaces"];
    interfaces.push_back({{"id", "eni-odd"},
                          {"groups", {"sg-odd", "sg-both"}},
                          {"tags", {{"team", "odd"}}},
                          {"ipv4", none},
                          {"ipv6", none}});
    interfaces.push_back({{"id", "eni-z"}, {"groups", {"sg-both"}}, {"ipv4", {"10.1.0.9"}}}); // after the odd one
    interfaces.push_back(
        {{"id", "eni-gpu"}, {"groups", {"sg-db"}}, {"type", "efa-only"}, {"ipv4", none}, {"ipv6", none}});
    interfaces.push_back(
        {{"id", "eni-odd-node"}, {"groups", {"sg-all"}}, {"instance", "i-node"}, {"ipv4", none}, {"ipv6", none}});
    Scene scene(state);
    const auto group = [](const std::string& name) { return about(Kind::kSecurityGroup, name); };
    const auto team = [](const std::string& name) { return about(Kind::kInterfaceTags, "", {{"team", name}}); };
    const auto outcomes =
        scene.ask({group("sg-odd"), group("sg-both"), group("sg-db"), group("sg-all"), team("odd"), team("payments")});
    for (const auto& question : {group("sg-odd"), group("sg-both"), team("odd")})
        CHECK(found_in(outcomes, question) == "failed: unreadable");
    CHECK(outcomes.at(group("sg-odd").text())
              .found.error()
              .text.find("has neither privateIpAddressesSet nor ipv6AddressesSet") != std::string::npos);
    CHECK(found_in(outcomes, group("sg-db")) == "10.1.0.1/32 10.1.0.2/32 fd00::1/128");
    CHECK(found_in(outcomes, group("sg-all")) == "10.1.0.2/32"); // a node's is nobody's question
    CHECK(found_in(outcomes, team("payments")) == "10.1.0.3/32");
}

TEST_CASE("subnets and prefix lists are found, and one that isn't there fails alone") {
    Scene scene;
    const auto subnet = about(Kind::kSubnet, "subnet-1");
    const auto no_subnet = about(Kind::kSubnet, "subnet-2");
    const auto list = about(Kind::kPrefixList, "pl-1");
    const auto by_name = about(Kind::kPrefixList, "offices");
    const auto no_list = about(Kind::kPrefixList, "pl-2");
    const auto outcomes = scene.ask({subnet, no_subnet, list, by_name, no_list});
    CHECK(found_in(outcomes, subnet) == "10.2.0.0/24");
    CHECK(found_in(outcomes, no_subnet) == "failed: refused");
    CHECK(found_in(outcomes, list) == "192.0.2.0/24");
    CHECK(found_in(outcomes, by_name) == "192.0.2.0/24");
    CHECK(found_in(outcomes, no_list) == "failed: refused");
}

TEST_CASE("what fails is only what needed the call that failed") {
    Scene scene;
    auto state = account();
    state["faults"] = Json::array({{{"action", "DescribeNetworkInterfaces"},
                                    {"status", 403},
                                    {"code", "UnauthorizedOperation"},
                                    {"message", "you may not"}}});
    scene.require_set(state);
    const auto group = about(Kind::kSecurityGroup, "sg-db");
    const auto subnet = about(Kind::kSubnet, "subnet-1");
    const auto outcomes = scene.ask({group, subnet});
    CHECK(found_in(outcomes, group) == "failed: denied");
    CHECK(found_in(outcomes, subnet) == "10.2.0.0/24");
}

TEST_CASE("names are found by the tags of their databases, and what a pass found isn't kept waiting by the next") {
    const auto arn = [](const std::string& name) {
        return std::string("arn:aws:rds:") + aws::kRegion + ":" + aws::kAccount + ":db:" + name;
    };
    const auto team = [](const std::string& name) { return about(Kind::kResourceTags, "", {{"team", name}}); };
    const Json databases = Json::array(
        {{{"id", "ledger"}, {"endpoint", "ledger.rds:5432"}}, {{"id", "blog"}, {"endpoint", "blog.rds:5432"}}});
    const Json tagged{{arn("ledger"), {{"team", "payments"}}}, {arn("blog"), {{"team", "blog"}}}};
    const Json subnets = Json::array({{{"id", "subnet-1"}, {"cidr", "10.2.0.0/24"}}});
    Scene scene(aws::state_of({{"db_instances", databases}, {"tagged", tagged}, {"subnets", subnets}}));
    const auto subnet = about(Kind::kSubnet, "subnet-1");
    std::vector<std::map<std::string, Outcome>> passes;
    std::vector<size_t> calls; // made when each came
    scene.asker.ask({.questions = {team("payments"), team("blog"), subnet}}, {}, [&](auto outcomes) {
        auto& pass = passes.emplace_back();
        for (const auto& outcome : outcomes)
            pass.emplace(outcome.question.text(), outcome);
        calls.push_back(scene.actions().size());
    });
    REQUIRE(passes.size() == 2);
    CHECK(found_in(passes[0], subnet) == "10.2.0.0/24");
    CHECK(calls[0] == 1);
    CHECK(passes[1].size() == 2);
    CHECK(found_in(passes[1], team("payments")) == "ledger.rds");
    CHECK(found_in(passes[1], team("blog")) == "blog.rds");
}

TEST_CASE("whose each thing is, and of which level, its own tags say: of interfaces, subnets and prefix lists") {
    const Json tags{{"team", "payments"}, {"level", "open"}};
    Scene scene(aws::state_of(
        {{"interfaces",
          Json::array({{{"id", "eni-1"}, {"groups", {"sg-db"}}, {"tags", tags}, {"ipv4", {"10.1.0.1"}}},
                       {{"id", "eni-2"}, {"groups", {"sg-db"}}, {"tags", {{"team", ""}}}, {"ipv4", {"10.1.0.2"}}},
                       {{"id", "eni-3"}, {"groups", {"sg-db"}}, {"ipv4", {"10.1.0.1", "10.1.0.3"}}},
                       {{"id", "eni-4"}, {"groups", {"sg-db"}}, {"tags", {{"team", "blog"}}}, {"ipv4", {"10.1.0.3"}}},
                       {{"id", "eni-5"}, {"groups", {"sg-db"}}, {"tags", {{"team", "x"}}}, {"ipv4", {"10.1.0.3"}}}})},
         {"subnets", Json::array({{{"id", "subnet-1"}, {"cidr", "10.2.0.0/24"}, {"tags", tags}}})},
         {"prefix_lists",
          Json::array({{{"id", "pl-1"}, {"name", "own"}, {"entries", {"192.0.2.0/24"}}, {"tags", tags}}})}}));
    const auto by_tags = [](Question question) {
        question.tenant_tag = "team";
        question.level_tag = "level";
        return question;
    };
    const auto cidr = [](const char* text) { return aws::require(Cidr::parse(text)); };
    const std::set<state::OwnerTags> payments{{.tenant = "payments", .level = "open"}};
    const auto group = by_tags(about(Kind::kSecurityGroup, "sg-db"));
    const auto subnet = by_tags(about(Kind::kSubnet, "subnet-1"));
    const auto list = by_tags(about(Kind::kPrefixList, "pl-1"));
    const auto outcomes = scene.ask({group, subnet, list});
    CHECK(outcomes.at(group.text()).found->owners ==
          state::OwnersByAddress{{cidr("10.1.0.1"), payments},
                                 {cidr("10.1.0.3"), {{.tenant = "blog"}, {.tenant = "x"}}}});
    CHECK(outcomes.at(group.text()).found->cidrs.size() == 3);
    CHECK(outcomes.at(subnet.text()).found->owners == state::OwnersByAddress{{cidr("10.2.0.0/24"), payments}});
    CHECK(outcomes.at(list.text()).found->owners == state::OwnersByAddress{{cidr("192.0.2.0/24"), payments}});
    const auto unasked = scene.ask({about(Kind::kSubnet, "subnet-1")});
    CHECK(unasked.begin()->second.found->owners.empty());
}

TEST_CASE("whose a database's names are its own tags say, and a * finds all that have a tag") {
    const auto arn = [](const std::string& name) {
        return std::string("arn:aws:rds:") + aws::kRegion + ":" + aws::kAccount + ":db:" + name;
    };
    const Json databases = Json::array({{{"id", "ledger"}, {"endpoint", "ledger.rds:5432"}},
                                        {{"id", "posts"}, {"endpoint", "posts.rds:5432"}},
                                        {{"id", "other"}, {"endpoint", "other.rds:5432"}}});
    const Json tagged{{arn("ledger"), {{"team", "payments"}}},
                      {arn("posts"), {{"team", "blog"}, {"level", "protected"}}},
                      {arn("other"), {{"owner", "blog"}}}};
    Scene scene(aws::state_of({{"db_instances", databases}, {"tagged", tagged}}));
    auto question = about(Kind::kResourceTags, "", {{"team", "*"}});
    question.tenant_tag = "team";
    question.level_tag = "level";
    const auto outcomes = scene.ask({question});
    CHECK(found_in(outcomes, question) == "ledger.rds posts.rds");
    CHECK(outcomes.begin()->second.found->name_owners ==
          OwnersByName{{"ledger.rds", {{.tenant = "payments"}}},
                       {"posts.rds", {{.tenant = "blog", .level = "protected"}}}});
}

TEST_CASE("a role of our own account asks on our budget, one of another account on that account's") {
    Scene scene(with_roles());
    const aws::Throttle::Bucket ours{"", aws::kRegion, aws::Service::kEc2};
    const aws::Throttle::Bucket others{"444455556666", aws::kRegion, aws::Service::kEc2};
    CHECK(found_as("", scene) == "10.2.0.0/24");
    CHECK(scene.actions() == std::vector<std::string>{"DescribeSubnets"}); // who has no role asks for no account
    CHECK(found_as(kOwnRole, scene) == "10.2.0.0/24");
    CHECK(found_as(kOtherRole, scene) == "10.3.0.0/24");
    CHECK(std::ranges::count(scene.actions(), "GetCallerIdentity") == 1);
    const auto counts = scene.throttle.counts();
    CHECK(counts.at(ours).calls == 2);
    CHECK(counts.at(others).calls == 1);
    CHECK_FALSE(counts.contains({aws::kAccount, aws::kRegion, aws::Service::kEc2}));
}

TEST_CASE("where nobody says which account is ours, a role of it is asked about all the same, on a budget of its own") {
    auto state = with_roles();
    state["faults"] = Json::array({{{"action", "GetCallerIdentity"},
                                    {"status", 403},
                                    {"code", "AccessDenied"},
                                    {"message", "a VPC endpoint's policy says no"}}});
    Scene scene(state);
    CHECK(found_as("", scene) == "10.2.0.0/24");
    CHECK(found_as(kOwnRole, scene) == "10.2.0.0/24");
    CHECK(found_as(kOwnRole, scene) == "10.2.0.0/24");
    CHECK(std::ranges::count(scene.actions(), "GetCallerIdentity") == 1); // not at each sweep
    const auto counts = scene.throttle.counts();
    CHECK(counts.at({"", aws::kRegion, aws::Service::kEc2}).calls == 1);
    CHECK(counts.at({aws::kAccount, aws::kRegion, aws::Service::kEc2}).calls == 2);
}

TEST_CASE("the budget, and what is left of it, are published") {
    Scene scene;
    (void)scene.ask({about(Kind::kSubnet, "subnet-1")});
    std::map<std::string, prometheus::MetricFamily> families;
    for (auto& family : metrics_of(scene.throttle))
        families.emplace(family.name, family);
    CHECK(families.at("bulkhead_aws_budget_calls_per_second").metric.at(0).gauge.value == 100);
    CHECK(families.at("bulkhead_aws_budget_burst").metric.at(0).gauge.value == 100);
    const auto& left = families.at("bulkhead_aws_budget_left").metric;
    REQUIRE(left.size() == 1);
    CHECK(left[0].gauge.value >= 99);
    std::map<std::string, std::string> labels;
    for (const auto& label : left[0].label)
        labels.emplace(label.name, label.value);
    CHECK(labels == std::map<std::string, std::string>{{"account", ""}, {"region", aws::kRegion}, {"service", "ec2"}});
    CHECK(families.at("bulkhead_aws_calls_total").metric.at(0).counter.value == 1);
}

TEST_CASE("without a region or without credentials every question says so") {
    Scene scene;
    Asker nowhere(scene.environment, {}, scene.throttle, scene.own_account);
    const Question question{.place = {}, .kind = Kind::kSubnet, .name = "subnet-1"};
    const auto outcomes = outcomes_of(nowhere, {.questions = {question}});
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].found.error().text.find("--aws-region") != std::string::npos);

    const aws::Environment poor(
        aws::Variables{{"AWS_ENDPOINT_URL", scene.stand_in->url()}, {"AWS_EC2_METADATA_DISABLED", "true"}});
    Asker anonymous(poor, kHere, scene.throttle, scene.own_account);
    const auto refused = outcomes_of(anonymous, {.questions = {about(Kind::kSubnet, "subnet-1")}});
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].found.error().kind == aws::Failure::Kind::kCredentials);
}

} // namespace bulkhead::resolve
