// SPDX-License-Identifier: Apache-2.0
#include "source/kube/access.h"

#include <cstdlib>

#include "source/kube/secret.h"
#include "source/kube/server_url.h"

namespace bulkhead::source::kube {

namespace {

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string variable(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets any
    return value != nullptr ? value : "";
}

} // namespace

Result<Access> in_cluster(const std::string& root) {
    const std::string action = "use the pod's service account";
    const auto host = variable("KUBERNETES_SERVICE_HOST"), port = variable("KUBERNETES_SERVICE_PORT");
    if (host.empty() || port.empty())
        return fail(action + ": KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a pod?");
    Access access{};
    access.origin = "the pod's service account";
    auto server = check_server_url(server_url_of(host, port));
    if (!server) return fail(action + ": KUBERNETES_SERVICE_HOST and _PORT: " + server.error().text);
    access.server = std::move(*server);
    access.ca_file = root + kServiceAccount + "/ca.crt";
    auto ca = read_secret_file(access.ca_file, check_certificates);
    if (!ca) return within(action, ca.error());
    access.ca = std::move(*ca);
    // Only a look: whoever uses it reads it again, since the kubelet replaces it before it expires.
    access.token.file = root + kServiceAccount + "/token";
    if (auto token = read_secret_file(access.token.file, check_token); !token) return within(action, token.error());
    return access;
}

} // namespace bulkhead::source::kube
