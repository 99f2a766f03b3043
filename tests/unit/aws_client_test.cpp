// SPDX-License-Identifier: Apache-2.0
//
// Calls against what stands in for AWS, which takes no request whose signature isn't right.
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "aws/xml.h"
#include "aws_scene.h"

namespace bulkhead::aws {

namespace {

Answer<Reply> subnets_of(AwsScene& scene) {
    auto caller = scene.caller();
    return caller.query(Service::kEc2, "DescribeSubnets", {});
}

Json fault(Json one) {
    return {{"faults", Json::array({std::move(one)})}};
}

AwsScene scene_with(const Json& one) {
    return AwsScene(state_of({}, fault(one)));
}

} // namespace

TEST_CASE("a signed call is answered: a form with awkward characters, and JSON") {
    AwsScene scene;
    auto caller = scene.caller();
    Form form;
    form.add("Filter.1.Name", "tag:a b").add("Filter.1.Value.1", "x+y/z=é*");
    const auto reply = caller.query(Service::kEc2, "DescribeNetworkInterfaces", form);
    INFO(text_of(reply));
    REQUIRE(reply);
    CHECK(require(scene.aws->calls())[0]["parameters"]["Filter.1.Value.1"] == "x+y/z=é*");

    const auto json = caller.json(Service::kTagging, "ResourceGroupsTaggingAPI_20170126.GetResources", "{}");
    INFO(text_of(json));
    REQUIRE(json);
    CHECK(Json::parse(json->body)["ResourceTagMappingList"].empty());
    CHECK(scene.actions() == std::vector<std::string>{"DescribeNetworkInterfaces", "GetResources"});
}

TEST_CASE("a wrong key is refused, in each protocol, as what it is") {
    AwsScene scene;
    auto keys = own_keys();
    keys.secret_key = "another";
    Credentials wrong(std::make_unique<FixedKeys>(keys), scene.clock);
    Caller caller(scene.client, wrong, {.region = kRegion}, {});
    const auto ec2 = caller.query(Service::kEc2, "DescribeSubnets", {});
    REQUIRE(!ec2);
    CHECK(ec2.error().kind == Kind::kCredentials);
    CHECK(ec2.error().code == "SignatureDoesNotMatch");
    scene.clock.pass(11s); // refused keys are fetched again, but not at once
    const auto rds = caller.query(Service::kRds, "DescribeDBClusters", {});
    REQUIRE(!rds);
    CHECK(rds.error().code == "SignatureDoesNotMatch");
    scene.clock.pass(11s);
    const auto tagging = caller.json(Service::kTagging, "ResourceGroupsTaggingAPI_20170126.GetResources", "{}");
    REQUIRE(!tagging);
    CHECK(tagging.error().code == "InvalidSignatureException");
    CHECK(scene.clock.waits().empty()); // none of it gets better by asking again
}

TEST_CASE("a missing right is told with AWS' words, the call's name, its place and the request's id") {
    auto state = state_of();
    state["identities"][0]["denied"] = {"ec2:DescribeSubnets", "rds:DescribeDBClusters", "tagging:GetResources"};
    AwsScene scene(state);
    const auto reply = subnets_of(scene);
    REQUIRE(!reply);
    CHECK(reply.error().kind == Kind::kDenied);
    CHECK(reply.error().text ==
          "DescribeSubnets in eu-central-1 of account 111122223333: UnauthorizedOperation: User: "
          "arn:aws:iam::111122223333:user/bulkhead is not authorized to perform: ec2:DescribeSubnets (request "
          "00000001-0000-4000-8000-000000000000)");
    auto caller = scene.caller();
    CHECK(caller.query(Service::kRds, "DescribeDBClusters", {}).error().kind == Kind::kDenied);
    CHECK(caller.json(Service::kTagging, "ResourceGroupsTaggingAPI_20170126.GetResources", "{}").error().kind ==
          Kind::kDenied);
    CHECK(scene.actions().size() == 3); // each was asked once
}

TEST_CASE("what AWS throttles is asked again, later") {
    for (const auto& [status, code] : std::vector<std::pair<int, std::string>>{
             {503, "RequestLimitExceeded"}, {400, "Throttling"}, {400, "ThrottledException"}, {500, "InternalError"}}) {
        CAPTURE(code);
        auto scene = scene_with({{"times", 2}, {"status", status}, {"code", code}});
        const auto reply = subnets_of(scene);
        INFO(text_of(reply));
        CHECK(reply);
        CHECK(scene.actions().size() == 3);
        CHECK(scene.clock.waits().size() == 2);
    }
}

TEST_CASE("throttled for minutes, a call gives up in time, and the next ones ask ever less") {
    auto scene =
        scene_with({{"status", 503}, {"code", "RequestLimitExceeded"}, {"message", "Request limit exceeded."}});
    const auto begin = scene.clock.now();
    const auto first = subnets_of(scene);
    REQUIRE(!first);
    CHECK(first.error().kind == Kind::kThrottled);
    CHECK(first.error().text.find("RequestLimitExceeded: Request limit exceeded.") != std::string::npos);
    CHECK(scene.clock.now() - begin <= 31s);
    CHECK(scene.actions().size() == 4);
    // A sweep a minute, for an hour.
    for (int i = 0; i < 60; ++i) {
        const auto sweep = scene.clock.now();
        CHECK(!subnets_of(scene));
        CHECK(scene.clock.now() - sweep <= 31s);
        scene.clock.pass(60s);
    }
    CHECK(scene.actions().size() < 4 + 90);
    // And well again at the first good answer.
    require(scene.aws->set(state_of()));
    CHECK(subnets_of(scene));
    CHECK(subnets_of(scene));
}

TEST_CASE("a connection that breaks, nonsense and trouble on AWS' side are tried again; nonsense is no answer") {
    auto broken = scene_with({{"times", 1}, {"close", true}});
    CHECK(subnets_of(broken));
    CHECK(broken.actions().size() == 2);

    auto trouble = scene_with({{"times", 2}, {"status", 502}, {"body", "<html>Bad Gateway</html>"}});
    CHECK(subnets_of(trouble));

    auto nonsense = scene_with({{"status", 400}, {"body", "\x01{]"}});
    const auto reply = subnets_of(nonsense);
    REQUIRE(!reply);
    CHECK(reply.error().kind == Kind::kRefused);
    CHECK(reply.error().text.find("HTTP status 400") != std::string::npos);
}

TEST_CASE("nobody there is an error that says where, after a few tries") {
    AwsScene scene;
    const Environment nobody(Variables{{"AWS_ENDPOINT_URL", "http://127.0.0.1:1"}});
    Client client(*scene.http, require(Endpoints::create(nobody)), scene.throttle, scene.clock);
    Caller caller(client, scene.credentials, {.region = kRegion}, {});
    const auto reply = caller.query(Service::kRds, "DescribeDBClusters", {});
    REQUIRE(!reply);
    CHECK(reply.error().kind == Kind::kUnavailable);
    CHECK(reply.error().text.starts_with(
        "DescribeDBClusters in eu-central-1: POST http://127.0.0.1:1/: Failed to connect"));
    CHECK(scene.throttle.counts().at({"", kRegion, Service::kRds}).failed == 4);
}

TEST_CASE("where our clock is wrong, AWS' own counts, after one refusal") {
    for (const auto off : {-3600s, 3600s}) {
        for (const auto service : {Service::kEc2, Service::kRds}) {
            AwsScene scene;
            scene.clock.set_wall_off(off);
            auto caller = scene.caller();
            const auto action = service == Service::kEc2 ? "DescribeSubnets" : "DescribeDBClusters";
            const auto reply = caller.query(service, action, {});
            INFO(text_of(reply));
            CHECK(reply);
            CHECK(scene.actions().size() == 2);
            CHECK(caller.query(service, action, {}));
            CHECK(scene.actions().size() == 3); // known from then on
        }
    }
}

TEST_CASE("keys that expired on the way are fetched anew, once") {
    class Renewed : public KeySource {
    public:
        std::string name() const override { return "test"; }
        Answer<Keys> fetch(const std::stop_token&) override {
            if (++fetches == 1) return Keys{.access_key = "ASIAOLD", .secret_key = "old", .session_token = "t"};
            return own_keys();
        }
        int fetches = 0;
    };
    auto state = state_of();
    state["identities"].push_back({{"access_key", "ASIAOLD"},
                                   {"secret_key", "old"},
                                   {"token", "t"},
                                   {"expires", 1},
                                   {"arn", "arn:aws:sts::111122223333:assumed-role/r/s"},
                                   {"account", kAccount}});
    AwsScene scene(state);
    Credentials credentials(std::make_unique<Renewed>(), scene.clock);
    scene.clock.pass(1min);
    REQUIRE(credentials.current({}));
    scene.clock.pass(1min);
    Caller caller(scene.client, credentials, {.region = kRegion}, {});
    const auto reply = caller.query(Service::kRds, "DescribeDBClusters", {});
    INFO(text_of(reply));
    CHECK(reply);
    const auto calls = require(scene.aws->calls());
    REQUIRE(calls.size() == 2);
    CHECK(calls[0]["access_key"] == "ASIAOLD");
    CHECK(calls[1]["access_key"] == "AKIDOWN");
}

TEST_CASE("keys that AWS goes on refusing fail with its code, whether a call is made with them or spared") {
    AwsScene scene(state_of({}, {{"identities", Json::array()}}));
    std::set<std::string> codes;
    for (int i = 0; i < 60; ++i) {
        auto caller = scene.caller();
        const auto reply = caller.query(Service::kEc2, "DescribeSubnets", {});
        REQUIRE(!reply);
        CHECK(reply.error().kind == Kind::kCredentials);
        codes.insert(reply.error().code);
        scene.clock.pass(1s);
    }
    CHECK(codes == std::set<std::string>{"AuthFailure"});
    CHECK(scene.actions().size() <= 7);
}

TEST_CASE("an answer that doesn't come is waited for no longer than the limit, and that it didn't is told") {
    auto scene = scene_with({{"delay", 60}});
    Client hasty(*scene.http, require(Endpoints::create(scene.environment())), scene.throttle, scene.clock,
                 {.attempts = 2, .limit = 100ms});
    Caller caller(hasty, scene.credentials, {.region = kRegion}, {});
    const auto reply = caller.query(Service::kEc2, "DescribeSubnets", {});
    REQUIRE(!reply);
    CHECK(reply.error().kind == Kind::kUnavailable);
    CHECK(reply.error().text.find("timed out") != std::string::npos);
    CHECK(scene.actions().size() == 2);
    CHECK(scene.throttle.counts().at({"", kRegion, Service::kEc2}).failed == 2);
}

TEST_CASE("an answer beyond the bound is given up, not held") {
    auto scene = scene_with({{"size", kLargestPage + 1}});
    const auto reply = subnets_of(scene);
    REQUIRE(!reply);
    CHECK(reply.error().kind == Kind::kTooLarge);
    CHECK(scene.actions().size() == 1);
    auto just = scene_with({{"size", kLargestPage}});
    CHECK(subnets_of(just));
}

TEST_CASE("a call under way ends within a second of being told, and is no failure of AWS'") {
    auto scene = scene_with({{"delay", 30}});
    std::chrono::steady_clock::time_point told;
    std::jthread ending([&] {
        CHECK(test::wait_until([&] { return !scene.actions().empty(); }, test::after(20s)));
        told = std::chrono::steady_clock::now();
        scene.stop.request_stop();
    });
    const auto reply = subnets_of(scene);
    const auto ended = std::chrono::steady_clock::now();
    ending.join();
    REQUIRE(!reply);
    CHECK(reply.error().kind == Kind::kStopped);
    CHECK(ended - told < 1s);
    CHECK(scene.throttle.counts().at({kAccount, kRegion, Service::kEc2}).failed == 0);
}

} // namespace bulkhead::aws
