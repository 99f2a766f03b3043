// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl advise --check`: what was seen, and whether it would still pass with a change that nobody has applied
// yet. By the agent, or from files alone, where no cluster can be asked.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "advise/check.h"
#include "bulkheadctl/seen.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

/// A check's outcome.
struct Checked {
    size_t passing = 0;
    std::vector<advise::Loss> refused;      // though an entry could let it pass, or it fared better so far
    std::vector<advise::Loss> unjudged;     // who that is isn't known here, so that to be silent would be a guess
    std::vector<advise::Remark> unmendable; // of the refused, what no entry could let pass, and why
    std::vector<advise::Remark> hopeless;   // fared no better before, and no entry could let it pass
    std::vector<advise::Loss> untold;       // nobody can tell: one side has no pods, say
    uint64_t lost = 0;                      // flows, or refused packets, that are missing from what was seen

    bool is_cut_off = false; // what was seen ends before its end

    bool is_good() const { return refused.empty() && unjudged.empty() && !is_cut_off; }
};

Checked sorted(const std::vector<advise::Loss>& losses);

/// Of each node's edges, by a cluster of which there are files: `cluster` what it says now, `change` what it would say.
/// Pods are those of the edges, and so are addresses of AWS resources that the files don't say. What files don't speak
/// of isn't judged: that is the answer "held".
std::vector<advise::Loss> check_offline(const std::vector<Seen>& seen, const std::vector<state::Object>& cluster,
                                        const std::vector<state::Object>& change, state::Time now);

/// Of the agent's answer to /v1/check. An error names the edge that can't be read.
Result<std::vector<advise::Loss>> losses_in(const nlohmann::ordered_json& answer);

/// That nobody knows `tenant`, with those that it may have been meant to be: a slip of the pen mustn't pass for an
/// answer. Empty = it is one of these, or none was given.
std::string reason_for_nobody(const std::string& tenant, const std::set<std::string>& seen,
                              const std::set<std::string>& known);

/// Why nothing of these could be asked about: there are none, or none is of `tenant`, though that isn't one of `known`
/// either. Empty = something could. No tenant: whoever's.
std::string reason_for_nothing(const std::vector<advise::Loss>& losses, const std::string& tenant,
                               const std::set<std::string>& known);

/// The tenants that these objects declare by themselves: Tenants, and each Namespace as its own.
std::set<std::string> declared_tenants(const std::vector<state::Object>& objects);

std::string checked_text(const Checked& checked, Width width);

/// Of files and directories, as one text.
Result<std::string> manifests_of(const std::vector<std::string>& paths);

} // namespace bulkhead::ctl
