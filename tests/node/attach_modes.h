// SPDX-License-Identifier: Apache-2.0
//
// Which ways of attaching this kernel has, so that a test takes each of them and no other.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::test {

bool kernel_has_tcx();

/// As --attach has them: "clsact", and "tcx" where this kernel has it.
std::vector<std::string> attach_modes();

} // namespace bulkhead::test
