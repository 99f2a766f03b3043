// SPDX-License-Identifier: Apache-2.0
#include "source/kube/exec_credential.h"

#include <nlohmann/json.hpp>

#include "source/kube/base64.h"
#include "source/kube/secret.h"
#include "source/parts.h"
#include "source/reader.h"

namespace bulkhead::source::kube {

namespace {

nlohmann::json cluster_of(const Access& access) {
    nlohmann::json cluster = {{"server", access.server}};
    if (!access.server_name.empty()) cluster["tls-server-name"] = access.server_name;
    if (access.insecure) cluster["insecure-skip-tls-verify"] = true;
    if (!access.ca.empty()) cluster["certificate-authority-data"] = to_base64(access.ca);
    if (!access.proxy.empty()) cluster["proxy-url"] = access.proxy;
    if (!access.compression) cluster["disable-compression"] = true;
    if (!access.exec->cluster_config.empty())
        cluster["config"] = nlohmann::json::parse(access.exec->cluster_config, nullptr, false);
    return cluster;
}

void check_header(const Field& root, const std::string& api_version) {
    const auto version = root["apiVersion"], kind = root["kind"];
    const auto written = version.string();
    if (!written)
        root.complain("has no apiVersion");
    else if (*written != api_version)
        version.complain("is " + version.value().text() + ", but the kubeconfig says that it speaks " + api_version);
    if (kind.present() && kind.string() != "ExecCredential")
        kind.complain(kind.value().text() + " is no ExecCredential");
}

std::string checked(const Field& field, SecretCheck check) {
    const auto text = read_secret(field);
    if (!text) return "";
    auto result = check(*text);
    if (result) return std::move(*result);
    field.complain(result.error().text);
    return "";
}

ExecCredential read_status(const Field& status) {
    const auto token = status["token"], expires = status["expirationTimestamp"];
    const auto certificate = status["clientCertificateData"], key = status["clientKeyData"];
    ExecCredential credential{.token = checked(token, check_token),
                              .certificate = checked(certificate, check_certificates),
                              .key = checked(key, check_private_key),
                              .expires = read_time(expires)};
    if (credential.token.empty() && credential.certificate.empty() && credential.key.empty())
        status.complain("has neither a token nor a certificate with its key");
    if (credential.certificate.empty() != credential.key.empty())
        status.complain("has a certificate or a key, but not both");
    return credential;
}

std::string first_of(const Complaints& complaints) {
    const auto& first = complaints.errors.front();
    return first.field.empty() ? first.text : first.field + " " + first.text;
}

} // namespace

std::string exec_info(const Access& access) {
    nlohmann::json info = {
        {"apiVersion", access.exec->api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}};
    if (access.exec->provide_cluster) info["spec"]["cluster"] = cluster_of(access);
    return info.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<ExecCredential> read_exec_credential(std::string output, const std::string& api_version) {
    if (output.empty()) return fail("printed nothing");
    output.reserve(output.size() + kJsonPadding);
    std::optional<Value> document;
    const auto read = read_json(output, [&](Value value) { document = std::move(value); });
    if (!read) return fail("printed no JSON object: " + read.error().text);
    if (!document) return fail("printed no ExecCredential");
    Complaints complaints;
    const Field root(*document, complaints);
    check_header(root, api_version);
    const auto status = root["status"];
    ExecCredential credential;
    if (!status.present())
        root.complain("has no status");
    else if (status.value().object() == nullptr)
        status.complain("is not an object");
    else
        credential = read_status(status);
    if (!complaints.errors.empty()) return fail("printed an ExecCredential that is wrong: " + first_of(complaints));
    return credential;
}

} // namespace bulkhead::source::kube
