// SPDX-License-Identifier: Apache-2.0
#include "aws/key_chain.h"

#include "aws/local_services.h"
#include "aws/secret_file.h"

namespace bulkhead::aws {

namespace {

class EnvironmentKeys : public KeySource {
public:
    explicit EnvironmentKeys(const Environment& environment)
        : keys_{.access_key = environment.get("AWS_ACCESS_KEY_ID"),
                .secret_key = environment.get("AWS_SECRET_ACCESS_KEY"),
                .session_token = environment.get("AWS_SESSION_TOKEN"),
                .source = "environment"} {}
    std::string name() const override { return "environment"; }
    Answer<Keys> fetch(const std::stop_token&) override {
        if (keys_.secret_key.empty())
            return failure(Failure::Kind::kCredentials,
                           name() + ": AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY isn't");
        return keys_;
    }

private:
    const Keys keys_;
};

/// The kubelet keeps the token's file fresh.
class WebIdentityKeys : public KeySource {
public:
    WebIdentityKeys(const Environment& environment, std::string region, Client& client)
        : file_(environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")),
          region_(std::move(region)), role_{.arn = environment.get("AWS_ROLE_ARN")}, client_(client) {
        if (const auto session = environment.get("AWS_ROLE_SESSION_NAME"); !session.empty())
            role_.session_name = session;
    }
    std::string name() const override { return "web identity"; }
    Answer<Keys> fetch(const std::stop_token& stop) override {
        const auto refuse = [&](const std::string& text) {
            return failure(Failure::Kind::kCredentials, name() + ": " + text);
        };
        if (role_.arn.empty()) return refuse("AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN isn't");
        const auto token = read_secret_file(file_);
        if (!token) return refuse(token.error().text);
        auto keys = assume_role_with_token(client_, region_, role_, *token, stop);
        if (!keys) return within(name(), keys.error());
        return keys;
    }

private:
    const std::string file_;
    const std::string region_;
    Role role_;
    Client& client_;
};

/// Answers that there is nothing to ask.
class NoKeys : public KeySource {
public:
    std::string name() const override { return "instance profile"; }
    Answer<Keys> fetch(const std::stop_token&) override {
        return failure(Failure::Kind::kCredentials, name() + ": AWS_EC2_METADATA_DISABLED is true");
    }
};

std::unique_ptr<KeySource> instance_or_none(const Environment& environment, Http& http) {
    const auto disabled = environment.get("AWS_EC2_METADATA_DISABLED");
    if (disabled == "true" || disabled == "TRUE" || disabled == "True") return std::make_unique<NoKeys>();
    return std::make_unique<InstanceKeys>(environment, http);
}

} // namespace

KeyChain::KeyChain(const Environment& environment, const std::string& region, Http& http, Client& client) {
    const auto is_set_up = [&](const char* source, const char* variable) {
        const bool set = !environment.get(variable).empty();
        if (!set) passed_over_ += std::string(source) + ": " + variable + " isn't set; ";
        return set;
    };
    if (is_set_up("environment", "AWS_ACCESS_KEY_ID"))
        source_ = std::make_unique<EnvironmentKeys>(environment);
    else if (is_set_up("web identity", "AWS_WEB_IDENTITY_TOKEN_FILE"))
        source_ = std::make_unique<WebIdentityKeys>(environment, region, client);
    else if (is_set_up("Pod Identity", "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        source_ = std::make_unique<ContainerKeys>(environment, http);
    else
        source_ = instance_or_none(environment, http);
}

Answer<Keys> KeyChain::fetch(const std::stop_token& stop) {
    auto keys = source_->fetch(stop);
    if (keys) return keys;
    auto failed = keys.error();
    failed.text = passed_over_ + failed.text;
    return tl::unexpected(std::move(failed));
}

Answer<Keys> AssumedRole::fetch(const std::stop_token& stop) {
    Caller caller(client_, base_, {.region = region_}, stop);
    auto keys = assume_role(caller, role_);
    if (!keys) return within(name(), keys.error());
    return keys;
}

} // namespace bulkhead::aws
