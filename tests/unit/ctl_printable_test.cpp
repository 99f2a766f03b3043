// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "base/printable.h"
#include "bulkhead/reasons.h"
#include "bulkheadctl/print.h"
#include "bulkheadctl/reasons.h"
#include "bulkheadctl/table.h"

using namespace bulkhead::ctl;
using bulkhead::printable;

TEST_CASE("what a terminal would obey is written out, and the rest is left alone") {
    static const std::vector<std::pair<std::string, std::string>> kRows{
        {"payments/api-0", "payments/api-0"},
        {"grün, 支払い, \xf0\x9f\x94\x92", "grün, 支払い, \xf0\x9f\x94\x92"},
        {"a\x1b[31mred", "a\\x1b[31mred"},
        {"\x1b]52;c;cGF3bmVk\x07", "\\x1b]52;c;cGF3bmVk\\x07"},
        {"one\r\ntwo\tthree", "one\\x0d\\x0atwo\\x09three"},
        {std::string("a\0b", 3), "a\\x00b"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"}, // CSI as one character of UTF-8
        {"\x9b"
         "31m",
         "\\x9b31m"}, // and as a bare byte
        {"exe.\xe2\x80\xaegpj", "exe.\\u202egpj"},
        {"\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c", "\\u2066x\\u2069\\u200f\\u061c"},
        {"\xe2\x80\xa8", "\\u2028"},
        {"\xc0\x9b", "\\xc0\\x9b"},          // too long a form
        {"\xe0\x82\x9b", "\\xe0\\x82\\x9b"}, // likewise
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, // a surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"half \xe2\x82", "half \\xe2\\x82"},
        {"", ""},
    };
    for (const auto& [text, expected] : kRows)
        CHECK(printable(text) == expected);
}

TEST_CASE("no printer lets a name through to the terminal") {
    const std::string name = "a\x1b[2J\nb\xe2\x80\xae";
    const Json party{{"name", name}, {"address", name}, {"tenant", name}, {"what", name}, {"tenantFrom", name}};
    const Json problem{{"origin", name}, {"object", name}, {"field", name}, {"text", name}};
    const std::string texts[] = {
        explanation_text({{"src", party}, {"dst", party}, {"origin", name}, {"notes", {name}}}, 80),
        endpoints_text({{"endpoints", {{{"name", name}, {"tenant", name}, {"addresses", {name}}}}}}, 80),
        tenants_text({{"tenants", {{{"name", name}, {"namespaces", {name}}}}}}, 80),
        status_text({{"node", name}, {"errors", {name}}, {"problems", {problem}}}, 80),
        maps_text({{"maps", {{{"name", name}}}}}, 80),
    };
    for (const auto& text : texts) {
        CAPTURE(text);
        CHECK(text.find('\x1b') == std::string::npos);
        CHECK(text.find("\xe2\x80\xae") == std::string::npos);
        CHECK(text.find("\\x1b[2J\\x0ab") != std::string::npos);
    }
}

TEST_CASE("a cell that is too wide goes on below it, and no character is torn") {
    CHECK(row_text({"one", "grün", "x"}, {5, 3, 1}) == "one    gr   x\n"
                                                       "       \xc3\xbcn\n");
    CHECK(row_text({"abcdef", "x"}, {3, 1}) == "abc  x\n"
                                               "def\n");
}

TEST_CASE("every reason is listed with what to do about it, and fits 80 columns") {
    const auto reasons = reasons_json();
    CHECK(reasons.at("reasons").size() == BH_REASON_COUNT);
    for (const auto& row : reasons.at("reasons")) {
        CAPTURE(row.dump());
        CHECK(row.at("text").get<std::string>().size() > 10);
        CHECK(row.at("whatToDo").get<std::string>().size() > 10);
    }
    const auto text = reasons_text(reasons, 80);
    CHECK(text.find("9     not-granted     denied   the destination is protected") != std::string::npos);
    for (size_t start = 0; start < text.size(); start = text.find('\n', start) + 1)
        CHECK(text.find('\n', start) - start <= 80);
}
