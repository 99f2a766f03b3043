// SPDX-License-Identifier: Apache-2.0
//
// Who takes part in a connectivity matrix: the pods, nodes and addresses outside of a net that podnet made,
// with what the manifests say about them. Passive values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "state/objects.h"

namespace bulkhead::matrix {

/// A port that no manifest names.
inline constexpr uint16_t kNobodysPort = 7777;

/// Somebody with a socket: a pod, a node, or an address outside of both.
struct Place {
    enum class Kind : uint8_t { kPod, kNode, kOutside };
    Kind kind = Kind::kPod;
    std::string name;  // "blog/web", "node-a", podnet's name of a resource
    std::string group; // tenant, "node" or "outside"
    std::string level; // "protected, sealed", "confined, audit", ...; empty = open to all
    std::string node;  // where it runs
    std::string netns;
    std::vector<Address> addresses;

    /// The first of that family.
    std::optional<Address> address(uint8_t family) const;
};

struct Scene {
    std::vector<Place> places;   // by kind, group and name
    std::vector<uint16_t> ports; // of all containers and resources, and kNobodysPort; sorted
};

/// `listing` is what `podnet ls -o json` prints. A pod on the host's network joins its node's namespace.
Result<Scene> read_scene(const std::string& listing, const std::vector<state::Object>& objects);

} // namespace bulkhead::matrix
