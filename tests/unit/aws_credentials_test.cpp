// SPDX-License-Identifier: Apache-2.0
//
// Keys from each of their sources, asked as AWS' documentation says, and how long they are kept.
#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

#include "aws/local_services.h"
#include "aws_scene.h"

namespace bulkhead::aws {

namespace {

constexpr auto kRole = "arn:aws:iam::111122223333:role/bulkhead";
constexpr auto kOtherRole = "arn:aws:iam::444455556666:role/bulkhead-reader";

/// A file of its own, gone at the end.
class SecretFile {
public:
    explicit SecretFile(const std::string& text) {
        char path[] = "/tmp/bulkhead-aws-XXXXXX";
        const Fd fd(mkstemp(path));
        path_ = path;
        write(text);
    }
    ~SecretFile() { std::filesystem::remove(path_); }
    SecretFile(const SecretFile&) = delete;
    void write(const std::string& text) const { std::ofstream(path_) << text; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

Json handed_out(const std::string& access_key) {
    return {{"access_key", access_key}, {"secret_key", "s"}, {"token", "t"}, {"expires", 4102444800}};
}

struct KeyScene : AwsScene {
    explicit KeyScene(const Json& more) : AwsScene(state_of({}, more)) {}

    std::unique_ptr<Credentials> credentials_with(Variables variables) {
        variables.emplace("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws->url());
        return std::make_unique<Credentials>(std::make_unique<KeyChain>(Environment(variables), kRegion, *http, client),
                                             clock);
    }
    Answer<Keys> fetch(const Variables& variables) { return credentials_with(variables)->current({}); }
};

std::string error_of(const Answer<Keys>& keys) {
    return keys ? "" : keys.error().text;
}

/// What a test says that it answers.
class Scripted : public KeySource {
public:
    std::string name() const override { return "scripted"; }
    Answer<Keys> fetch(const std::stop_token&) override {
        ++fetches;
        return next;
    }
    Answer<Keys> next = failure(Kind::kUnavailable, "scripted: nobody there");
    int fetches = 0;
};

struct KeptScene {
    ManualClock clock;
    Scripted* source = new Scripted; // owned by what follows
    Credentials credentials{std::unique_ptr<KeySource>(source), clock};

    Keys good_for(std::chrono::seconds life, const std::string& name) const {
        return {.access_key = name, .secret_key = "s", .session_token = "t", .expires = clock.wall() + life};
    }
    std::string current() {
        const auto keys = credentials.current({});
        return keys ? keys->access_key : "none";
    }
};

} // namespace

TEST_CASE("keys of the environment are the first choice, and never expire") {
    KeyScene scene(Json{{"instance", {{"role", "node"}, {"keys", handed_out("ASIANODE")}}}});
    const auto keys = require(scene
                                  .fetch({{"AWS_ACCESS_KEY_ID", "AKIDENV"},
                                          {"AWS_SECRET_ACCESS_KEY", "s"},
                                          {"AWS_SESSION_TOKEN", "t"},
                                          {"AWS_CONTAINER_CREDENTIALS_FULL_URI", scene.aws->url() + "/v1/credentials"}})
                                  .map_error([](const Failure& f) { return Error{f.text}; }));
    CHECK(keys.access_key == "AKIDENV");
    CHECK(keys.session_token == "t");
    CHECK(keys.source == "environment");
    CHECK(!keys.expires);
    CHECK(scene.actions().empty());
    CHECK(error_of(scene.fetch({{"AWS_ACCESS_KEY_ID", "AKIDENV"}})) ==
          "no AWS credentials: environment: AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY isn't");
}

TEST_CASE("a web identity token buys a role's keys, without a signature") {
    KeyScene scene(Json{{"roles", Json::array({{{"arn", kRole}, {"web_tokens", {"eyJ.good"}}}})}});
    const SecretFile token("eyJ.good\n");
    const auto keys = scene.fetch({{"AWS_WEB_IDENTITY_TOKEN_FILE", token.path()}, {"AWS_ROLE_ARN", kRole}});
    INFO(error_of(keys));
    REQUIRE(keys);
    CHECK(keys->access_key.starts_with("ASIAROLE"));
    CHECK(keys->source == std::string("role ") + kRole);
    CHECK(*keys->expires - scene.clock.wall() > 3590s);
    CHECK(*keys->expires - scene.clock.wall() <= 3601s);
    const auto calls = require(scene.aws->calls());
    REQUIRE(calls.size() == 1);
    CHECK(calls[0]["access_key"] == "");
    CHECK(calls[0]["parameters"]["RoleSessionName"] == "bulkhead");

    // They sign what AWS takes.
    Credentials credentials(std::make_unique<FixedKeys>(*keys), scene.clock);
    Caller caller(scene.client, credentials, {.region = kRegion}, {});
    CHECK(require(caller_identity(caller).map_error([](const Failure& f) { return Error{f.text}; })).arn ==
          "arn:aws:sts::111122223333:assumed-role/bulkhead/bulkhead");
}

TEST_CASE("a token file that expired is read again, so the next one is found") {
    KeyScene scene(
        Json{{"roles", Json::array({{{"arn", kRole}, {"web_tokens", {"old", "new"}}, {"expired_tokens", {"old"}}}})}});
    const SecretFile token("old");
    const auto credentials =
        scene.credentials_with({{"AWS_WEB_IDENTITY_TOKEN_FILE", token.path()}, {"AWS_ROLE_ARN", kRole}});
    const auto refused = credentials->current({});
    REQUIRE(!refused);
    CHECK(refused.error().kind == Kind::kCredentials);
    CHECK(error_of(refused).find("web identity: AssumeRoleWithWebIdentity in eu-central-1: ExpiredTokenException: "
                                 "Token expired") != std::string::npos);
    token.write("new");
    scene.clock.pass(2s);
    CHECK(credentials->current({}));
}

TEST_CASE("EKS Pod Identity is asked with the token of its file") {
    KeyScene scene(Json{{"container", {{"authorization", "pod-token"}, {"keys", handed_out("ASIAPOD")}}}});
    const SecretFile token("pod-token");
    const Variables variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", scene.aws->url() + "/v1/credentials"},
                              {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path()}};
    const auto keys = scene.fetch(variables);
    INFO(error_of(keys));
    REQUIRE(keys);
    CHECK(keys->access_key == "ASIAPOD");
    CHECK(keys->session_token == "t");
    CHECK(keys->source == "Pod Identity");
    CHECK(*keys->expires == Clock::Wall(4102444800s));

    token.write("another");
    CHECK(error_of(scene.fetch(variables)).find("answers 400: [ab12]: (ValidationException)") != std::string::npos);
    token.write("two\nlines");
    CHECK(error_of(scene.fetch(variables)).find("has control characters") != std::string::npos);
}

TEST_CASE("only addresses that can't leave the node are asked for a pod's keys") {
    KeyScene scene(Json::object());
    for (const std::string url :
         {"http://169.254.170.24/v1/credentials", "http://10.0.0.1/", "https://credentials.example/",
          "http://127.0.0.1@10.0.0.1/", "http://[fd00:ec2::24]/", "http://localhost.example/", "nonsense:"}) {
        CAPTURE(url);
        const auto keys = scene.fetch({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}});
        REQUIRE(!keys);
        CHECK(error_of(keys).find("AWS_CONTAINER_CREDENTIALS_FULL_URI=" + url) != std::string::npos);
    }
    CHECK(scene.actions().empty());
}

TEST_CASE("the instance profile is asked by version 2 of the metadata service") {
    KeyScene scene(
        Json{{"instance", {{"role", "node-role"}, {"keys", handed_out("ASIANODE")}, {"region", "eu-west-3"}}}});
    const auto keys = scene.fetch({});
    INFO(error_of(keys));
    REQUIRE(keys);
    CHECK(keys->access_key == "ASIANODE");
    CHECK(keys->source == "instance profile node-role");
    CHECK(scene.actions() == std::vector<std::string>{"PUT /latest/api/token",
                                                      "GET /latest/meta-data/iam/security-credentials/",
                                                      "GET /latest/meta-data/iam/security-credentials/node-role"});
    InstanceKeys instance(Environment(Variables{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", scene.aws->url() + "/"}}),
                          *scene.http);
    CHECK(instance.region({}).value_or("") == "eu-west-3");
}

TEST_CASE("without any keys, the error says what was tried, and why each is none") {
    KeyScene scene(Json{{"instance", {{"region", kRegion}}}});
    CHECK(
        error_of(scene.fetch({})) ==
        "no AWS credentials: environment: AWS_ACCESS_KEY_ID isn't set; web identity: AWS_WEB_IDENTITY_TOKEN_FILE isn't "
        "set; Pod Identity: AWS_CONTAINER_CREDENTIALS_FULL_URI isn't set; instance profile: the instance has no "
        "profile");
    CHECK(
        error_of(scene.fetch({{"AWS_EC2_METADATA_DISABLED", "true"}})).ends_with("AWS_EC2_METADATA_DISABLED is true"));
    const auto nobody = scene.fetch({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"}});
    CHECK(error_of(nobody).find("PUT http://127.0.0.1:1/latest/api/token: Failed to connect") != std::string::npos);
    CHECK(error_of(nobody).find("hop limit") != std::string::npos);
}

TEST_CASE("where what is set up fails, the next is not tried: it would be somebody else") {
    KeyScene scene(Json{{"instance", {{"role", "node"}, {"keys", handed_out("ASIANODE")}}}});
    const auto keys = scene.fetch({{"AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent"}, {"AWS_ROLE_ARN", kRole}});
    REQUIRE(!keys);
    CHECK(error_of(keys) == "no AWS credentials: environment: AWS_ACCESS_KEY_ID isn't set; web identity: open "
                            "/nonexistent: No such file or directory");
    CHECK(scene.actions().empty());
}

TEST_CASE("a role of another account is taken on with ours, and its external id") {
    KeyScene scene(Json{{"roles", Json::array({{{"arn", kOtherRole}, {"external_id", "shared secret"}}})}});
    Credentials other(std::make_unique<AssumedRole>(scene.client, scene.credentials, kRegion,
                                                    Role{.arn = kOtherRole, .external_id = "shared secret"}),
                      scene.clock);
    Caller caller(scene.client, other, {.account = "444455556666", .region = kRegion}, {});
    const auto identity = caller_identity(caller);
    REQUIRE(identity);
    CHECK(identity->account == "444455556666");
    CHECK(account_of(identity->arn) == "444455556666");
    CHECK(other.view().source == std::string("role ") + kOtherRole);

    Credentials without(
        std::make_unique<AssumedRole>(scene.client, scene.credentials, kRegion, Role{.arn = kOtherRole}), scene.clock);
    const auto refused = without.current({});
    REQUIRE(!refused);
    CHECK(error_of(refused).find("role arn:aws:iam::444455556666:role/bulkhead-reader: AssumeRole in eu-central-1: "
                                 "AccessDenied: User: arn:aws:iam::111122223333:user/bulkhead is not authorized") !=
          std::string::npos);
}

TEST_CASE("keys are kept, and fetched a quarter of an hour before they expire") {
    KeptScene scene;
    scene.source->next = scene.good_for(6h, "first");
    CHECK(scene.current() == "first");
    scene.source->next = scene.good_for(12h, "second");
    scene.clock.pass(6h - 15min - 1s);
    CHECK(scene.current() == "first");
    CHECK(scene.source->fetches == 1);
    scene.clock.pass(1s);
    CHECK(scene.current() == "second");
}

TEST_CASE("short-lived keys are fetched when a quarter of their life is left") {
    KeptScene scene;
    scene.source->next = scene.good_for(20min, "first");
    CHECK(scene.current() == "first");
    scene.source->next = scene.good_for(1h, "second");
    scene.clock.pass(14min + 59s);
    CHECK(scene.current() == "first");
    scene.clock.pass(1s);
    CHECK(scene.current() == "second");
}

TEST_CASE("where fetching fails, the old keys stay until they expire, and nobody is asked more than once a minute") {
    KeptScene scene;
    scene.source->next = scene.good_for(1h, "first");
    CHECK(scene.current() == "first");
    scene.source->next = failure(Kind::kUnavailable, "scripted: nobody there");
    scene.clock.pass(45min);
    while (scene.clock.now() < Clock::Steady{} + 1h - 10s) {
        REQUIRE(scene.current() == "first");
        scene.clock.pass(100ms);
    }
    CHECK(scene.credentials.view().error == "scripted: nobody there");
    CHECK(scene.source->fetches <= 1 + 7 + 15); // doubling up to a minute, then one a minute
    scene.clock.pass(1s);
    CHECK(scene.current() == "none");
    CHECK(error_of(scene.credentials.current({})) == "no AWS credentials: scripted: nobody there");
    scene.source->next = scene.good_for(1h, "second");
    scene.clock.pass(60s);
    CHECK(scene.current() == "second");
    CHECK(scene.credentials.view().error.empty());
}

TEST_CASE("keys that AWS refuses are fetched again, but not in a busy loop") {
    KeptScene scene;
    scene.source->next = scene.good_for(1h, "first");
    CHECK(scene.current() == "first");
    scene.clock.pass(1min);
    scene.credentials.refused(scene.good_for(1h, "older"), "ExpiredToken"); // of others
    CHECK(scene.current() == "first");
    CHECK(scene.source->fetches == 1);
    for (int i = 0; i < 100; ++i) { // the source knows no better
        scene.credentials.refused(scene.good_for(1h, "first"), "ExpiredToken");
        (void)scene.current();
        scene.clock.pass(1s);
    }
    CHECK(scene.source->fetches <= 12);
    scene.source->next = scene.good_for(1h, "second");
    scene.clock.pass(10s);
    CHECK(scene.current() == "second");
}

TEST_CASE("keys that are expired when they come are none") {
    KeptScene scene;
    scene.source->next = scene.good_for(-1s, "late");
    CHECK(scene.current() == "none");
    CHECK(scene.credentials.view().error.starts_with("scripted: what it hands out expired at 20"));
}

} // namespace bulkhead::aws
