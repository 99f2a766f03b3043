// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller looks AWSResources up: with a real API server, a real DNS server and what stands in for AWS.
#include <cstdlib>
#include <map>
#include <set>

#include "controller_process.h"
#include "support/aws_stand_in.h"
#include "support/dns_server.h"

namespace bulkhead::test {
namespace {

using Texts = std::set<std::string>;

constexpr auto kGroup = "sg-0123456789abcdef0";
constexpr auto kOtherRole = "arn:aws:iam::444455556666:role/bulkhead";

/// An account in which that group sits on interfaces with these addresses, and on a node's.
Json account(const std::vector<std::string>& addresses, const Json& faults = Json::array()) {
    auto interfaces = Json::array({{{"id", "eni-node"},
                                    {"groups", {kGroup}},
                                    {"instance", "i-0123456789abcdef0"},
                                    {"ipv4", {"10.0.0.1", "10.0.0.2"}}}});
    for (const auto& address : addresses)
        interfaces.push_back({{"id", "eni-" + address}, {"groups", {kGroup}}, {"ipv4", {address}}});
    return {{"identities", Json::array({{{"access_key", "AKIDOWN"},
                                         {"secret_key", "own/secret+key"},
                                         {"arn", "arn:aws:iam::111122223333:user/bulkhead"},
                                         {"account", "111122223333"}}})},
            {"places",
             Json::array({{{"account", "111122223333"}, {"region", "eu-central-1"}, {"interfaces", interfaces}}})},
            {"faults", faults}};
}

/// From now on, for longer than the test lasts.
Json throttling() {
    return Json::array({{{"service", "ec2"},
                         {"times", 1'000'000},
                         {"status", 503},
                         {"code", "RequestLimitExceeded"},
                         {"message", "Request limit exceeded."}}});
}

struct Scene {
    explicit Scene(const std::vector<std::string>& more = {}) : options(more) {
        setenv("AWS_ENDPOINT_URL", aws->url().c_str(), 1);
        setenv("AWS_REGION", "eu-central-1", 1);
        setenv("AWS_ACCESS_KEY_ID", "AKIDOWN", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "own/secret+key", 1);
        require(aws->set(account({"10.1.0.1", "10.1.0.2"})));
        put(server, "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\n"
                    "spec: {providerID: 'aws:///eu-central-1a/i-0123456789abcdef0'}\n---\n"
                    "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                    "spec: {addresses: {hostnames: [writer.db.test], securityGroups: [" +
                        std::string(kGroup) + "]}}\n---\n");
    }

    std::unique_ptr<ControllerProcess> controller(const std::string& name) const {
        std::vector<std::string> words{"--dns-server", dns->text(), "--resolve-interval", "1"};
        words.insert(words.end(), options.begin(), options.end());
        return std::make_unique<ControllerProcess>(server.kubeconfig(), name, nullptr, words);
    }

    /// All that the resource's slices say.
    Texts published() const {
        Texts all;
        const auto slices = object(server, {"identityslices", "-l", "bulkhead.dev/aws-resource=aurora"});
        for (const auto& slice : slices.at("items")) {
            CHECK(slice.at("spec").at("awsResource") == "aurora");
            CHECK(slice.at("metadata").at("labels").at("bulkhead.dev/scope") == "all");
            CHECK(slice.at("metadata").at("annotations").contains("bulkhead.dev/seen-at"));
            for (const auto& address : slice.at("spec").at("addresses"))
                CHECK(all.insert(address).second);
        }
        return all;
    }

    /// By what the slices of that resource say of their tenant.
    std::map<std::string, Texts> published_by_tenant(const std::string& resource) const {
        std::map<std::string, Texts> all;
        const auto slices = object(server, {"identityslices", "-l", "bulkhead.dev/aws-resource=" + resource});
        for (const auto& slice : slices.at("items"))
            for (const auto& address : slice.at("spec").at("addresses"))
                all[slice.at("spec").value("tenant", "")].insert(address.get<std::string>());
        return all;
    }

    bool becomes(const Texts& expected) const {
        const bool is_so = wait_until([&] { return published() == expected; }, after(30s), 100ms);
        INFO(Json(published()).dump());
        CHECK(is_so);
        return is_so;
    }

    /// On that resource, with that reason.
    std::vector<Json> events(const std::string& reason) const {
        const auto all = object(server, {"events", "-n", "default", "--field-selector", "reason=" + reason});
        std::vector<Json> ours;
        for (const auto& event : all.at("items"))
            if (event.at("involvedObject").at("name") == "aurora") ours.push_back(event);
        return ours;
    }

    Json resolved() const { return condition("aurora", "Resolved"); }

    Json condition(const std::string& resource, const std::string& type) const {
        const auto status = object(server, {"awsresource", resource}).value("status", Json::object());
        for (const auto& one : status.value("conditions", Json::array()))
            if (one.at("type") == type) return one;
        return Json{{"status", "none"}, {"reason", ""}, {"message", ""}};
    }

    bool is_resolved(const std::string& status, const std::string& reason) const {
        const auto is_so = [&] {
            const auto condition = resolved();
            return condition.at("status") == status && condition.at("reason") == reason;
        };
        const bool became = wait_until(is_so, after(60s), 100ms);
        INFO(resolved().dump());
        CHECK(became);
        return became;
    }

    std::vector<std::string> options;
    ApiServer server = with_crds();
    std::unique_ptr<AwsStandIn> aws = require(AwsStandIn::start());
    std::unique_ptr<DnsServer> dns = require(DnsServer::start({"writer 1 A 10.2.0.1"}));
};

const Texts kAll{"10.1.0.1", "10.1.0.2", "10.2.0.1"};

TEST_CASE("what a security group and a name stand for is published, without nodes, and follows what AWS and DNS say") {
    Scene scene({"--grace", "3"});
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes(kAll));
    REQUIRE(scene.is_resolved("True", "Resolved"));
    CHECK(scene.resolved().at("message") == "3 addresses found");

    // A fail-over: the new address comes, and the former one goes after the grace time.
    require(scene.dns->change({"unset writer", "set writer 1 A 10.2.0.9"}));
    REQUIRE(wait_until([&] { return scene.published().contains("10.2.0.9"); }, after(20s), 50ms));
    REQUIRE(scene.becomes({"10.1.0.1", "10.1.0.2", "10.2.0.9"}));

    require(scene.aws->set(account({"10.1.0.2", "10.1.0.3"})));
    REQUIRE(scene.becomes({"10.1.0.2", "10.1.0.3", "10.2.0.9"}));

    put(scene.server, "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                      "spec: {addresses: {hostnames: [writer.db.test]}}\n");
    REQUIRE(scene.becomes({"10.2.0.9"}));
    kubectl(scene.server, {"delete", "awsresource", "aurora"});
    CHECK(scene.becomes({}));
}

TEST_CASE("while AWS throttles and DNS is away nothing leaves, and the condition says what fails") {
    const Scene scene({"--grace", "1"});
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes(kAll));
    REQUIRE(scene.is_resolved("True", "Resolved"));
    require(scene.aws->set(account({}, throttling())));
    REQUIRE(scene.is_resolved("False", "Throttled"));
    const auto message = scene.resolved().at("message").get<std::string>();
    CHECK(message.starts_with("3 addresses found\nsecurityGroups sg-0123456789abcdef0 in eu-central-1: "));
    CHECK(message.find("; failing since 20") != std::string::npos);
    CHECK(message.find("; the good answer of 20") != std::string::npos);
    CHECK(scene.published() == kAll);
    scene.dns->end();
    REQUIRE(wait_until(
        [&] { return scene.resolved().at("message").get<std::string>().find("writer.db.test: ") != std::string::npos; },
        after(30s), 100ms));
    std::this_thread::sleep_until(Clock::now() + 3s); // three times the grace time
    CHECK(scene.published() == kAll);
}

TEST_CASE(
    "Events tell that AWS refuses, and that it answers again, also by the next leader, and Ready stays as it is") {
    const Scene scene({"--grace", "30"});
    auto controller = scene.controller("one");
    REQUIRE(scene.becomes(kAll));
    REQUIRE(scene.is_resolved("True", "Resolved"));
    CHECK(scene.events("NotResolved").empty());
    require(scene.aws->set(account({"10.1.0.1", "10.1.0.2"}, throttling())));
    REQUIRE(wait_until([&] { return scene.events("NotResolved").size() == 1; }, after(60s), 100ms));
    const auto failing = scene.events("NotResolved").front();
    CHECK(failing.at("type") == "Warning");
    CHECK(failing.at("message").get<std::string>().starts_with(
        "spec.addresses: Throttled: securityGroups sg-0123456789abcdef0 in eu-central-1: "));
    CHECK(scene.condition("aurora", "Ready").at("status") == "True");
    CHECK(scene.events("Resolved").empty());

    controller.reset();
    require(scene.aws->set(account({"10.1.0.1", "10.1.0.2"})));
    controller = scene.controller("two");
    INFO(controller->output());
    REQUIRE(wait_until([&] { return scene.events("Resolved").size() == 1; }, after(60s), 100ms));
    const auto answered = scene.events("Resolved").front();
    CHECK(answered.at("type") == "Normal");
    CHECK(
        answered.at("message").get<std::string>().starts_with("spec.addresses: everything that it names is answered "));
    CHECK(scene.events("NotResolved").size() == 1);
    REQUIRE(scene.is_resolved("True", "Resolved"));
}

TEST_CASE("an edit that names something else takes nothing away before that has been answered") {
    const Scene scene({"--grace", "1"});
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes(kAll));
    const auto named = [&](const std::string& host, const std::string& more) {
        put(scene.server, "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                          "spec: {addresses: {hostnames: [" +
                              host + "], securityGroups: [" + kGroup + "]}" + more + "}\n");
    };
    named("reader.db.test", ", aws: {roleArn: 'arn:aws:iam::444455556666:role/nobody'}");
    REQUIRE(wait_until([&] { return scene.resolved().at("status") == "False"; }, after(60s), 100ms));
    std::this_thread::sleep_until(Clock::now() + 3s); // three times the grace time
    CHECK(scene.published() == kAll);

    named("reader.db.test", "");
    require(scene.dns->change({"set reader 1 A 10.2.0.5"}));
    CHECK(scene.becomes({"10.1.0.1", "10.1.0.2", "10.2.0.5"}));
}

/// The same, with a database account beside it, where things have tags: an account per team, in another region.
Json two_accounts(const Json& tagged) {
    auto state = account({"10.1.0.1"});
    state["roles"] = Json::array({{{"arn", kOtherRole}, {"external_id", "ours"}}});
    const auto clusters = Json::array({{{"id", "ledger"}, {"endpoint", "writer.db.test"}, {"reader", "reader.db.test"}},
                                       {{"id", "blog"}, {"endpoint", "blog.db.test"}}});
    const auto instances = Json::array({{{"id", "ledger-1"}, {"cluster", "ledger"}, {"endpoint", "one.db.test:5432"}}});
    const auto interfaces = Json::array({{{"id", "eni-far"}, {"groups", {kGroup}}, {"ipv4", {"10.9.0.1"}}}});
    state["places"].push_back({{"account", "444455556666"},
                               {"region", "us-west-2"},
                               {"interfaces", interfaces},
                               {"db_clusters", clusters},
                               {"db_instances", instances},
                               {"tagged", tagged}});
    return state;
}

/// The team that each cluster is tagged with.
Json tagged(const std::map<std::string, std::string>& teams) {
    auto all = Json::object();
    for (const auto& [cluster, team] : teams)
        all["arn:aws:rds:us-west-2:444455556666:cluster:" + cluster]["team"] = team;
    return all;
}

std::string in_other_account(const std::string& addresses) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\nspec: {addresses: {" +
           addresses + "}, aws: {region: us-west-2, externalId: ours, roleArn: '" + kOtherRole + "'}}\n";
}

TEST_CASE("a resource of another account and region is asked for there, as the role that it names, and nowhere else") {
    const Scene scene;
    require(scene.aws->set(two_accounts(Json::object())));
    put(scene.server, in_other_account(std::string("securityGroups: [") + kGroup + "]"));
    put(scene.server, "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: near}\n"
                      "spec: {addresses: {securityGroups: [" +
                          std::string(kGroup) + "]}}\n");
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes({"10.9.0.1"}));
    REQUIRE(scene.is_resolved("True", "Resolved"));
    std::map<std::string, Texts> keys; // by region, of EC2's calls
    const auto asked_both = [&] {
        for (const auto& call : require(scene.aws->calls()))
            if (call.at("service") == "ec2")
                keys[call.at("region")].insert(call.at("access_key").get<std::string>().substr(0, 8));
        return keys.size() == 2;
    };
    REQUIRE(wait_until(asked_both, after(30s), 100ms));
    CHECK(keys.at("eu-central-1") == Texts{"AKIDOWN"});
    CHECK(keys.at("us-west-2") == Texts{"ASIAROLE"});
    for (const auto& call : require(scene.aws->calls())) {
        if (call.at("action") != "AssumeRole") continue;
        CHECK(call.at("parameters").at("RoleArn") == kOtherRole);
        CHECK(call.at("access_key") == "AKIDOWN");
    }
}

TEST_CASE("tags find databases, whose names DNS knows: what gets the tag is protected, what loses it no longer") {
    const Scene scene({"--grace", "2"});
    require(scene.dns->change({"set reader 1 A 10.2.0.2", "set one 1 A 10.2.0.3", "set blog 1 A 10.2.0.4"}));
    require(scene.aws->set(two_accounts(tagged({{"ledger", "pay"}, {"blog", "blog"}}))));
    put(scene.server, in_other_account("resourceTags: {team: pay}"));
    put(scene.server,
        "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: pay}\nspec: {}\n---\n"
        "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: all}\n"
        "spec: {tenantFrom: {tag: team}, addresses: {resourceTags: {team: '*'}}, aws: {region: us-west-2, "
        "externalId: ours, roleArn: '" +
            std::string(kOtherRole) + "'}}\n");
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes({"10.2.0.1", "10.2.0.2", "10.2.0.3"})); // writer, reader and the instance's own
    REQUIRE(scene.is_resolved("True", "Resolved"));
    using ByTenant = std::map<std::string, Texts>;
    const ByTenant owned{{"pay", {"10.2.0.1", "10.2.0.2", "10.2.0.3"}}, {"blog", {"10.2.0.4"}}};
    CHECK(wait_until([&] { return scene.published_by_tenant("all") == owned; }, after(30s), 100ms));
    const auto says = [&](const std::string& type, const std::string& text) {
        const auto is_so = [&] {
            return scene.condition("all", type).at("message").get<std::string>().find(text) != std::string::npos;
        };
        const bool became = wait_until(is_so, after(30s), 100ms);
        INFO(scene.condition("all", type).dump());
        CHECK(became);
    };
    says("Resolved", "4 addresses found; by the tag team: 1 of blog, 3 of pay");
    says("Ready", "names no Tenant, so that these are nobody's and protected: \"blog\" of 10.2.0.4");

    require(scene.dns->change({"unset writer", "set writer 1 A 10.2.0.9"}));
    require(scene.aws->set(two_accounts(tagged({{"blog", "pay"}}))));
    CHECK(scene.becomes({"10.2.0.4"}));
    const ByTenant left{{"pay", {"10.2.0.4"}}};
    CHECK(wait_until([&] { return scene.published_by_tenant("all") == left; }, after(30s), 100ms));
}

TEST_CASE("who takes over while AWS is away leaves what was published, and takes it over once it is back") {
    Scene scene({"--grace", "2"});
    {
        const auto first = scene.controller("one");
        INFO(first->output());
        REQUIRE(scene.becomes(kAll));
        REQUIRE(scene.is_resolved("True", "Resolved"));
        first->process().signal(SIGKILL);
    }
    require(scene.aws->set(account({}, throttling())));
    require(scene.dns->change({"unset writer", "set writer 1 A 10.2.0.9"}));
    const auto second = scene.controller("two");
    INFO(second->output());
    // It works: what it learns comes on top.
    REQUIRE(wait_until([&] { return scene.published().contains("10.2.0.9"); }, after(60s), 100ms));
    REQUIRE(scene.is_resolved("False", "Throttled"));
    std::this_thread::sleep_until(Clock::now() + 4s);
    const Texts with_new{"10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.9"};
    CHECK(scene.published() == with_new);

    require(scene.aws->set(account({"10.1.0.2"})));
    CHECK(wait_until([&] { return scene.published() == Texts{"10.1.0.2", "10.2.0.9"}; }, after(120s), 100ms));
    CHECK(scene.is_resolved("True", "Resolved"));
}

} // namespace
} // namespace bulkhead::test
