// SPDX-License-Identifier: Apache-2.0
//
// The programs under test, twice on the same maps: those that are checked say in cb[] how they judged;
// those that are timed don't, like the ones that packets meet. Maps of their own, which nothing pins.
#pragma once

#include "datapath/kernel.h"

namespace bulkhead::bench {

struct UnderTest {
    datapath::Kernel kernel; // with the programs that answer
    datapath::Programs timed;
};

Result<UnderTest> load_under_test(bh_visibility visibility = BH_VISIBLE_CONVERSATIONS);

} // namespace bulkhead::bench
