// SPDX-License-Identifier: Apache-2.0
//
// What is looked up, page by page, and that nothing which went wrong looks like a shorter answer.
#include <catch2/catch_test_macros.hpp>

#include "aws/filters.h"
#include "aws/interfaces.h"
#include "aws/named.h"
#include "aws/pages.h"
#include "aws/prefix_lists.h"
#include "aws/subnets.h"
#include "aws/tagged.h"
#include "aws_scene.h"

namespace bulkhead::aws {

namespace {

using Names = std::set<std::string>;

/// The value, or the end of the test with what AWS said.
template <typename T>
T require_answer(Answer<T> answer) {
    if (!answer) FAIL(answer.error().text);
    return std::move(*answer);
}

template <typename T>
Failure require_failure(const Answer<T>& answer) {
    REQUIRE(!answer);
    return answer.error();
}

Answer<std::map<std::string, Interface>> describe_interfaces(Caller& caller, const InterfaceQuestion& question) {
    Room room;
    return aws::describe_interfaces(caller, question, room);
}

Address address(const std::string& text) {
    return require(Address::parse(text));
}
Cidr cidr(const std::string& text) {
    return require(Cidr::parse(text));
}

/// `count` interfaces of one group, 10.1.x.y.
Json interfaces_of(const std::string& group, size_t count) {
    auto all = Json::array();
    for (size_t i = 0; i < count; ++i)
        all.push_back({{"id", "eni-" + group.substr(3) + std::to_string(i)},
                       {"groups", {group}},
                       {"ipv4", {"10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)}}});
    return all;
}

size_t count_of(const AwsScene& scene, const std::string& action) {
    const auto actions = scene.actions();
    return static_cast<size_t>(std::count(actions.begin(), actions.end(), action));
}

std::string arn(const std::string& service, const std::string& rest) {
    return "arn:aws:" + service + ":" + kRegion + ":" + kAccount + ":" + rest;
}

/// A body that a server at fault sends instead of the answer.
Json answering(const std::string& body) {
    return state_of({}, {{"faults", Json::array({{{"body", body}}})}});
}

Json answering_interface(const std::string& item) {
    return answering("<?xml version=\"1.0\"?><DescribeNetworkInterfacesResponse xmlns=\"http://ec2.amazonaws.com/x/\">"
                     "<requestId>r-1</requestId><networkInterfaceSet><item>" +
                     item + "</item></networkInterfaceSet><new/></DescribeNetworkInterfacesResponse>");
}

} // namespace

TEST_CASE(
    "an interface is read with all addresses of both families, prefixes, groups, tags and what it is attached to") {
    AwsScene scene(state_of({{"interfaces", Json::array({{{"id", "eni-0a"},
                                                          {"vpc", "vpc-1"},
                                                          {"subnet", "subnet-1"},
                                                          {"type", "lambda"},
                                                          {"description", "AWS Lambda VPC ENI"},
                                                          {"instance", "i-1"},
                                                          {"instance_owner", "amazon-aws"},
                                                          {"groups", {"sg-1", "sg-2"}},
                                                          {"tags", {{"team", "payments"}, {"empty", ""}}},
                                                          {"ipv4", {"10.0.0.4", "10.0.0.5"}},
                                                          {"ipv6", {"fd00::4", "fd00::5"}},
                                                          {"ipv4_prefixes", {"10.0.1.0/28"}},
                                                          {"ipv6_prefixes", {"fd00:1::/80"}}}})}}));
    auto caller = scene.caller();
    const auto found = require_answer(describe_interfaces(caller, {.groups = {"sg-2"}, .tag_keys = {}}));
    CHECK(found == std::map<std::string, Interface>{{"eni-0a",
                                                     {.id = "eni-0a",
                                                      .vpc = "vpc-1",
                                                      .subnet = "subnet-1",
                                                      .type = "lambda",
                                                      .description = "AWS Lambda VPC ENI",
                                                      .instance = "i-1",
                                                      .instance_owner = "amazon-aws",
                                                      .groups = {"sg-1", "sg-2"},
                                                      .tags = {{"team", "payments"}, {"empty", ""}},
                                                      .addresses = {address("10.0.0.4"), address("10.0.0.5"),
                                                                    address("fd00::4"), address("fd00::5")},
                                                      .prefixes = {cidr("10.0.1.0/28"), cidr("fd00:1::/80")}}}});
}

TEST_CASE("interfaces are asked for by group and by tag, and nothing else comes back") {
    AwsScene scene(state_of(
        {{"interfaces",
          Json::array(
              {{{"id", "eni-1"}, {"groups", {"sg-1"}}, {"ipv4", {"10.0.0.1"}}},
               {{"id", "eni-2"}, {"groups", {"sg-2"}}, {"ipv4", {"10.0.0.2"}}},
               {{"id", "eni-3"}, {"groups", {"sg-3"}}, {"tags", {{"team", "payments"}}}, {"ipv4", {"10.0.0.3"}}},
               {{"id", "eni-4"}, {"groups", {"sg-1"}}, {"tags", {{"team", "blog"}}}, {"ipv4", {"10.0.0.4"}}}})}}));
    auto caller = scene.caller();
    const auto ids = [&](const InterfaceQuestion& question) {
        Names all;
        for (const auto& [id, interface] : require_answer(describe_interfaces(caller, question)))
            all.insert(id);
        return all;
    };
    CHECK(ids({.groups = {"sg-1"}, .tag_keys = {}}) == Names{"eni-1", "eni-4"});
    CHECK(ids({.groups = {"sg-1", "sg-2"}, .tag_keys = {}}) == Names{"eni-1", "eni-2", "eni-4"});
    CHECK(ids({.groups = {}, .tag_keys = {"team"}}) == Names{"eni-3", "eni-4"});
    CHECK(ids({.groups = {"sg-2"}, .tag_keys = {"team"}}) == Names{"eni-2", "eni-3", "eni-4"});
    CHECK(ids({.groups = {"sg-*"}, .tag_keys = {"te?m"}}).empty()); // a name, no pattern
    const auto before = scene.actions().size();
    CHECK(ids({}).empty());
    CHECK(scene.actions().size() == before);
    CHECK(has_tags({{"a", "1"}, {"b", "2"}}, {{"a", "1"}}));
    CHECK(!has_tags({{"a", "1"}, {"b", "2"}}, {{"a", "1"}, {"b", "3"}}));
    CHECK(!has_tags({{"a", "1"}}, {{"b", "1"}}));
}

TEST_CASE("5,000 interfaces come in pages of 1,000, within the bound, and none is missing") {
    AwsScene scene(state_of({{"interfaces", interfaces_of("sg-1", 5000)}}, {{"page", 1000}}));
    auto caller = scene.caller();
    const auto found = require_answer(describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {}}));
    CHECK(found.size() == 5000);
    CHECK(found.at("eni-14999").addresses == std::vector{address("10.1.19.250")});
    CHECK(count_of(scene, "DescribeNetworkInterfaces") == 5);
}

TEST_CASE("one pass serves 200 groups, so 500 resources of a group each are three calls") {
    auto all = Json::array();
    InterfaceQuestion question;
    for (int i = 0; i < 500; ++i) {
        const auto group = "sg-" + std::to_string(i);
        question.groups.insert(group);
        all.push_back({{"id", "eni-" + std::to_string(i)}, {"groups", {group}}, {"ipv4", {"10.0.0.1"}}});
    }
    AwsScene scene(state_of({{"interfaces", all}}, {{"page", 1000}}));
    auto caller = scene.caller();
    CHECK(require_answer(describe_interfaces(caller, question)).size() == 500);
    CHECK(count_of(scene, "DescribeNetworkInterfaces") == 3);
}

TEST_CASE("a look-up that fails on its last page is a failure, not a shorter answer") {
    auto state = state_of({{"interfaces", interfaces_of("sg-1", 25)}}, {{"page", 10}});
    AwsScene scene(state);
    auto caller = scene.caller();
    CHECK(require_answer(describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {}})).size() == 25);
    state["faults"] = Json::array({{{"page", 3}, {"status", 403}, {"code", "UnauthorizedOperation"}}});
    require(scene.aws->set(state));
    const auto failed = require_failure(describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {}}));
    CHECK(failed.kind == Kind::kDenied);
    CHECK(count_of(scene, "DescribeNetworkInterfaces") == 3);
}

TEST_CASE("all pages together are bounded, and pages that lead back end") {
    AwsScene scene(state_of({{"interfaces", interfaces_of("sg-1", 100)}}, {{"page", 10}}));
    auto caller = scene.caller();
    Room room{.most = 40'000};
    const auto bounded = describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {}}, room);
    CHECK(require_failure(bounded).kind == Kind::kTooLarge);
    CHECK(room.used > room.most);
    CHECK(count_of(scene, "DescribeNetworkInterfaces") < 10);

    // One answer is all of its forms'.
    auto two = interfaces_of("sg-1", 20);
    two.push_back({{"id", "eni-t"}, {"tags", {{"team", "payments"}}}, {"ipv4", {"10.2.0.1"}}});
    require(scene.aws->set(state_of({{"interfaces", two}})));
    Room by_group, by_tag, by_both;
    REQUIRE(describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {}}, by_group));
    REQUIRE(describe_interfaces(caller, {.groups = {}, .tag_keys = {"team"}}, by_tag));
    REQUIRE(describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {"team"}}, by_both));
    CHECK(by_tag.used > 0);
    CHECK(by_both.used == by_group.used + by_tag.used);

    require(scene.aws->set(answering("<DescribeSubnetsResponse><requestId>r-1</requestId><subnetSet/>"
                                     "<nextToken>again</nextToken></DescribeSubnetsResponse>")));
    const auto endless = require_failure(describe_subnets(caller, {"subnet-1"}));
    CHECK(endless.kind == Kind::kUnreadable);
    CHECK(endless.text == "DescribeSubnets in eu-central-1: page 2 says that an earlier one is the next");
    CHECK(count_of(scene, "DescribeSubnets") == 2);
}

TEST_CASE("unknown elements are passed over; a missing one is an error that names it, and the request") {
    const InterfaceQuestion question{.groups = {"sg-1"}, .tag_keys = {}};
    AwsScene scene(
        answering_interface("<new><deep>x</deep></new><networkInterfaceId>eni-1</networkInterfaceId><groupSet/>"
                            "<ipv6AddressesSet/>"));
    auto caller = scene.caller();
    CHECK(require_answer(describe_interfaces(caller, question)).contains("eni-1"));
    for (const auto& [item, complaint] : std::map<std::string, std::string>{
             {"<groupSet/><ipv6AddressesSet/>", "item has no networkInterfaceId"},
             {"<networkInterfaceId>eni-1</networkInterfaceId><ipv6AddressesSet/>", "item has no groupSet"},
             {"<networkInterfaceId>eni-1</networkInterfaceId><groupSet><item/></groupSet><ipv6AddressesSet/>",
              "groupSet/item has no groupId"},
             {"<networkInterfaceId>eni-1</networkInterfaceId><groupSet/><tagSet><item/></tagSet><ipv6AddressesSet/>",
              "tagSet/item has no key"}}) {
        CAPTURE(item);
        require(scene.aws->set(answering_interface(item)));
        const auto failed = require_failure(describe_interfaces(caller, question));
        CHECK(failed.kind == Kind::kUnreadable);
        CHECK(failed.text.find(complaint) != std::string::npos);
        CHECK(failed.text.find("(request 00000001-0000-4000-8000-000000000000)") != std::string::npos);
    }
}

// It is known whom it concerns, and nobody else should be without an answer because of it.
TEST_CASE("addresses that can't be read are told of their interface, and fail no answer") {
    AwsScene scene;
    auto caller = scene.caller();
    const std::string one = "<networkInterfaceId>eni-1</networkInterfaceId><groupSet/>",
                      efa_only = one + "<interfaceType>efa-only</interfaceType>";
    const auto fault_of = [&](const std::string& item) {
        require(scene.aws->set(answering_interface(item)));
        return require_answer(describe_interfaces(caller, {.groups = {"sg-1"}, .tag_keys = {}})).at("eni-1").fault;
    };
    for (const auto& [item, complaint] : std::map<std::string, std::string>{
             {one, "item has neither privateIpAddressesSet nor ipv6AddressesSet"},
             {one + "<interfaceType>efa</interfaceType>", "item has neither privateIpAddressesSet nor"},
             {one + "<ipv6AddressesSet><item><ipv6Address>fd00::z</ipv6Address></item></ipv6AddressesSet>",
              "ipv6Address is \"fd00::z\", which is no address"},
             {one + "<privateIpAddressesSet><item/></privateIpAddressesSet>", "item has no privateIpAddress"},
             {efa_only + "<privateIpAddressesSet><item/></privateIpAddressesSet>", "item has no privateIpAddress"},
             {one + "<ipv6AddressesSet/><ipv4PrefixSet><item><ipv4Prefix>10</ipv4Prefix></item></ipv4PrefixSet>",
              "ipv4Prefix is \"10\", which is no CIDR"}}) {
        const auto fault = fault_of(item);
        CAPTURE(item, fault);
        CHECK(fault.find(complaint) != std::string::npos);
        CHECK(fault.find("(request 00000001-0000-4000-8000-000000000000)") != std::string::npos);
    }
    for (const auto& item : {one + "<ipv6AddressesSet/>", one + "<privateIpAddressesSet/>", efa_only,
                             efa_only + "<privateIpAddressesSet/>"})
        CHECK(fault_of(item) == "");
}

TEST_CASE("what isn't the answer is none: garbage, half an answer, another call's, a list that isn't there") {
    AwsScene scene;
    auto caller = scene.caller();
    for (const std::string body :
         {"", "garbage", "<DescribeSubnetsResponse><subnetSet>", "<DescribeSubnetsResponse/>", "\x01\x02",
          "<DescribeVpcsResponse><subnetSet/></DescribeVpcsResponse>", "{\"Subnets\": []}"}) {
        CAPTURE(body);
        require(scene.aws->set(answering(body)));
        CHECK(require_failure(describe_subnets(caller, {"subnet-1"})).kind == Kind::kUnreadable);
    }
    for (const std::string body : {"", "garbage", "[]", "{}", R"({"ResourceTagMappingList": [{}]})",
                                   R"({"ResourceTagMappingList": [{"ResourceARN": "a", "Tags": [{}]}]})",
                                   R"({"ResourceTagMappingList": [7], "PaginationToken": ""})"}) {
        CAPTURE(body);
        require(scene.aws->set(answering(body)));
        CHECK(require_failure(tagged_resources(caller)).kind == Kind::kUnreadable);
    }
    // No entity of a document is expanded, and so none bomb.
    require(
        scene.aws->set(answering("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><DescribeSubnetsResponse>"
                                 "<subnetSet><item><subnetId>&b;</subnetId></item></subnetSet>"
                                 "</DescribeSubnetsResponse>")));
    CHECK(require_failure(describe_subnets(caller, {"subnet-1"})).text.find("has no CIDR") != std::string::npos);
}

TEST_CASE("the cluster's own instances are known by their Node, and by what is tagged on their interfaces") {
    const OwnCluster cluster{.name = "prod", .instances = {"i-node"}};
    const auto interface = [](const std::string& instance, const Tags& tags, const std::string& type = "interface") {
        Interface one;
        one.instance = instance;
        one.tags = tags;
        one.type = type;
        return one;
    };
    CHECK(is_nodes(interface("i-node", {}), cluster));
    CHECK(!is_nodes(interface("i-bastion", {}), cluster));
    CHECK(is_nodes(interface("", {{"node.k8s.amazonaws.com/instance_id", "i-node"}}), cluster));
    CHECK(!is_nodes(interface("", {{"node.k8s.amazonaws.com/instance_id", "i-other"}}), cluster));
    CHECK(is_nodes(interface("", {{"cluster.k8s.amazonaws.com/name", "prod"}}), cluster));
    CHECK(!is_nodes(interface("", {{"cluster.k8s.amazonaws.com/name", "test"}}), cluster));
    // A node that has no Node yet.
    CHECK(is_nodes(interface("i-new", {{"kubernetes.io/cluster/prod", "owned"}}), cluster));
    CHECK(is_nodes(interface("i-new", {{"aws:eks:cluster-name", "prod"}}), cluster));
    CHECK(is_nodes(interface("", {{"eks:eks-cluster-name", "prod"}}, "branch"), cluster));
    // A load balancer of the cluster's, which may be a resource, and another cluster's node.
    CHECK(!is_nodes(interface("", {{"kubernetes.io/cluster/prod", "owned"}}, "network_load_balancer"), cluster));
    CHECK(!is_nodes(interface("i-new", {{"kubernetes.io/cluster/test", "owned"}}), cluster));
    CHECK(!is_nodes(interface("i-new", {{"kubernetes.io/cluster/", "owned"}}), OwnCluster{}));
}

TEST_CASE("subnets are their CIDRs of both families, those that are gone left out, one that isn't there missing") {
    AwsScene scene(state_of(
        {{"subnets",
          Json::array(
              {{{"id", "subnet-1"},
                {"vpc", "vpc-1"},
                {"cidr", "10.0.200.0/24"},
                {"ipv6",
                 {{"fd00:1::/64", "associated"}, {"fd00:2::/64", "disassociated"}, {"fd00:3::/64", "associating"}}}},
               {{"id", "subnet-6"}, {"ipv6", {{"fd00:6::/64", "associated"}}}},
               {{"id", "subnet-9"}, {"cidr", "10.9.0.0/24"}}})}}));
    auto caller = scene.caller();
    const auto found = require_answer(describe_subnets(caller, {"subnet-1", "subnet-6", "subnet-gone"}));
    REQUIRE(found.size() == 2);
    CHECK(found.at("subnet-1").cidrs == std::vector{cidr("10.0.200.0/24"), cidr("fd00:1::/64"), cidr("fd00:3::/64")});
    CHECK(found.at("subnet-6").cidrs == std::vector{cidr("fd00:6::/64")});
}

TEST_CASE("prefix lists come by id and by name; entries of an unchanged version aren't asked for again") {
    auto entries = Json::array();
    for (int i = 0; i < 1000; ++i)
        entries.push_back("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24");
    Json place{
        {"prefix_lists", Json::array({{{"id", "pl-1"}, {"name", "offices"}, {"version", 3}, {"entries", entries}},
                                      {{"id", "pl-2"},
                                       {"name", "com.amazonaws.eu-central-1.s3"},
                                       {"version", nullptr},
                                       {"entries", {"3.5.134.0/23", "52.219.44.0/22"}}},
                                      {{"id", "pl-3"}, {"name", "other"}, {"entries", {"10.9.0.0/16"}}}})}};
    AwsScene scene(state_of(place));
    auto caller = scene.caller();
    const Names wanted{"pl-1", "com.amazonaws.eu-central-1.s3", "pl-gone"};
    const auto found = require_answer(describe_prefix_lists(caller, wanted));
    REQUIRE(found.size() == 2);
    CHECK(found.at("pl-1").entries.size() == 1000);
    CHECK(found.at("pl-1").entries.back() == cidr("10.3.249.0/24"));
    CHECK(found.at("pl-2").entries == std::vector{cidr("3.5.134.0/23"), cidr("52.219.44.0/22")});
    CHECK(count_of(scene, "GetManagedPrefixListEntries") == 10 + 1);

    CHECK(require_answer(describe_prefix_lists(caller, wanted, found)) == found);
    CHECK(count_of(scene, "GetManagedPrefixListEntries") == 11 + 1); // AWS' own list says no version
    place["prefix_lists"][0]["version"] = 4;
    place["prefix_lists"][0]["entries"] = {"10.0.0.0/8"};
    require(scene.aws->set(state_of(place)));
    CHECK(require_answer(describe_prefix_lists(caller, wanted, found)).at("pl-1").entries ==
          std::vector{cidr("10.0.0.0/8")});
}

TEST_CASE("a database cluster is all of its endpoints, its instances' too; an instance is its own") {
    AwsScene scene(
        state_of({{"db_clusters", Json::array({{{"id", "payments"},
                                                {"endpoint", "payments.cluster-x.rds"},
                                                {"reader", "payments.cluster-ro-x.rds"},
                                                {"custom", {"reports.cluster-custom-x.rds"}}},
                                               {{"id", "young"}}})},
                  {"db_instances",
                   Json::array({{{"id", "payments-1"}, {"cluster", "payments"}, {"endpoint", "payments-1.x.rds:5432"}},
                                {{"id", "alone"}, {"endpoint", "alone.x.rds:3306"}},
                                {{"id", "being-made"}, {"cluster", "payments"}}})}},
                 {{"page", 1}}));
    auto caller = scene.caller();
    CHECK(require_answer(describe_databases(caller)) ==
          Hostnames{{arn("rds", "cluster:payments"),
                     {"payments.cluster-x.rds", "payments.cluster-ro-x.rds", "reports.cluster-custom-x.rds",
                      "payments-1.x.rds"}},
                    {arn("rds", "cluster:young"), {}},
                    {arn("rds", "db:payments-1"), {"payments-1.x.rds"}},
                    {arn("rds", "db:alone"), {"alone.x.rds"}},
                    {arn("rds", "db:being-made"), {}}});
    CHECK(count_of(scene, "DescribeDBClusters") == 2);
    CHECK(count_of(scene, "DescribeDBInstances") == 3);
}

TEST_CASE("a cache is all of its endpoints: groups in both modes, memcached, serverless") {
    AwsScene scene(state_of(
        {{"replication_groups",
          Json::array({{{"id", "sharded"}, {"configuration", "sharded.cfg:6379"}},
                       {{"id", "plain"},
                        {"shards", Json::array({{{"primary", "plain.p:6379"},
                                                 {"reader", "plain.r:6379"},
                                                 {"nodes", {"plain-1:6379", "plain-2:6379"}}}})}}})},
         {"cache_clusters", Json::array({{{"id", "sharded-1"}, {"group", "sharded"}, {"nodes", {"sharded-1.n:6379"}}},
                                         {{"id", "memory"},
                                          {"configuration", "memory.cfg:11211"},
                                          {"nodes", {"memory.1:11211", "memory.2:11211"}}}})},
         {"serverless_caches",
          Json::array({{{"id", "less"}, {"endpoint", "less.s:6379"}, {"reader", "less.s:6380"}}})}},
        {{"page", 1}}));
    auto caller = scene.caller();
    const Hostnames expected{
        {arn("elasticache", "replicationgroup:sharded"), {"sharded.cfg", "sharded-1.n"}},
        {arn("elasticache", "replicationgroup:plain"), {"plain.p", "plain.r", "plain-1", "plain-2"}},
        {arn("elasticache", "cluster:sharded-1"), {"sharded-1.n"}},
        {arn("elasticache", "cluster:memory"), {"memory.cfg", "memory.1", "memory.2"}},
        {arn("elasticache", "serverlesscache:less"), {"less.s"}}};
    CHECK(require_answer(describe_caches(caller)) == expected);
}

TEST_CASE("a region without serverless caches has the others; a right that is missing is still told") {
    const Json place{{"cache_clusters", Json::array({{{"id", "c"}, {"nodes", {"c.1:6379"}}}})}};
    const auto with = [&](const std::string& code, int status) {
        return state_of(
            place,
            {{"faults", Json::array({{{"action", "DescribeServerlessCaches"}, {"status", status}, {"code", code}}})}});
    };
    AwsScene scene(with("InvalidAction", 400));
    auto caller = scene.caller();
    CHECK(require_answer(describe_caches(caller)).size() == 1);
    require(scene.aws->set(with("AccessDenied", 403)));
    CHECK(require_failure(describe_caches(caller)).kind == Kind::kDenied);
}

TEST_CASE("tags come by ARN, of databases and caches alone, over all pages") {
    Json tagged;
    std::map<std::string, Tags> expected;
    for (int i = 0; i < 120; ++i) {
        const auto name = arn("rds", "cluster:c" + std::to_string(i));
        tagged[name] = {{"team", "payments"}, {"n", std::to_string(i)}};
        expected[name] = {{"team", "payments"}, {"n", std::to_string(i)}};
    }
    tagged[arn("elasticache", "serverlesscache:s")] = {{"team", ""}};
    expected[arn("elasticache", "serverlesscache:s")] = {{"team", ""}};
    tagged[arn("rds", "cluster-snapshot:c1")] = {{"team", "payments"}};
    tagged["arn:aws:s3:::bucket"] = {{"team", "payments"}};
    AwsScene scene(state_of({{"tagged", tagged}}));
    auto caller = scene.caller();
    CHECK(require_answer(tagged_resources(caller)) == expected);
    CHECK(count_of(scene, "GetResources") == 2);
}

TEST_CASE("another account and another region are other places") {
    auto state = state_of({{"subnets", Json::array({{{"id", "subnet-1"}, {"cidr", "10.0.0.0/24"}}})}});
    state["places"].push_back(
        {{"account", kAccount}, {"region", "eu-west-1"}, {"subnets", {{{"id", "subnet-1"}, {"cidr", "10.7.0.0/24"}}}}});
    AwsScene scene(state);
    Caller elsewhere(scene.client, scene.credentials, {.account = kAccount, .region = "eu-west-1"}, {});
    CHECK(require_answer(describe_subnets(elsewhere, {"subnet-1"})).at("subnet-1").cidrs ==
          std::vector{cidr("10.7.0.0/24")});
}

} // namespace bulkhead::aws
