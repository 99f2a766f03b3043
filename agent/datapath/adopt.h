// SPDX-License-Identifier: Apache-2.0
//
// Puts a conversation that is older than the programs into a pod's flow memory, by the program that keeps it: so the
// bytes are the same, and the packets of the moment may go on writing.
#pragma once

#include "base/result.h"
#include "bulkhead/adoption.h"
#include "datapath/maps.h"

namespace bulkhead::datapath {

/// True if the pod's memory has it now. False: the pod has none, or one that knows better.
Result<bool> adopt(const Programs& programs, const bh_adoption& conversation);

} // namespace bulkhead::datapath
