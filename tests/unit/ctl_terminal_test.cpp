// SPDX-License-Identifier: Apache-2.0
//
// What people see: recorded answers, with names as long as they come, at the widths of terminals, beside what was once
// looked at and found good (golden/). Where the output is meant to change, BULKHEAD_RENEW_GOLDEN=1 writes it anew, to
// be looked at again.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "bulkheadctl/conversations.h"
#include "bulkheadctl/edges.h"
#include "bulkheadctl/flow_printer.h"
#include "bulkheadctl/matrix.h"
#include "bulkheadctl/print.h"
#include "bulkheadctl/reasons.h"

namespace bulkhead::ctl {
namespace {

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string flows_as(FlowFormat format, const Json& flows, size_t width) {
    FlowPrinter printer(format, {}, width);
    for (const auto& flow : flows)
        printer.add(flow::parse(flow).value(), flow);
    return printer.take();
}

std::string conversations_as_table(const Json& conversations, size_t width) {
    ConversationTable table(true, false, width);
    for (const auto& one : conversations)
        table.add(flow::parse_conversation(one).value());
    return table.take();
}

std::string everything(const Json& answers, size_t width) {
    std::string text;
    const auto add = [&](const char* command, const std::string& shown) {
        text += "$ bulkheadctl " + std::string(command) + "\n" + shown + "\n";
    };
    add("flows", flows_as(FlowFormat::kCompact, answers["flows"], width));
    add("flows -o table", flows_as(FlowFormat::kTable, answers["flows"], width));
    add("flows -o dict", flows_as(FlowFormat::kDict, answers["flows"], width));
    add("conversations", conversations_as_table(answers["conversations"], width));
    add("edges", edges_text(answers["edges"], width));
    add("plan --protect payments", plan_text(answers["plan"], width));
    add("matrix", matrix_text(answers["matrix"], width, false));
    add("tenants", tenants_text(answers["tenants"], width));
    add("endpoints", endpoints_text(answers["endpoints"], width));
    add("explain ...", explanation_text(answers["explain"], width));
    add("status", status_text(answers["status"], width));
    add("maps", maps_text(answers["status"], width));
    add("reasons", reasons_text(reasons_json(), width));
    return text;
}

/// YAML isn't wrapped, so that it can be applied.
bool is_yaml(const std::string& line) {
    return line.starts_with("    ") && line.find(": ") != std::string::npos;
}

TEST_CASE("what is printed looks as it did when it was looked at, and fits the terminal") {
    const size_t width = GENERATE(80, 120, 200);
    const auto answers = Json::parse(content_of(BULKHEAD_GOLDEN "/answers.json"));
    const auto shown = everything(answers, width);
    const auto path = BULKHEAD_GOLDEN "/terminal_" + std::to_string(width) + ".txt";
    if (std::getenv("BULKHEAD_RENEW_GOLDEN") != nullptr) std::ofstream(path) << shown;
    CHECK(shown == content_of(path));
    std::istringstream lines(shown);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK((line.size() <= width || is_yaml(line)));
    }
}

TEST_CASE("in a pipe a name isn't divided, however long it is") {
    const auto answers = Json::parse(content_of(BULKHEAD_GOLDEN "/answers.json"));
    const Width pipe(80, false);
    const std::string pod = "team-checkout-production/checkout-frontend-canary-5d8f7c9b6-x2x9k";
    CHECK(endpoints_text(answers["endpoints"], pipe).find(pod) != std::string::npos);
    CHECK(edges_text(answers["edges"], pipe).find("payments-production/StatefulSet/ledger-postgresql-primary") !=
          std::string::npos);
    CHECK(tenants_text(answers["tenants"], pipe).find("capsule/team-checkout-platform") != std::string::npos);
}

} // namespace
} // namespace bulkhead::ctl
