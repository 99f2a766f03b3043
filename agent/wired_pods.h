// SPDX-License-Identifier: Apache-2.0
//
// Which pods of this node had an interface here, kept in a file so that the next agent knows it too: of a pod whose
// object is stuck, its addresses still in its status, while its interface is gone, only who saw the interface can say
// so. Without that memory it would be taken for a pod that another CNI wired. One thread.
#pragma once

#include <string>

#include "base/result.h"
#include "state/cluster.h"

namespace bulkhead {

class WiredPods {
public:
    explicit WiredPods(std::string file) : file_(std::move(file)) {}

    /// Tells `cluster` what a former agent kept. Before its local pods are set.
    Result<> restore(state::Cluster& cluster);

    /// Writes what is to be kept, if it is something else than last time. Now and then, and only once all Pod objects
    /// are heard: an agent that is killed in between has the next one know less, which then believes the status.
    Result<> keep(const state::Cluster& cluster);

private:
    std::string file_;
    state::Cluster::Wired kept_;
};

} // namespace bulkhead
