// SPDX-License-Identifier: Apache-2.0
//
// Pods that a node can't guard as asked: its agent says so in an IdentitySlice, and bulkhead-controller to whoever
// looks at the pod.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::state {

enum class NotGuarded : uint8_t {
    kNoProgram,   // an interface of it couldn't get our programs
    kNoSlot,      // the node guards as many pods as it can: nothing passes
    kNoInterface, // it runs, but no interface here is its own
};

using NotGuardedPods = std::map<std::string, NotGuarded>; // by "namespace/name"

/// "no-program", as a slice has it.
std::string_view name_of(NotGuarded why);
std::optional<NotGuarded> not_guarded_by_name(std::string_view name);

/// For whoever looks at the pod.
std::string_view text_of(NotGuarded why);

} // namespace bulkhead::state
