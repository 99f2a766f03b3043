// SPDX-License-Identifier: Apache-2.0
//
// Whom people mean by "payments/api-0", "aurora", "node-a" or "10.0.1.9", and what this node knows of
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "compile/desired.h"

namespace bulkhead::observe {

using Json = nlohmann::ordered_json;

struct Party {
    std::string name; // as people know it; the address where nobody has a name for it
    std::vector<Address> addresses;
    const state::LocalPod* local = nullptr; // a guarded pod of this node
    bool this_node = false;                 // this node itself, hostNetwork pods included
    std::string pod_node;                   // a pod of another node: its node, if that is known
    bool is_pod = false;
};

/// What explain looks at; everything outlives the call.
struct Surroundings {
    const state::Cluster& cluster;
    const compile::Desired& desired;
    const std::string& node_name;
};

Result<Party> find_party(const std::string& text, const Surroundings& here);

/// The identity that this node gives to an address; of a local pod its slot's.
compile::IdentityId identity_of(const Party& party, const Address& address, const compile::Desired& desired);

/// tenant, what, level, mode, sealed, confined.
Json describe(compile::IdentityId identity, const compile::Desired& desired);

/// tenantFrom, levelFrom, modeFrom: who says so of the party's own namespace, or of the resource. Empty where it is
/// in the nature of the thing.
Json sources_of(const Party& party, compile::IdentityId identity, const compile::Desired& desired);

} // namespace bulkhead::observe
