// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl_agent.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

std::string all_lines() {
    std::string text;
    for (const auto& line : flow::recorded_flows())
        text += line + "\n";
    return text;
}

/// Of the recorded flows, those of these numbers.
std::string lines(const std::vector<size_t>& numbers) {
    std::string text;
    for (const auto number : numbers)
        text += flow::recorded_flows().at(number - 1) + "\n";
    return text;
}

} // namespace

TEST_CASE("what -o json has written is read again, and is the same") {
    const Place place;
    const auto file = place.write("flows.json", all_lines());
    const auto once = in_shell("bulkheadctl flows --input-file " + file + " -o json");
    CHECK(once.code == 0);
    CHECK(once.output == all_lines());
    const auto piped =
        in_shell("bulkheadctl flows --input-file " + file +
                 " -o json | bulkheadctl flows --input-file - -o json | bulkheadctl flows --input-file - -o compact");
    CHECK(piped.code == 0);
    CHECK(piped.output == in_shell("bulkheadctl flows --input-file " + file).output);
}

TEST_CASE("flags choose of a file what an agent would choose") {
    struct Row {
        const char* flags;
        std::vector<size_t> flows;
    };
    static const Row kRows[] = {
        {"--verdict denied", {1, 6}},
        {"--not --verdict allowed", {1, 3, 6}},
        {"--verdict denied --not --reason ethertype", {1}},
        {"--not --pod blog/web --protocol tcp", {2, 5}}, // only what comes next is negated
        {"--from-pod shop/ --to-resource aurora", {3}},
        {"--from-pod shop/ --from-pod blog/ --not --direction egress", {1, 2}},
        {"-n blog --tenant payments", {1}},
        {"-nblog -4", {1}},
        {"-6", {4}},
        {"-4 -6", {1, 2, 3, 4, 5}},
        {"--not -4", {4, 6}},
        {"-l app=web --to-level protected", {1}},
        {"--last 2", {5, 6}},
        {"--last 1 --verdict denied --not --reason ethertype", {1}},
        {"--last 0", {}},
        {"--since 2026-11-29T12:04:00Z --until 2026-11-29T14:05:00+02:00", {4, 5}},
        {"--all --port 5432", {1, 2}},
    };
    const Place place;
    const auto file = place.write("flows.json", all_lines());
    for (const auto& row : kRows) {
        CAPTURE(row.flags);
        const auto ended = in_shell("bulkheadctl flows -o json --input-file " + file + " " + row.flags);
        CHECK(ended.code == 0);
        CHECK(ended.output == lines(row.flows));
    }
}

TEST_CASE("a line that can't be read is told with its number and why, and the rest goes on") {
    const Place place;
    const auto& flows = flow::recorded_flows();
    auto wrong = flow::Json::parse(flows[1]);
    wrong["source"]["port"] = 70000;
    const std::string deep(5000, '[');
    const auto file =
        place.write("flows.json", flows[0] + "\n\nnot json\n" + wrong.dump() + "\n" + deep + std::string(5000, ']') +
                                      "\n" + std::string(2 << 20, 'x') + "\n" + flows[2]);
    const auto ended = in_shell("bulkheadctl flows -o json --input-file " + file + " 2>" + place.file("errors"));
    CHECK(ended.code == 1);
    CHECK(ended.output == flows[0] + "\n" + flows[2] + "\n");
    const auto errors = place.read("errors");
    CAPTURE(errors);
    CHECK(errors.find("flows.json:3: is not JSON: column 2\n") != std::string::npos);
    CHECK(errors.find("flows.json:4: source.port: 70000 is not a whole number between 0 and 65535\n") !=
          std::string::npos);
    CHECK(errors.find("flows.json:5: is nested too deep\n") != std::string::npos);
    CHECK(errors.find("flows.json:6: is longer than 1 MiB\n") != std::string::npos);
    CHECK(std::count(errors.begin(), errors.end(), '\n') == 4);
}

TEST_CASE("a file of hostile names shows them, and the terminal obeys none") {
    const Place place;
    auto hostile = flow::Json::parse(flow::recorded_flows()[0]);
    hostile["source"]["pod"] = "web\x1b]0;owned\x07\n12:00:00.000 all is well";
    hostile["\x1b[31m"] = "\x1b[31m"; // of a newer agent
    const auto file = place.write("flows.json", flow::Json(hostile).dump() + "\n\x1b[31m is no JSON\n");
    for (const char* form : {"compact", "table", "dict", "json"}) {
        const auto ended = in_shell("bulkheadctl flows --input-file " + file + " -o " + form);
        CAPTURE(form, ended.output);
        CHECK(ended.code == 1);
        CHECK(ended.output.find('\x1b') == std::string::npos);
        CHECK(ended.output.find('\x07') == std::string::npos);
        CHECK(ended.output.find("\n12:00") == std::string::npos);
    }
}

TEST_CASE("a stream's notices stay in JSON, and are told beside the flows otherwise") {
    const Place place;
    const std::string notices = R"({"lost":12,"because":"the rate limit"})"
                                "\n"
                                R"({"lost":3,"because":"a storm","unit":"packets"})"
                                "\n";
    const auto file = place.write("flows.json", notices + lines({1}) + R"({"error":"too slow"})" + "\n");
    const auto json = in_shell("bulkheadctl flows -o json --input-file " + file + " 2>/dev/null");
    CHECK(json.output == notices + lines({1}));
    const auto compact = in_shell("bulkheadctl flows --input-file " + file + " 2>&1 >/dev/null");
    CHECK(compact.output.find("12 flows are missing from here on: the rate limit\n") != std::string::npos);
    CHECK(compact.output.find("3 refused packets are missing from here on: a storm\n") != std::string::npos);
    CHECK(compact.output.find("ended early: too slow\n") != std::string::npos);
}

TEST_CASE("notices stay at their place: beside the flows, with --last, and those of a newer agent") {
    const Place place;
    const std::string lost = R"({"lost":12,"because":"the rate limit","node":"node-b"})"
                             "\n";
    const std::string newer = R"({"slowed":3,"node":"node-c"})"
                              "\n";
    const auto file = place.write("flows.json", lines({1}) + lost + lines({2, 3}) + newer + lines({4}));
    const auto json = in_shell("bulkheadctl flows -o json --last 2 --input-file " + file);
    CHECK(json.code == 0);
    CHECK(json.output == lost + lines({3}) + newer + lines({4}));
    const auto told = in_shell("bulkheadctl flows --input-file " + file + " 2>&1 | cut -c 1-60");
    CHECK(told.code == 0);
    CHECK(told.output == "12:03:04.123 blog/web-7f:41812 -> payments/ledger-0:5432 TCP\n"
                         "bulkheadctl: node-b: 12 flows are missing from here on: the \n"
                         "12:03:05.000 shop/cart-1:50000 -> payments/ledger-0:5432 TCP\n"
                         "12:03:10.000 shop/cart-1:5353 -> aurora:3306 UDP AUDIT audit\n"
                         "bulkheadctl: node-c: a notice that this version doesn't know\n"
                         "12:04:00.000 2001:db8::1 -> blog/web-7f ICMPv6 echo-request \n");
}

TEST_CASE("wrong usage is told before anything is read") {
    struct Row {
        const char* flags;
        const char* error;
    };
    static const Row kRows[] = {
        {"--not", "--not: stands before no filter"},
        {"--not --not --pod a", "--not: stands twice"},
        {"--verdict dropped", "--verdict: \"dropped\" is not allowed, audit or denied"},
        {"--from-port http", "--from-port: \"http\" is neither a port"},
        {"--not --ip 10.0.0.1/8", "--not --ip: \"10.0.0.1/8\" has bits set"},
        {"--from-verdict denied", "--from-verdict"},
        {"--since yesterday", "--since: \"yesterday\" is neither a length of time"},
        {"--time-format iso", "--time-format: \"iso\" is not time, "},
        {"-o yaml", "--output"},
        {"--last -1", "--last"},
        {"--follow --until 1m", "--follow excludes --until"},
        {"--follow --input-file x", "--follow excludes --input-file"},
        {"--input-file /nowhere/flows.json", "open /nowhere/flows.json: No such file or directory"},
    };
    for (const auto& row : kRows) {
        CAPTURE(row.flags);
        const auto ended = in_shell(std::string("bulkheadctl flows --socket /nowhere/agent.sock ") + row.flags);
        CAPTURE(ended.output);
        CHECK(ended.code == 2);
        CHECK(ended.output.find(row.error) != std::string::npos);
    }
}
