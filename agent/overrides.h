// SPDX-License-Identifier: Apache-2.0
//
// The overrides that somebody told this node's agent by `bulkheadctl override`. They are objects of the cluster state
// like those that the API server tells of, and are kept in a file, so that the next agent knows them too, whether or
// not there is an API server. One thread.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "state/cluster.h"

namespace bulkhead {

/// How long one may be in force at most: what is to last longer is a mode, and belongs to the objects.
inline constexpr std::chrono::hours kLongestOverride{7 * 24};

class Overrides {
public:
    /// `file` is where they are kept. What is in it and not over yet is put into `cluster`; an error says why nothing
    /// could be read.
    Overrides(std::string file, std::string node) : file_(std::move(file)), node_(std::move(node)) {}
    Result<> restore(state::Cluster& cluster);

    /// Of `tenant`, or of everybody if it is empty; takes the place of an earlier one. An error means that nothing
    /// changed.
    Result<state::Override> begin(const std::string& tenant, std::chrono::seconds length, const std::string& reason,
                                  state::Cluster& cluster);

    /// False: there is none.
    Result<bool> end(const std::string& tenant, state::Cluster& cluster);

private:
    using Kept = std::map<std::string, state::Override>; // by tenant
    state::Override made(const std::string& tenant, state::Time until, const std::string& reason) const;
    Result<> write(const Kept& kept) const;

    std::string file_;
    std::string node_;
    Kept kept_;
};

} // namespace bulkhead
