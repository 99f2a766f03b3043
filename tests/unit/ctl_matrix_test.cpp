// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "bulkheadctl/matrix.h"

namespace bulkhead::ctl {
namespace {

using nlohmann::ordered_json;

ordered_json cell_of(const char* source, const char* says, uint64_t allowed, uint64_t audit, uint64_t denied) {
    return {{"source", source},
            {"destination", "payments"},
            {"says", says},
            {"seen", {{"allowed", allowed}, {"audit", audit}, {"denied", denied}}}};
}

TEST_CASE("matrix: what was seen is as hot as much was refused, beside what is refused most") {
    const ordered_json matrix{{"tenants", {"payments"}},
                              {"cells",
                               {cell_of("flood", "refuses", 0, 0, 90000), cell_of("some", "refuses", 9, 0, 12),
                                cell_of("audited", "audits", 1, 2, 0), cell_of("good", "partly", 5, 0, 0)}}};
    const auto text = matrix_text(matrix, 120, true);
    CHECK(text.find("\x1b[1;37;41m90000 denied") != std::string::npos);
    CHECK(text.find("\x1b[1;31m12 denied, 9 allowed") != std::string::npos);
    CHECK(text.find("\x1b[1;33m2 audit, 1 allowed") != std::string::npos);
    CHECK(text.find("\x1b[32m5 allowed") != std::string::npos);
    CHECK(text.find("\x1b[1;31mrefuses") != std::string::npos);
    CHECK(matrix_text(matrix, 120, false).find('\x1b') == std::string::npos);
}

TEST_CASE("matrix: a tenant's name paints nothing") {
    const ordered_json matrix{{"tenants", {"x"}}, {"cells", {cell_of("\x1b[31mred", "refuses", 0, 0, 1)}}};
    CHECK(matrix_text(matrix, 80, false).find('\x1b') == std::string::npos);
}

TEST_CASE("matrix: for spreadsheets, a field with a comma or a quote is quoted") {
    auto cell = cell_of("shop, \"new\"", "partly", 5, 0, 12);
    cell["ports"] = {"5432/TCP", "53/UDP"};
    const ordered_json matrix{{"tenants", {"payments"}}, {"cells", {cell, cell_of("blog", "refuses", 0, 2, 0)}}};
    CHECK(matrix_csv(matrix) == "source,destination,says,ports,allowed,audit,denied\r\n"
                                "\"shop, \"\"new\"\"\",payments,partly,\"5432/TCP, 53/UDP\",5,0,12\r\n"
                                "blog,payments,refuses,,0,2,0\r\n");
}

} // namespace
} // namespace bulkhead::ctl
