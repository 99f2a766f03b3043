// SPDX-License-Identifier: Apache-2.0
#include "attach_modes.h"

#include "datapath/probe.h"

namespace bulkhead::test {

bool kernel_has_tcx() {
    static const auto kFeatures = datapath::probe_features();
    return kFeatures && kFeatures->tcx;
}

std::vector<std::string> attach_modes() {
    if (kernel_has_tcx()) return {"tcx", "clsact"};
    return {"clsact"};
}

} // namespace bulkhead::test
