// SPDX-License-Identifier: Apache-2.0
//
// What our decoders say to the objects that the CRDs' tests put before an API server.
#include <catch2/catch_test_macros.hpp>

#include "source/decode.h"
#include "source/reader.h"
#include "support/crd_objects.h"

namespace bulkhead::source {
namespace {

Decoded decode_text(const std::string& yaml) {
    Decoded decoded;
    state::Pool pool;
    REQUIRE(read_yaml(yaml, [&](const Value& document) { decoded = decode(document, "test.yaml", pool); }));
    return decoded;
}

std::string all_of(const Complaints& complaints) {
    std::string all;
    for (const auto& error : complaints.errors)
        all += error.field + ": " + error.text + "\n";
    return all;
}

TEST_CASE("every wrong object is refused by the decoders themselves, and its near miss is not") {
    for (const auto& row : test::wrong_objects()) {
        INFO(row.kind << " with " << row.what);
        const auto wrong = decode_text(test::document_of(row.kind, "row", row.wrong));
        INFO(row.wrong << "\n" << all_of(wrong.complaints));
        CHECK_FALSE(wrong.object.has_value());
        CHECK(all_of(wrong.complaints).find(row.agent_says) != std::string::npos);
        const auto right = decode_text(test::document_of(row.kind, "row", row.right));
        INFO(row.right << "\n" << all_of(right.complaints));
        CHECK(right.object.has_value());
    }
}

TEST_CASE("objects with every field are valid") {
    for (const auto& yaml : test::whole_objects()) {
        const auto decoded = decode_text(yaml);
        INFO(yaml << all_of(decoded.complaints));
        CHECK(decoded.object.has_value());
    }
}

} // namespace
} // namespace bulkhead::source
