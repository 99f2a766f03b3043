// SPDX-License-Identifier: Apache-2.0
#include "datapath/attach.h"

#include <catch2/catch_test_macros.hpp>

using namespace bulkhead;
using namespace bulkhead::datapath;

namespace {

struct Has {
    bool tcx = false;
    bool clsact = false;
};

Features kernel(Has has) {
    Features features;
    features.tcx = has.tcx;
    features.clsact = has.clsact;
    return features;
}

} // namespace

TEST_CASE("auto takes tcx where the kernel has it, and what was asked for is never replaced by the other") {
    const Features both = kernel({.tcx = true, .clsact = true});
    const Features old = kernel({.tcx = false, .clsact = true});
    CHECK(decide_tcx(AttachMode::kAuto, both) == true);
    CHECK(decide_tcx(AttachMode::kAuto, old) == false);
    CHECK(decide_tcx(AttachMode::kTcx, both) == true);
    CHECK(decide_tcx(AttachMode::kTcx, old).error().code == EOPNOTSUPP);
    CHECK(decide_tcx(AttachMode::kClsact, both) == false);
    CHECK(decide_tcx(AttachMode::kClsact, old) == false);
}

TEST_CASE("clsact is needed where it is to be used, and only there") {
    const Features only_tcx = kernel({.tcx = true, .clsact = false});
    CHECK(decide_tcx(AttachMode::kAuto, only_tcx) == true);
    CHECK(decide_tcx(AttachMode::kTcx, only_tcx) == true);
    CHECK(decide_tcx(AttachMode::kClsact, only_tcx).error().code == EOPNOTSUPP);
    CHECK(decide_tcx(AttachMode::kAuto, kernel({})).error().code == EOPNOTSUPP);
}
