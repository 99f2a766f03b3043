// SPDX-License-Identifier: Apache-2.0
//
// The cluster as it would be if some objects were other ones, or there: compiled as it is, but for nobody's kernel, and
// asked about edges that were seen. What `plan` and `advise --check` are made of. Takes as long as a full compile().
// Pure; one thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compile/compiler.h"
#include "flow/edges.h"

namespace bulkhead::advise {

/// What the rule would say to an edge.
struct Answer {
    /// The strictest that it would say to any two endpoints of the parties. Nothing: one of them has none at the
    /// moment, so nobody can tell.
    std::optional<bh_reason> reason;
    bool differs = false; // to some of them it says otherwise: the parties' pods, or addresses, are not all alike

    bool refuses() const { return reason && bh_verdict_of(*reason) != BH_VERDICT_ALLOW; }
};

class Supposition {
public:
    /// `changes` are added, or take the place of the objects whose names they have.
    Supposition(state::Cluster cluster, const compile::Settings& settings, std::vector<state::Object> changes);

    /// `now` decides which grants still hold. Of a network of the world each part that a rule names is asked about. Of
    /// a party without a name for its endpoints ("anywhere in the world", "any pod of blog") whatever it stands for is
    /// asked about; of no port, one that no rule names.
    Answer judge(const flow::EdgeKey& edge, state::Time now) const;

    const compile::Desired& desired() const { return compiler_.desired(); }
    const state::Cluster& cluster() const { return cluster_; }

private:
    /// Of each class of endpoints one address.
    using Samples = std::map<compile::IdentityId, Address>;

    void add_sample(flow::Party party, const Address& address, compile::IdentityId identity);
    void find_samples();
    /// Was seen as the world's: not a pod's, a node's or an AWS resource's, unless the change makes it one.
    bool is_worlds(const Address& address, compile::IdentityId identity) const;
    bool was_resources(const Address& address) const;
    Samples samples_in(const Cidr& network) const;
    Samples samples_of(const flow::Party& party) const;

    state::Cluster cluster_;
    std::string node_name_;
    compile::Compiler compiler_;
    std::map<flow::Party, Samples> samples_;
    std::set<Cidr> resources_before_; // addresses of AWS resources without the changes
};

/// The namespaces as they would be if they were protected.
std::vector<state::Object> protected_namespaces(const state::Cluster& cluster, const std::vector<std::string>& names);

} // namespace bulkhead::advise
