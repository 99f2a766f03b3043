// SPDX-License-Identifier: Apache-2.0
//
// What somebody should mend, kept so that one changed pod changes only its own part of the list. What
// the pods of a namespace have in common is told once, by the first pod that has it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compile/desired.h"

namespace bulkhead::compile {

/// What is wrong with a pod that does not keep it from being judged.
struct PodComplaint {
    std::string field;
    std::string text;
    auto operator<=>(const PodComplaint&) const = default;
};

class Problems {
public:
    using List = std::vector<state::Problem>;

    void set_policy(List problems) { replace(policy_, std::move(problems)); }
    void set_local(List problems) { replace(local_, std::move(problems)); }
    void set_address(const Address& address, state::Problem problem);
    void clear_address(const Address& address);
    void set_openings(List problems) { replace(openings_, std::move(problems)); }

    /// `complaints` replace those that were set for this pod before.
    void set_pod(const state::PodKey& pod, const std::string& ns, const std::vector<PodComplaint>& complaints);

    /// Brings `out` in step, if anything changed: sorted, each once.
    void write(const state::Cluster& cluster, List& out);

private:
    using Complaint = std::pair<std::string, PodComplaint>; // of a namespace

    void replace(List& list, List problems);
    void add_addresses(List& out) const;

    List policy_;
    List local_;
    List openings_;
    std::map<Address, state::Problem> addresses_;
    std::map<Complaint, std::set<state::PodKey>> complaints_;
    std::map<state::PodKey, std::vector<Complaint>> pods_;
    bool changed_ = true;
};

} // namespace bulkhead::compile
