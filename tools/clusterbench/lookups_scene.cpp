// SPDX-License-Identifier: Apache-2.0
#include "lookups_scene.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "population.h"

namespace bulkhead::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto kResources = "/apis/bulkhead.dev/v1alpha1/awsresources";
constexpr auto kRegion = "eu-central-1";
constexpr auto kAccount = "111122223333";
constexpr auto kMovingGroup = "sg-0fffffffffffffff0";
constexpr auto kMovingName = "moving";
constexpr auto kList = "pl-00000000000000001";
constexpr auto kKeys = {"one", "two", "agent"};

std::string id_of(const char* kind, uint32_t number) {
    return fmt::format("{}-{:017x}", kind, number + 1);
}

std::string address_in(uint32_t network, uint32_t number) {
    return fmt::format("172.{}.{}.{}", network, number / 250, number % 250 + 1);
}

Json interface_of(const std::string& id, const std::string& group, const std::string& address) {
    return {{"id", id}, {"groups", {group}}, {"ipv4", {address}}};
}

Json identities() {
    Json all = Json::array();
    for (const std::string name : kKeys)
        all.push_back({{"access_key", "AKID" + name},
                       {"secret_key", "secret/" + name},
                       {"arn", fmt::format("arn:aws:iam::{}:user/{}", kAccount, name)},
                       {"account", kAccount}});
    return all;
}

std::string host(const std::string& what, uint32_t cluster) {
    return fmt::format("{}-{}", what, cluster);
}

const std::vector<std::string> kHosts{"writer", "reader", "first", "second"}; // of a cluster

Json place_of(const Account& account) {
    Json interfaces = Json::array(), subnets = Json::array(), clusters = Json::array(), instances = Json::array();
    Json tagged = Json::object(), entries = Json::array();
    const auto arn = [](const std::string& rest) {
        return fmt::format("arn:aws:rds:{}:{}:{}", kRegion, kAccount, rest);
    };
    for (uint32_t i = 0; i < account.resources; ++i)
        interfaces.push_back(interface_of(id_of("eni", i), id_of("sg", i), address_in(16, i)));
    for (uint32_t i = 0; i < account.subnets(); ++i)
        subnets.push_back({{"id", id_of("subnet", i)}, {"cidr", fmt::format("172.20.{}.0/28", i % 250)}});
    for (uint32_t i = 0; i < account.clusters(); ++i) {
        const auto name = [&](size_t which) { return host(kHosts[which], i) + ".db.test"; };
        const std::string id = "db-" + std::to_string(i);
        clusters.push_back({{"id", id}, {"endpoint", name(0)}, {"reader", name(1)}});
        instances.push_back({{"id", id + "-1"}, {"cluster", id}, {"endpoint", name(2) + ":5432"}});
        instances.push_back({{"id", id + "-2"}, {"cluster", id}, {"endpoint", name(3) + ":5432"}});
        for (const auto& rest : {"cluster:" + id, "db:" + id + "-1", "db:" + id + "-2"})
            tagged[arn(rest)]["team"] = std::to_string(i);
    }
    for (uint32_t i = 0; i < account.list_entries; ++i)
        entries.push_back(fmt::format("100.{}.{}.0/28", 64 + i / 250, i % 250));
    const Json lists = Json::array({{{"id", kList}, {"name", "partners"}, {"version", 1}, {"entries", entries}},
                                    {{"id", id_of("pl", 1)},
                                     {"name", fmt::format("com.amazonaws.{}.s3", kRegion)},
                                     {"version", nullptr}, // as AWS' own
                                     {"entries", {"192.0.2.0/24"}}}});
    return {{"account", kAccount}, {"region", kRegion},       {"interfaces", interfaces},
            {"subnets", subnets},  {"db_clusters", clusters}, {"db_instances", instances},
            {"tagged", tagged},    {"prefix_lists", lists}};
}

std::vector<std::string> records_of(const Account& account) {
    std::vector<std::string> records{fmt::format("{} {} A 172.30.0.1", kMovingName, LookUpScene::kTtl)};
    for (uint32_t i = 0; i < account.clusters(); ++i)
        for (uint32_t which = 0; which < kHosts.size(); ++which)
            records.push_back(
                fmt::format("{} {} A {}", host(kHosts[which], i), LookUpScene::kTtl, address_in(24 + which, i)));
    return records;
}

Json resource_object(const std::string& name, const Json& addresses) {
    return {{"apiVersion", "bulkhead.dev/v1alpha1"},
            {"kind", "AWSResource"},
            {"metadata", {{"name", name}}},
            {"spec", {{"addresses", addresses}}}};
}

std::vector<ApiClient::Request> objects_of(const Account& account) {
    std::vector<ApiClient::Request> all;
    for (uint32_t i = 0; i < account.resources; ++i) {
        Json addresses{{"securityGroups", {id_of("sg", i)}}};
        if (i < account.subnets()) addresses["subnets"] = {id_of("subnet", i)};
        if (i < account.clusters()) addresses["resourceTags"] = {{"team", std::to_string(i)}};
        if (i == 0) addresses["prefixLists"] = {kList, fmt::format("com.amazonaws.{}.s3", kRegion)};
        all.push_back(post(kResources, resource_object("resource-" + std::to_string(i), addresses)));
    }
    all.push_back(
        post(kResources, resource_object("moving-name", {{"hostnames", {kMovingName + std::string(".db.test")}}})));
    all.push_back(post(kResources, resource_object("moving-interface", {{"securityGroups", {kMovingGroup}}})));
    for (uint32_t i = 0; i < account.nodes; ++i) {
        auto node = node_object(node_name(i));
        node["spec"]["providerID"] = "aws:///eu-central-1a/" + id_of("i", i);
        all.push_back(post(kNodes, node));
    }
    return all;
}

/// Of an AWSResource: empty if its condition Resolved is True, else what it says.
std::string unresolved(const Json& object) {
    const std::string name = object.at("metadata").at("name");
    for (const auto& one : object.value(Json::json_pointer("/status/conditions"), Json::array()))
        if (one.at("type") == "Resolved")
            return one.at("status") == "True" ? "" : name + ": " + one.at("message").get<std::string>();
    return name + " has no condition";
}

} // namespace

std::vector<Expected> expected_calls(const Account& account, uint32_t interval) {
    const auto pages = [](uint32_t things, double of) { return std::ceil(things / of); };
    const double sweeps = 3600.0 / interval;
    return {
        {"DescribeNetworkInterfaces", sweeps * pages(account.resources + 1, 200)}, // groups of one request
        {"DescribeSubnets", sweeps * pages(account.subnets(), 200)},
        {"DescribeManagedPrefixLists", sweeps * 2},  // by ids, and by names
        {"GetManagedPrefixListEntries", sweeps * 1}, // AWS' own, which has no version; the other one hasn't changed
        {"DescribeDBClusters", sweeps * pages(account.clusters(), 100)},
        {"DescribeDBInstances", sweeps * pages(2 * account.clusters(), 100)},
        {"DescribeReplicationGroups", sweeps},
        {"DescribeCacheClusters", sweeps},
        {"DescribeServerlessCaches", sweeps},
        {"GetResources", sweeps * pages(3 * account.clusters(), 100)},
    };
}

Result<std::unique_ptr<LookUpScene>> LookUpScene::build(ApiClient& client, const Account& account) {
    std::unique_ptr<LookUpScene> scene(new LookUpScene(account));
    auto aws = test::AwsStandIn::start();
    if (!aws) return tl::unexpected(aws.error());
    scene->aws_ = std::move(*aws);
    auto dns = test::DnsServer::start(records_of(account));
    if (!dns) return tl::unexpected(dns.error());
    scene->dns_ = std::move(*dns);
    scene->state_ = {{"page", 1000}, {"identities", identities()}, {"places", Json::array({place_of(account)})}};
    if (auto moved = scene->move_interface(*Address::parse("172.31.0.1")); !moved) return tl::unexpected(moved.error());
    if (auto written = client.ask_all(objects_of(account)); !written) return tl::unexpected(written.error());
    return scene;
}

Result<test::Process> LookUpScene::controller(const Place& place, const std::string& name, uint32_t interval) const {
    return test::Process::start({"env", "AWS_ENDPOINT_URL=" + aws_->url(), std::string("AWS_REGION=") + kRegion,
                                 "AWS_ACCESS_KEY_ID=AKID" + name, "AWS_SECRET_ACCESS_KEY=secret/" + name,
                                 BULKHEAD_CONTROLLER, "--kubeconfig", place.server().kubeconfig().string(), "--name",
                                 name, "--metrics-address=", "--dns-server", dns_->text(), "--resolve-interval",
                                 std::to_string(interval), "--log-level", "warn"},
                                {.input = "", .ends_with_thread = true});
}

Result<> LookUpScene::wait_until_resolved(ApiClient& client) const {
    std::string missing;
    for (const auto deadline = test::after(180s); test::Clock::now() < deadline; std::this_thread::sleep_for(500ms)) {
        const auto list = client.ask({.path = kResources, .deadline = 30s});
        if (!list) return tl::unexpected(list.error());
        const auto objects = Json::parse(*list).at("items");
        missing.clear();
        for (const auto& object : objects)
            if (missing.empty()) missing = unresolved(object);
        if (missing.empty()) return {};
    }
    return fail("look resources up: " + missing);
}

Result<> LookUpScene::move_name(const Address& to) const {
    return dns_->change(
        {std::string("unset ") + kMovingName, fmt::format("set {} {} A {}", kMovingName, kTtl, to.text())});
}

Result<> LookUpScene::move_interface(const Address& to) {
    auto& interfaces = state_["places"][0]["interfaces"];
    if (interfaces.size() > account_.resources) interfaces.erase(interfaces.size() - 1);
    interfaces.push_back(interface_of("eni-moving", kMovingGroup, to.text()));
    return aws_->set(state_);
}

Result<std::map<std::string, uint32_t>> LookUpScene::calls(const std::string& by) const {
    const auto all = aws_->calls();
    if (!all) return tl::unexpected(all.error());
    std::map<std::string, uint32_t> counted;
    for (const auto& call : *all)
        if (by.empty() || call.at("access_key") == "AKID" + by) ++counted[call.at("action")];
    return counted;
}

Result<> LookUpScene::forget_calls() {
    return aws_->set(state_);
}

} // namespace bulkhead::bench
