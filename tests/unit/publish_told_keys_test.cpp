// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "publish/told_keys.h"

using namespace std::chrono_literals;
using bulkhead::publish::ToldKeys;
using Keys = ToldKeys::Keys;

namespace {

const ToldKeys::Time kStart(1000h);
constexpr size_t kNodes = 1000; // whose slices all change with a new key: over 50 s

} // namespace

TEST_CASE("nodes take up a new label key at different times, and the first ones at once") {
    ToldKeys first(0), middle(0.5), last(1);
    for (auto* node : {&first, &middle, &last}) {
        CHECK(node->update({"app"}, kNodes, kStart));
        CHECK(node->keys() == Keys{"app"});
        node->update({"app", "tier"}, kNodes, kStart + 1h);
    }
    CHECK(first.keys() == Keys{"app", "tier"});
    CHECK(middle.keys() == Keys{"app"});
    CHECK(middle.due() == kStart + 1h + 25s);
    CHECK_FALSE(middle.update({"app", "tier"}, kNodes, kStart + 1h + 24s));
    CHECK(middle.update({"app", "tier"}, kNodes, kStart + 1h + 25s));
    CHECK(middle.keys() == Keys{"app", "tier"});
    CHECK_FALSE(middle.due());
    CHECK(last.due() == kStart + 1h + 50s);
}

TEST_CASE("in a small cluster a new label key is there in no time") {
    ToldKeys keys(1);
    keys.update({}, 2, kStart);
    CHECK_FALSE(keys.update({"app"}, 2, kStart + 1h));
    CHECK(keys.due() == kStart + 1h + 100ms);
}

TEST_CASE("many new label keys, one after the other, are taken up together") {
    ToldKeys keys(0);
    keys.update({}, kNodes, kStart);
    CHECK(keys.update({"a"}, kNodes, kStart + 1h));
    CHECK_FALSE(keys.update({"a", "b"}, kNodes, kStart + 1h + 1s));
    CHECK_FALSE(keys.update({"a", "b", "c"}, kNodes, kStart + 1h + 100s));
    CHECK(keys.due() == kStart + 1h + 200s);
    CHECK(keys.update({"a", "b", "c"}, kNodes, kStart + 1h + 200s));
    CHECK(keys.keys() == Keys{"a", "b", "c"});
}

TEST_CASE("a label key that comes and goes is told once, and for an hour") {
    ToldKeys keys(0);
    keys.update({"app", "odd"}, kNodes, kStart);
    CHECK_FALSE(keys.update({"app"}, kNodes, kStart + 1min));
    CHECK_FALSE(keys.update({"app", "odd"}, kNodes, kStart + 2min));
    CHECK_FALSE(keys.due());
    CHECK_FALSE(keys.update({"app"}, kNodes, kStart + 3min));
    CHECK(keys.due() == kStart + 1h);
    CHECK(keys.keys() == Keys{"app", "odd"});
    // What goes doesn't hold up what comes.
    CHECK(keys.update({"app", "new"}, kNodes, kStart + 4min));
    CHECK(keys.keys() == Keys{"app", "new"});
    CHECK(keys.update({"app"}, kNodes, kStart + 2h));
    CHECK(keys.keys() == Keys{"app"});
}
