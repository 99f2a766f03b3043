// SPDX-License-Identifier: Apache-2.0
//
// The objects of a made-up cluster: what is there beside the node under test. Pods of other nodes are IdentitySlices,
// as their agents would have written them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api_client.h"
#include "base/address.h"

namespace bulkhead::bench {

struct Population {
    uint32_t pods = 1000;
    uint32_t namespaces = 100; // two to a tenant; every other one Protected
    uint32_t pods_per_node = 30;
    uint32_t pods_per_slice = 3; // of one tenant on one node

    uint32_t nodes() const { return (pods + pods_per_node - 1) / pods_per_node; }
    uint32_t slices_per_node() const { return (pods_per_node + pods_per_slice - 1) / pods_per_slice; }
};

std::string node_name(uint32_t number);
std::string slice_name(uint32_t node, uint32_t slice);

/// 100.64.0.1 and on: of no simulated pod.
Address address_of(uint32_t pod);

/// With what a kubelet writes there: conditions, capacity, fifty images.
Json node_object(const std::string& name);
Json namespace_object(const std::string& name, const Json& labels);
/// Bound to the place's node.
Json pod_object(const std::string& ns, const std::string& name, const Json& labels);
/// Of a slice.
Json endpoint_object(const std::string& ns, uint32_t pod);
/// The `slice`th of a node's: its pods' addresses begin with that of pod `first`.
Json slice_object(const Population& population, uint32_t node, uint32_t slice);

/// Writes all of it.
Result<> settle(ApiClient& client, const Population& population);

inline constexpr auto kNamespaces = "/api/v1/namespaces";
inline constexpr auto kNodes = "/api/v1/nodes";
inline constexpr auto kTenants = "/apis/bulkhead.dev/v1alpha1/tenants";
inline constexpr auto kSlices = "/apis/bulkhead.dev/v1alpha1/identityslices";

} // namespace bulkhead::bench
