// SPDX-License-Identifier: Apache-2.0
//
// What explain prints of what would allow something.
#include <catch2/catch_test_macros.hpp>

#include "bulkheadctl/needs.h"
#include "bulkheadctl/print.h"

namespace bulkhead::ctl {
namespace {

const Json kGrantNeed = Json::parse(R"({"line": 9, "anyOf": [
    {"object": "AccessGrant payments/for-web", "yaml": "kind: AccessGrant\nspec:\n  from: []"},
    {"object": "Tenant monitoring", "field": "spec.trusted[0].ports", "yaml": "- {port: 1}", "note": "wide"}]})");

TEST_CASE("needs: each change is shown as YAML that can be copied, with what it is an alternative to") {
    CHECK(needs_text(Json::array({kGrantNeed}), 80) ==
          "\nwhat would allow it:\n\n"
          "  AccessGrant payments/for-web:\n\n"
          "    kind: AccessGrant\n"
          "    spec:\n"
          "      from: []\n"
          "\n  or:\n\n"
          "  Tenant monitoring, to be added to spec.trusted[0].ports (wide):\n\n"
          "    - {port: 1}\n");
}

TEST_CASE("needs: where both sides have to give their word both are shown, and that both are needed") {
    const auto out =
        Json::parse(R"({"line": 2, "anyOf": [{"object": "Tenant ci", "field": "spec.allowTo", "yaml": "- {}"}]})");
    const auto text = needs_text(Json::array({out, kGrantNeed}), 80);
    CHECK(text.find("all of these together") != std::string::npos);
    CHECK(text.find("line 2 of the rule:\n\n  Tenant ci") != std::string::npos);
    CHECK(text.find("line 9 of the rule:\n\n  AccessGrant") != std::string::npos);
}

TEST_CASE("needs: what nothing allows says what to look at, what only a wide change allows says that first") {
    const auto nothing = Json::parse(R"([{"anyOf": [], "instead": "look there"}])");
    CHECK(needs_text(nothing, 80) == "\nwhat would allow it:\n\n  nothing that can be written: look there\n");
    const auto wide = Json::parse(
        R"([{"line": 9, "anyOf": [{"object": "pod template of a/b", "yaml": "x: y"}], "instead": "use IP targets"}])");
    const auto text = needs_text(wide, 80);
    CHECK(text.find("use IP targets. Or:") < text.find("pod template of a/b"));
}

TEST_CASE("needs: YAML keeps its lines in a narrow terminal, and moves nothing in it") {
    const std::string line = "- {namespace: " + std::string(200, 'n') + "}";
    const Json needs = Json::array({{{"anyOf", {{{"object", "o"}, {"yaml", line + "\nx: \x1b[2J"}}}}}});
    const auto text = needs_text(needs, 40);
    CHECK(text.find(line + "\n") != std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(needs_text(Json::array(), 80).empty());
    CHECK(explanation_text(Json{{"verdict", "deny"}, {"wouldAllow", needs}}, 80).find("what would allow it") !=
          std::string::npos);
}

} // namespace
} // namespace bulkhead::ctl
