// SPDX-License-Identifier: Apache-2.0
//
// What bulkhead-cni asks of the agent on behalf of a pod that was just wired: may its first process start?
#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "state/cluster.h"

namespace bulkhead {

struct GateQuestion {
    state::PodKey pod; // empty = of the node: may pods start here at all?
    std::string uid;   // of the Pod object, or of the static pod that it mirrors; empty = whichever has the name
    std::vector<std::string> interfaces; // on the host, as the CNI's result names them
    std::vector<Address> addresses;      // that the pod was given
    bool published = false;              // the API server has to have its addresses, too
};

} // namespace bulkhead
