// SPDX-License-Identifier: Apache-2.0
//
// The agent's state as JSON for bulkheadctl: field names are an interface that scripts read. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datapath/features.h"
#include "observe/figures.h"
#include "observe/party.h"

namespace bulkhead::observe {

/// What /v1/status says beyond the figures.
struct StatusFacts {
    std::string source; // "dir:/etc/bulkhead"
    std::string attach_mode;
    std::string attach_asked;
    std::string kernel_release;
    datapath::Features kernel_features;
    uint32_t hertz = 0;
    std::string pin_dir;
    std::vector<std::string> uplinks;
    std::vector<std::string> errors; // what fails at the moment and is tried again
    std::vector<state::Problem> problems;
};

Json status_view(const Figures& figures, const StatusFacts& facts);
Json problems_view(const std::vector<state::Problem>& problems);

/// One row for each pod, node and single-address resource; `interface_name` of a local pod's veths. Text,
/// made row by row, because a hundred thousand of them as one tree would be the agent's largest object.
std::string endpoints_text(const Surroundings& here, const std::function<std::string(uint32_t)>& interface_name);

/// Tenants with endpoints here or elsewhere, or with identities.
Json tenants_view(const compile::Desired& desired);

} // namespace bulkhead::observe
