// SPDX-License-Identifier: Apache-2.0
#include "aws/local_services.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "aws/secret_file.h"
#include "base/address.h"
#include "base/rfc3339.h"
#include "base/url.h"

namespace bulkhead::aws {

namespace {

using namespace std::chrono_literals;
using Kind = Failure::Kind;

constexpr size_t kLargestAnswer = 64 << 10; // bytes of an answer
constexpr auto kRoles = "/latest/meta-data/iam/security-credentials/";
constexpr auto kTokenSeconds = "21600"; // the longest that there is
constexpr long kOk = 200, kNotFound = 404;

HttpRequest local_request(const std::string& method, const std::string& url) {
    return {.method = method, .url = url, .connecting = 1s, .limit = 5s, .most = kLargestAnswer, .direct = true};
}

/// What both services answer: {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}.
Answer<Keys> read_keys(const std::string& body, const std::string& source) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    std::string missing;
    const auto text = [&](const char* name) {
        const auto found = json.is_object() ? json.find(name) : json.end();
        if (found != json.end() && found->is_string() && !found->get<std::string>().empty())
            return found->get<std::string>();
        if (missing.empty()) missing = name;
        return std::string();
    };
    // The metadata service answers 200 also where it can't take on the role, and says so here.
    if (json.is_object() && json.contains("Code") && json["Code"] != "Success")
        return failure(Kind::kCredentials, source + ": says " + json["Code"].dump());
    Keys keys{.access_key = text("AccessKeyId"),
              .secret_key = text("SecretAccessKey"),
              .session_token = text("Token"),
              .source = source};
    const auto expires = parse_rfc3339(text("Expiration"));
    if (!missing.empty() || !expires)
        return failure(Kind::kUnreadable, source + ": the answer has no " + (missing.empty() ? "Expiration" : missing));
    keys.expires = expires->seconds;
    return keys;
}

/// Loopback, or the Pod Identity agent.
bool may_be_asked(std::string host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = Address::parse(host);
    if (!address) return false;
    constexpr std::array kAllowed{"127.0.0.0/8", "::1/128", "169.254.170.23/32", "fd00:ec2::23/128"};
    return std::any_of(kAllowed.begin(), kAllowed.end(),
                       [&](const char* cidr) { return Cidr::parse(cidr)->contains(*address); });
}

Answer<std::string> checked_url(const std::string& text) {
    const auto url = Url::parse(text);
    if (!url) return failure(Kind::kCredentials, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + text + " is no URL");
    if (!may_be_asked(url->part(CURLUPART_HOST)))
        return failure(Kind::kCredentials, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + text +
                                               " is neither a loopback address nor 169.254.170.23 or fd00:ec2::23");
    return url->part(CURLUPART_URL);
}

std::string endpoint_of(const Environment& environment) {
    auto endpoint = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    while (endpoint.ends_with('/'))
        endpoint.pop_back();
    if (!endpoint.empty()) return endpoint;
    auto mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    std::transform(mode.begin(), mode.end(), mode.begin(), [](unsigned char c) { return std::tolower(c); });
    return mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

} // namespace

ContainerKeys::ContainerKeys(const Environment& environment, Http& http)
    : url_(environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")),
      token_file_(environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")),
      token_(environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")), http_(http) {}

Answer<HttpRequest> ContainerKeys::request() const {
    const auto url = checked_url(url_);
    if (!url) return tl::unexpected(url.error());
    auto request = local_request("GET", *url);
    if (token_file_.empty() && token_.empty()) return request;
    const auto token = token_file_.empty() ? check_secret(token_) : read_secret_file(token_file_);
    if (!token) return failure(Kind::kCredentials, token.error().text);
    request.headers = {{"Authorization", *token}};
    return request;
}

Answer<Keys> ContainerKeys::fetch(const std::stop_token& stop) {
    const auto request = this->request();
    if (!request) return within(name(), request.error());
    const auto response = http_.send(*request, stop);
    if (!response) return within(name(), response.error());
    if (response->status != kOk)
        return failure(Kind::kCredentials, name() + ": " + request->url + " answers " +
                                               std::to_string(response->status) + ": " + response->body.substr(0, 200));
    return read_keys(response->body, name());
}

InstanceKeys::InstanceKeys(const Environment& environment, Http& http)
    : endpoint_(endpoint_of(environment)), http_(http) {}

Answer<std::string> InstanceKeys::token(const std::stop_token& stop) {
    auto request = local_request("PUT", endpoint_ + "/latest/api/token");
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", kTokenSeconds}};
    auto response = http_.send(request, stop);
    if (!response && response.error().kind != Kind::kUnavailable) return tl::unexpected(response.error());
    if (!response)
        return failure(Kind::kCredentials,
                       response.error().text +
                           " (outside AWS that is no wonder; in a pod, the instance's hop limit for "
                           "metadata must be 2, or its service account have a role)");
    if (response->status != kOk)
        return failure(Kind::kCredentials, request.url + " answers " + std::to_string(response->status));
    return check_secret(response->body).map_error([&](const Error& error) {
        return Failure{.kind = Kind::kUnreadable, .text = "the metadata service's token " + error.text};
    });
}

Answer<std::string> InstanceKeys::get(const std::string& path, const std::string& token, const std::stop_token& stop) {
    auto request = local_request("GET", endpoint_ + path);
    request.headers = {{"X-aws-ec2-metadata-token", token}};
    auto response = http_.send(request, stop);
    if (!response) return tl::unexpected(response.error());
    if (response->status == kNotFound && path == kRoles)
        return failure(Kind::kCredentials, "the instance has no profile");
    if (response->status != kOk)
        return failure(Kind::kCredentials, request.url + " answers " + std::to_string(response->status));
    return std::move(response->body);
}

Answer<Keys> InstanceKeys::fetch(const std::stop_token& stop) {
    const auto token = this->token(stop);
    if (!token) return within(name(), token.error());
    const auto roles = get(kRoles, *token, stop);
    if (!roles) return within(name(), roles.error());
    const auto role = check_secret(roles->substr(0, roles->find('\n')));
    if (!role) return failure(Kind::kUnreadable, name() + ": the role's name " + role.error().text);
    const auto keys = get(kRoles + *role, *token, stop);
    if (!keys) return within(name(), keys.error());
    return read_keys(*keys, name() + " " + *role);
}

Answer<std::string> InstanceKeys::region(const std::stop_token& stop) {
    const auto token = this->token(stop);
    if (!token) return within("the instance's region", token.error());
    return get("/latest/meta-data/placement/region", *token, stop);
}

} // namespace bulkhead::aws
