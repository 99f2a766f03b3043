// SPDX-License-Identifier: Apache-2.0
//
// What to write so that one first packet passes which the rule refuses, for `explain`: of each line that refuses it, or
// would outside audit mode, the narrowest entries that let it through, any of them enough. Where no entry can, what to
// look at instead. Pure.
#pragma once

#include <string>
#include <vector>

#include "advise/advice.h"
#include "compile/gather.h"

namespace bulkhead::advise {

/// One change to review.
struct Proposal {
    std::string object; // "AccessGrant payments/ledger-from-blog-web", "Tenant payments"
    std::string field;  // of the object, which gets `yaml` in addition: "spec.allowFrom"; empty = `yaml` is all of it
    std::string yaml;
    std::string note; // what it opens beyond the question; empty = as little as can be
};

/// What one line of the rule lacks.
struct Need {
    int line = 0; // 2 or 9; 0 = it isn't the rule that refuses
    std::vector<Proposal> any_of;
    std::string instead; // where there is no proposal, or none but for everybody: why, and what to look at
};

struct Refused {
    Refusal refusal; // seen.reason is the kernel's
    compile::Packet packet;
    compile::IdentityId source = 0;
    compile::IdentityId destination = 0;
    state::PodKey destination_pod; // empty = it is none
};

/// All of them are needed. None: the rule has nothing against it.
std::vector<Need> needs_of(const Refused& refused, const compile::Desired& desired, const state::Cluster& cluster);

} // namespace bulkhead::advise
