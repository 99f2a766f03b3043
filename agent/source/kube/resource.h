// SPDX-License-Identifier: Apache-2.0
//
// What the agent asks an API server for. The one list: what is watched, what RBAC must allow.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::source::kube {

struct Resource {
    std::string name;               // as RBAC and kubectl spell it: "tenants.bulkhead.dev"
    std::string kind;               // of its items, which a list leaves out
    std::vector<std::string> roots; // "/apis/bulkhead.dev/v1alpha1"; the first that the server has counts
    std::string path;               // below the root: "tenants", "namespaces/default/endpointslices"
    std::string selector;           // query parameters that narrow it, escaped; or empty
};

/// Of an agent on `node`: its own pods, other nodes' IdentitySlices, and what makes the policy.
std::vector<Resource> agent_resources(const std::string& node);

/// "bulkhead.dev/v1alpha1" of "/apis/bulkhead.dev/v1alpha1", "v1" of "/api/v1".
std::string api_version_of(const std::string& root);

} // namespace bulkhead::source::kube
