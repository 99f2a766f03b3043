// SPDX-License-Identifier: Apache-2.0
//
// A run's figures, for people and for machines.
#pragma once

#include <string>

#include "ledger.h"
#include "plan.h"

namespace bulkhead::soak {

struct Circumstances {
    Plan plan;
    std::vector<std::string> builds;
    double longest_round_ms = 0;    // of the traffic's thread: how busy the machine was
    double longest_gate_wait_s = 0; // of a pod, from its first ADD until it was let in
};

std::string table_of(const Ledger& ledger, const Circumstances& circumstances);
std::string json_of(const Ledger& ledger, const Circumstances& circumstances);

} // namespace bulkhead::soak
