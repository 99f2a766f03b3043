// SPDX-License-Identifier: Apache-2.0
//
// What the agent asks an API server for. The one list: what is watched, what RBAC must allow.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::source::kube {

struct Resource {
    std::string name;               // as RBAC and kubectl spell it: "tenants.bulkhead.dev"
    std::string kind;               // of its items, which a list leaves out
    std::vector<std::string> roots; // "/apis/bulkhead.dev/v1alpha1"; the first that the server has counts
    std::string path;               // below the root: "tenants", "namespaces/default/endpointslices"
    std::string selector;           // query parameters that narrow it, escaped; or empty
    bool waits = false; // for KubeSource::select(), which knows the selector when the others have been heard
};

inline constexpr std::string_view kIdentitySlices = "identityslices.bulkhead.dev";

/// Of an agent on `node`: its own pods, other nodes' IdentitySlices, and what makes the policy.
std::vector<Resource> agent_resources(const std::string& node);

/// The selector of other nodes' slices: all, or those of these scopes (state::scope_of()) and what every node has to
/// hear of.
std::string selector_of_slices(const std::string& node);
std::string selector_of_slices(const std::string& node, const std::set<std::string>& scopes);

/// "bulkhead.dev/v1alpha1" of "/apis/bulkhead.dev/v1alpha1", "v1" of "/api/v1".
std::string api_version_of(const std::string& root);

} // namespace bulkhead::source::kube
