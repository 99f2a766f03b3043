// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "base/utf8.h"

using namespace bulkhead;

TEST_CASE("text is cut between characters, as late as it fits") {
    const std::string text = "a\u00e9\u20ac\U0001f512z"; // 1, 2, 3, 4 and 1 bytes
    const size_t ends[]{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t most = 0; most < std::size(ends); ++most) {
        INFO(most);
        CHECK(cut_utf8(text, most) == text.substr(0, ends[most]));
    }
}

TEST_CASE("what isn't UTF-8 is cut nevertheless") {
    const std::string bytes(100, '\x80');
    CHECK(cut_utf8(bytes, 50).size() == 50);
    CHECK(cut_utf8(bytes, 2).size() == 2);
    CHECK(cut_utf8(bytes, 0).empty());
    CHECK(cut_utf8(std::string(50, 'x') + bytes, 52).size() == 49);
}
