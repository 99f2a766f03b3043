// SPDX-License-Identifier: Apache-2.0
//
// Problems -> the status of the object that they are about, as Kubernetes' conventions have it. Pure.
// (Kubernetes API conventions, "Typical status properties"; metav1.Condition.)
//
//   Ready     what this object says is in force (an AccessGrant whose date has passed isn't: Expired)
//   Conflict  another object says otherwise, and the message says which one counts
//   Invalid   it can't be understood, so its last good content stays in force
//   Resolved  of an AWSResource that names what AWS or DNS has to tell: they do (see found.h)
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "controller/endings.h"
#include "controller/json.h"
#include "state/objects.h"

namespace bulkhead::controller {

struct Condition {
    std::string type;
    std::string status; // "True", "False", "Unknown"
    std::string reason;
    std::string message;
};

/// The status that an object of that generation should have. `before` is the one that it has: a condition that stays
/// as it was keeps the time of its last transition.
Json status_of(const std::vector<state::Problem>& problems, const std::vector<Ending>& endings, int64_t generation,
               const Json& before, std::chrono::sys_seconds now, const std::vector<Condition>& more = {});

/// That of this type in such a status; nullptr if it has none.
const Json* find_condition(const Json& status, const std::string& type);

/// "spec.expose[0].ports[0]: names of ports are for pods only", a few of them at most.
std::string message_of(const std::vector<state::Problem>& problems);

} // namespace bulkhead::controller
