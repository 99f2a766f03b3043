// SPDX-License-Identifier: Apache-2.0
#include "source/kube/resource.h"

#include "source/kube/query.h"
#include "state/labels.h"

namespace bulkhead::source::kube {

namespace {

const std::string kCore = "/api/v1";
const std::string kOurs = "/apis/bulkhead.dev/v1alpha1";

Resource core(const std::string& name, const std::string& kind) {
    return {.name = name, .kind = kind, .roots = {kCore}, .path = name, .selector = ""};
}

Resource ours(const std::string& plural, const std::string& kind) {
    return {.name = plural + ".bulkhead.dev", .kind = kind, .roots = {kOurs}, .path = plural, .selector = ""};
}

/// Of the Service that a built-in identity stands for. v1 came with Kubernetes 1.21.
Resource slices_of(const std::string& ns, const std::string& service) {
    return {.name = "endpointslices.discovery.k8s.io",
            .kind = "EndpointSlice",
            .roots = {"/apis/discovery.k8s.io/v1", "/apis/discovery.k8s.io/v1beta1"},
            .path = "namespaces/" + ns + "/endpointslices",
            .selector = "labelSelector=" + escaped("kubernetes.io/service-name=" + service)};
}

std::string of_others_than(const std::string& node) {
    return std::string(state::kNodeLabel) + "!=" + state::label_value(node);
}

} // namespace

std::vector<Resource> agent_resources(const std::string& node) {
    auto pods = core("pods", "Pod");
    pods.selector = "fieldSelector=" + escaped("spec.nodeName=" + node);
    auto identity_slices = ours("identityslices", "IdentitySlice");
    identity_slices.selector = selector_of_slices(node);
    return {
        pods,
        identity_slices,
        core("namespaces", "Namespace"),
        core("nodes", "Node"),
        core("services", "Service"),
        ours("tenants", "Tenant"),
        ours("accessgrants", "AccessGrant"),
        ours("awsresources", "AWSResource"),
        ours("overrides", "Override"),
        slices_of("kube-system", "kube-dns"),
        slices_of("default", "kubernetes"),
    };
}

std::string selector_of_slices(const std::string& node) {
    return "labelSelector=" + escaped(of_others_than(node));
}

std::string selector_of_slices(const std::string& node, const std::set<std::string>& scopes) {
    std::string list(state::kEveryScope);
    for (const auto& scope : scopes)
        list += "," + scope;
    return "labelSelector=" +
           escaped(of_others_than(node) + "," + std::string(state::kScopeLabel) + " in (" + list + ")");
}

std::string api_version_of(const std::string& root) {
    return root.substr(root.find('/', 1) + 1);
}

} // namespace bulkhead::source::kube
