// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller looks AWSResources up: with a real API server, a real DNS server and what stands in for AWS.
#include "judging_agent.h"
#include "resolve_scene.h"

namespace bulkhead::test {
namespace {

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

constexpr auto kSubnet = "subnet-0123456789abcdef0", kList = "pl-0123456789abcdef0";

/// Something for each kind of look-up.
Json account_of_all_kinds() {
    auto state = account({"10.1.0.1"});
    auto& place = state["places"][0];
    place["interfaces"].push_back(
        {{"id", "eni-tagged"}, {"tags", {{"team", "pay"}}}, {"ipv4", {"10.1.0.2"}}, {"ipv6", {"fd00:1::2"}}});
    place["subnets"] =
        Json::array({{{"id", kSubnet}, {"cidr", "10.3.0.0/24"}, {"ipv6", {{"fd00:3::/64", "associated"}}}}});
    place["prefix_lists"] =
        Json::array({{{"id", kList}, {"name", "partners"}, {"entries", {"10.4.0.0/28", "10.4.9.1/32"}}}});
    place["db_clusters"] = Json::array({{{"id", "ledger"}, {"endpoint", "ledger.db.test"}}});
    place["tagged"]["arn:aws:rds:eu-central-1:111122223333:cluster:ledger"]["team"] = "pay";
    return state;
}

TEST_CASE("whatever is named counts, by all kinds of look-ups, and a subnet protects an address before it exists") {
    const Scene scene;
    auto state = account_of_all_kinds();
    require(scene.aws->set(state));
    require(scene.dns->change({"set ledger 1 A 10.2.0.2"}));
    put(scene.server, namespace_yaml("vault") + namespace_yaml("shop") +
                          "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: vault}\n"
                          "spec: {namespaces: [vault], level: protected}\n---\n"
                          "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                          "spec: {tenant: vault, addresses: {cidrs: [10.5.0.0/24], hostnames: [writer.db.test], "
                          "securityGroups: [" +
                          kGroup + "], networkInterfaceTags: {team: pay}, resourceTags: {team: pay}, subnets: [" +
                          kSubnet + "], prefixLists: [" + kList + "]}}\n");
    run_at(scene.server, "vault", "teller", "10.0.1.1");
    run_at(scene.server, "shop", "web", "10.0.1.2");
    const auto controller = scene.controller("one");
    INFO(controller->output());
    const Texts found{"10.1.0.1",    "10.1.0.2",    "fd00:1::2",   "10.2.0.1", "10.2.0.2",
                      "10.3.0.0/24", "fd00:3::/64", "10.4.0.0/28", "10.4.9.1"};
    REQUIRE(scene.becomes(found));
    REQUIRE(scene.is_resolved("True", "Resolved"));

    JudgingAgent agent(scene.server);
    const auto unborn = "10.3.0.77";
    for (const auto* address :
         {"10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2", "10.4.0.9", "10.4.9.1", "10.5.0.1", unborn}) {
        INFO(address);
        REQUIRE(agent.comes_to(BH_REASON_NOT_GRANTED, "10.0.1.2", address, 5432));
        CHECK(agent.ask("10.0.1.1", address, 5432) == BH_REASON_SAME_TENANT);
        CHECK(agent.ask(address, "10.0.1.1", 8080) == BH_REASON_SAME_TENANT); // as a Lambda calls its tenant's pods
    }
    for (const auto* beside : {"10.1.0.3", "10.2.0.3", "10.3.1.77", "10.4.0.16", "10.4.9.2", "10.5.1.1"}) {
        INFO(beside);
        CHECK(agent.ask("10.0.1.2", beside, 5432) == BH_REASON_OPEN);
        CHECK(agent.ask(beside, "10.0.1.1", 8080) == BH_REASON_NOT_GRANTED);
    }

    // It is born, in the subnet alone: that is no news.
    const auto slices = [&] {
        return object(scene.server, {"identityslices", "-l", "bulkhead.dev/aws-resource=aurora"}).at("items");
    };
    const auto before = slices();
    state["places"][0]["interfaces"].push_back({{"id", "eni-born"}, {"subnet", kSubnet}, {"ipv4", {unborn}}});
    require(scene.aws->set(state));
    const auto asked_again = [&] {
        const auto calls = require(scene.aws->calls());
        return std::count_if(calls.begin(), calls.end(),
                             [](const Json& call) { return call.at("action") == "DescribeSubnets"; }) > 2;
    };
    REQUIRE(wait_until(asked_again, after(30s), 100ms));
    CHECK(slices() == before);
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

TEST_CASE("a Tenant that is deleted and made anew takes nothing along, though another account is asked meanwhile") {
    const Scene scene;
    auto state = two_accounts(Json::object());
    state["places"][0]["interfaces"] = Json::array(); // where those are asked of whom nobody says where they are
    require(scene.aws->set(state));
    const std::string tenant = "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: pay}\n"
                               "spec: {aws: {region: us-west-2, externalId: ours, roleArn: '" +
                               std::string(kOtherRole) + "'}}\n---\n";
    put(scene.server, tenant +
                          "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                          "spec: {tenant: pay, addresses: {securityGroups: [" +
                          kGroup + "]}}\n");
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes({"10.9.0.1"}));
    REQUIRE(scene.is_resolved("True", "Resolved"));
    const SliceWatch watch(scene.server);
    kubectl(scene.server, {"delete", "tenant", "pay"});
    REQUIRE(scene.is_resolved("False", "NothingThere"));
    CHECK(scene.published() == Texts{"10.9.0.1"});
    put(scene.server, tenant);
    REQUIRE(scene.is_resolved("True", "Resolved"));
    watch.check_never_less({{"aurora", {"10.9.0.1"}}}, {{"aurora", {"10.9.0.1"}}});
}

TEST_CASE("what the API server refuses to take isn't called resolved, and is written once it takes it") {
    const Scene scene;
    const auto controller = scene.controller("one");
    INFO(controller->output());
    REQUIRE(scene.becomes(kAll));
    put(scene.server, "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n"
                      "metadata: {name: away}\nwebhooks:\n- name: away.example.com\n"
                      "  clientConfig: {url: 'https://127.0.0.1:1/'}\n  failurePolicy: Fail\n"
                      "  sideEffects: None\n  admissionReviewVersions: [v1]\n  rules: [{apiGroups: [bulkhead.dev], "
                      "apiVersions: ['*'], operations: ['*'], resources: [identityslices]}]\n");
    const auto is_refused = [&] {
        return scene.server
                   .kubectl({"label", "identityslices", "--all", "test=webhook", "--overwrite", "--dry-run=server"})
                   .status != 0;
    };
    REQUIRE(wait_until(is_refused, after(30s), 100ms));
    require(scene.dns->change({"set writer 1 A 10.2.0.9"}));
    REQUIRE(scene.is_resolved("False", "NotPublished"));
    const std::string message = scene.resolved().at("message");
    CHECK(message.starts_with("4 addresses found, but the API server doesn't take them: can't write IdentitySlice "));
    CHECK(message.find("away.example.com") != std::string::npos);
    CHECK(scene.published() == kAll);
    kubectl(scene.server, {"delete", "validatingwebhookconfiguration", "away"});
    CHECK(scene.becomes({"10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.9"}));
    CHECK(scene.is_resolved("True", "Resolved"));
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

TEST_CASE("a leader that is killed while AWS and DNS fail takes nothing along, and the next one adds what it learns") {
    Scene scene({"--grace", "2"});
    const auto first = scene.controller("one");
    REQUIRE(scene.becomes(kAll));
    REQUIRE(scene.is_resolved("True", "Resolved"));
    const auto second = scene.controller("two");
    INFO(second->output());
    const SliceWatch watch(scene.server);
    require(scene.aws->set(account({}, throttling())));
    scene.dns->freeze();
    REQUIRE(scene.is_resolved("False", "Throttled"));
    first->process().signal(SIGKILL);
    REQUIRE(wait_until([&] { return led_by(scene.server, "two"); }, after(60s), 100ms));
    scene.dns->thaw();
    require(scene.dns->change({"unset writer", "set writer 1 A 10.2.0.9"}));
    // It works: what it learns comes on top.
    REQUIRE(wait_until([&] { return scene.published().contains("10.2.0.9"); }, after(60s), 100ms));
    REQUIRE(scene.is_resolved("False", "Throttled"));
    std::this_thread::sleep_until(Clock::now() + 4s); // twice the grace time
    const Texts with_new{"10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.9"};
    CHECK(scene.published() == with_new);
    watch.check_never_less({{"aurora", kAll}}, {{"aurora", with_new}});

    require(scene.aws->set(account({"10.1.0.2"})));
    CHECK(wait_until([&] { return scene.published() == Texts{"10.1.0.2", "10.2.0.9"}; }, after(120s), 100ms));
    CHECK(scene.is_resolved("True", "Resolved"));
}

} // namespace
} // namespace bulkhead::test
