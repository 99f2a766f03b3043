// SPDX-License-Identifier: Apache-2.0
//
// The words for reasons, verdicts, directions and protocols, out of the one list in bulkhead/reasons.h.
#pragma once

#include <cstdint>

#include "bulkhead/abi.h"

namespace bulkhead {

const char* label_of(bh_reason reason);
const char* text_of(bh_reason reason);
const char* label_of(bh_verdict verdict);
const char* label_of(bh_direction direction);
const char* label_of_protocol(uint8_t protocol);

/// The line of the rule that this is, 1-9; 0 = it stands before or beside the rule.
int line_of(bh_reason reason);

} // namespace bulkhead
