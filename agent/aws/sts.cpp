// SPDX-License-Identifier: Apache-2.0
#include "aws/sts.h"

#include "aws/xml.h"
#include "base/rfc3339.h"

namespace bulkhead::aws {

namespace {

constexpr auto kWithToken = "AssumeRoleWithWebIdentity";

Form form_of(const Role& role) {
    Form form;
    form.add("RoleArn", role.arn).add("RoleSessionName", role.session_name);
    if (!role.external_id.empty()) form.add("ExternalId", role.external_id);
    return form;
}

Answer<Keys> read_keys(const Answer<Reply>& reply, const std::string& action, const Role& role) {
    if (!reply) return tl::unexpected(reply.error());
    const auto document = Document::parse(*reply, action);
    if (!document) return tl::unexpected(document.error());
    Wanted wanted(action, document->request_id());
    const auto credentials = document->root().child((action + "Result").c_str()).child("Credentials");
    Keys keys{.access_key = wanted.text(credentials, "AccessKeyId"),
              .secret_key = wanted.text(credentials, "SecretAccessKey"),
              .session_token = wanted.text(credentials, "SessionToken"),
              .source = "role " + role.arn};
    const auto expires = parse_rfc3339(wanted.text(credentials, "Expiration"));
    if (!expires) wanted.complain(credentials, "Expiration is no date");
    if (auto checked = wanted.checked(); !checked) return tl::unexpected(checked.error());
    keys.expires = expires->seconds;
    return keys;
}

} // namespace

std::string account_of(const std::string& arn) {
    size_t begin = 0; // arn:PARTITION:SERVICE:REGION:ACCOUNT:...
    for (int i = 0; i < 4; ++i) {
        begin = arn.find(':', begin);
        if (begin == arn.npos) return "";
        ++begin;
    }
    return arn.substr(begin, arn.find(':', begin) - begin);
}

Answer<Keys> assume_role(Caller& caller, const Role& role) {
    return read_keys(caller.query(Service::kSts, "AssumeRole", form_of(role)), "AssumeRole", role);
}

Answer<Keys> assume_role_with_token(Client& client, const std::string& region, const Role& role,
                                    const std::string& token, const std::stop_token& stop) {
    Form form;
    form.add("Action", kWithToken).add("Version", facts_of(Service::kSts).version).add("WebIdentityToken", token);
    const Operation operation{.service = Service::kSts,
                              .region = region,
                              .name = kWithToken,
                              .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                              .body = form.text() + "&" + form_of(role).text()};
    return read_keys(client.call(operation, nullptr, stop), kWithToken, role);
}

Answer<Identity> caller_identity(Caller& caller) {
    const std::string action = "GetCallerIdentity";
    const auto reply = caller.query(Service::kSts, action, {});
    if (!reply) return tl::unexpected(reply.error());
    const auto document = Document::parse(*reply, action);
    if (!document) return tl::unexpected(document.error());
    Wanted wanted(action, document->request_id());
    const auto result = document->root().child("GetCallerIdentityResult");
    Identity identity{.account = wanted.text(result, "Account"), .arn = wanted.text(result, "Arn")};
    if (auto checked = wanted.checked(); !checked) return tl::unexpected(checked.error());
    return identity;
}

} // namespace bulkhead::aws
