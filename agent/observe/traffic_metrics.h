// SPDX-License-Identifier: Apache-2.0
//
// Of Figures, what concerns packets: by reason, tenant and pod, who was refused by whom, and what it costs.
#pragma once

#include "base/metrics.h"
#include "observe/figures.h"

namespace bulkhead::observe {

void add_traffic(const Figures& figures, metrics::Families& families);

} // namespace bulkhead::observe
