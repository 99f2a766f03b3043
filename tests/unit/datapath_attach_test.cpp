// SPDX-License-Identifier: Apache-2.0
#include "datapath/attach.h"

#include <catch2/catch_test_macros.hpp>

using namespace bulkhead;
using namespace bulkhead::datapath;

namespace {

Features kernel(bool tcx) {
    Features features;
    features.tcx = tcx;
    return features;
}

} // namespace

TEST_CASE("auto takes tcx where the kernel has it, and what was asked for is never replaced by the other") {
    CHECK(decide_tcx(AttachMode::kAuto, kernel(true)) == true);
    CHECK(decide_tcx(AttachMode::kAuto, kernel(false)) == false);
    CHECK(decide_tcx(AttachMode::kTcx, kernel(true)) == true);
    CHECK(decide_tcx(AttachMode::kClsact, kernel(true)) == false);
    CHECK(decide_tcx(AttachMode::kTcx, kernel(false)).error().code == EOPNOTSUPP);
}
