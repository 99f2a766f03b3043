// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "base/near_names.h"

namespace bulkhead {
namespace {

using NearNames = std::vector<std::string>;

TEST_CASE("a name that isn't there suggests those that it may have been meant to be") {
    const std::set<std::string> known{"payments", "ns/shop", "capsule/shop", "shop-api", "blog", "a"};
    struct Row {
        const char* name;
        NearNames near;
    };
    static const Row kRows[] = {
        {"paymnets", {"payments"}},            // two are exchanged
        {"payment", {"payments"}},             // one is left out
        {"shop", {"capsule/shop", "ns/shop"}}, // of another source
        {"ns/payments", {"payments"}},         //
        {"blogs", {"blog"}},                   //
        {"ledger", {}},                        // nothing like it
        {"", {}},                              //
        {"shopping-api", {}},                  // too far
    };
    for (const auto& row : kRows) {
        CAPTURE(row.name);
        CHECK(near_names(row.name, known) == row.near);
    }
    CHECK(suggestion("shop", known) == "; did you mean capsule/shop or ns/shop?");
    CHECK(suggestion("ledger", known).empty());
}

} // namespace
} // namespace bulkhead
