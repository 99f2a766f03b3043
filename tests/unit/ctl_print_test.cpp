// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "bulkheadctl/print.h"
#include "bulkheadctl/table.h"

using namespace bulkhead::ctl;

namespace {

bool has(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

size_t widest(const std::string& text) {
    std::istringstream lines(text);
    size_t width = 0;
    for (std::string line; std::getline(lines, line);)
        width = std::max(width, line.size());
    return width;
}

} // namespace

TEST_CASE("columns are aligned, and the last one is wrapped between words") {
    Table table({"A", "LONG HEADER", "TEXT"});
    table.add({"x", "y", "one two three four five six seven"});
    CHECK(table.text(40) == "A  LONG HEADER  TEXT\n"
                            "x  y            one two three four five\n"
                            "                six seven\n");
}

TEST_CASE("a word that is longer than its column is broken, not lost") {
    Table table;
    table.add({std::string(30, 'w')});
    CHECK(table.text(20) == std::string(20, 'w') + "\n" + std::string(10, 'w') + "\n");
}

TEST_CASE("on a terminal the widest columns give way, and names go on behind their joints") {
    Table table({"NAME", "TENANT", "LEVEL"});
    table.add({"team-checkout-production/checkout-frontend-5d8f7c9b6-x2x9k", "capsule/checkout", "protected"});
    table.add_below("10.0.1.10");
    table.add({"blog/web-7f", "blog", "non-protected"});
    CHECK(table.text(60) == "NAME                         TENANT            LEVEL\n"
                            "team-checkout-production/    capsule/checkout  protected\n"
                            "checkout-frontend-\n"
                            "5d8f7c9b6-x2x9k\n"
                            "    10.0.1.10\n"
                            "blog/web-7f                  blog              non-protected\n");
    CHECK(widest(table.text({60, false})) > 60);
}

TEST_CASE("status fits 80 columns and shows what matters") {
    const auto status = Json::parse(R"({
        "node": "node-a", "version": "0.1.0", "ready": true, "inSync": false, "armed": false,
        "source": {"name": "dir:/etc/bulkhead", "synced": true, "ageSeconds": 0},
        "attach": {"mode": "tcx", "asked": "auto"}, "kernel": {"release": "6.1", "hz": 250, "features": {"ringBuffer": true, "btf": true, "tcx": false}},
        "interfaces": {"guarded": 3, "held": 1, "unguarded": 0, "uplinks": ["eth0"]},
        "maps": [{"name": "endpoints4", "entries": 10, "limit": 40, "refused": 7}], "errors": [],
        "problems": [{"origin": "payments.yaml:12", "object": "Tenant payments", "field": "spec.level",
                      "text": "\"protect\" is neither protected nor non-protected; taken as protected, the stricter reading"}]})");
    const auto text = status_text(status, 80);
    has(text, "asleep");
    has(text, "3 guarded, 1 held, 0 unguarded");
    has(text, "dir:/etc/bulkhead, in sync");
    has(text, "\n  has        ringBuffer, btf\n");
    has(text, "\n  lacks      tcx\n");
    has(text, "maps         not in sync");
    has(text, "25%   7");
    has(text, "payments.yaml:12, Tenant payments, spec.level:");
    CHECK(widest(text) <= 80);
}

TEST_CASE("status says when the source was heard last, and that it is enforced nevertheless") {
    const auto line = [](const std::string& source) { return status_text(Json{{"source", Json::parse(source)}}, 80); };
    has(line(R"({"name": "kube", "synced": true, "ageSeconds": 0})"), "kube, in sync");
    has(line(R"({"name": "kube", "synced": true, "ageSeconds": 75})"), "kube, not heard for 75 s");
    has(line(R"({"name": "kube", "synced": false, "ageSeconds": 75})"), "kube, not in sync");
}

TEST_CASE("an answer without the expected fields prints dashes, not an error") {
    has(status_text(Json::object(), 80), "node");
    CHECK(endpoints_text(Json::object(), 80) == "no endpoints\n");
    has(explanation_text(Json::object(), 80), "verdict");
}

TEST_CASE("an explanation names the line, both identities, the object and the judge") {
    const auto explanation = Json::parse(R"({
        "src": {"name": "blog/web-1", "address": "10.0.1.5", "tenant": "blog", "what": "pods",
                "level": "non-protected", "mode": "enforce", "levelFrom": "default"},
        "dst": {"name": "payments/api-0", "address": "10.0.1.9", "tenant": "payments", "what": "pods",
                "level": "protected", "mode": "enforce", "tenantFrom": "Tenant payments spec.namespaces[0]",
                "levelFrom": "Tenant payments spec.level", "modeFrom": "by default", "sealed": true},
        "protocol": "TCP", "port": 8443, "verdict": "allow", "reason": "granted", "line": 8,
        "text": "the destination's owner grants the source this port", "origin": "Tenant payments spec.allowFrom[0]",
        "judge": {"node": "node-a", "hook": "to_pod", "interface": "eni6bbbfb3d025"}})");
    const auto text = explanation_text(explanation, 80);
    has(text, "blog/web-1 (10.0.1.5)");
    has(text, "pods of tenant payments, protected, enforce, sealed");
    has(text, "tenant: Tenant payments spec.namespaces[0]");
    has(text, "level: Tenant payments spec.level");
    has(text, "mode: by default");
    has(text, "line 8, granted");
    has(text, "Tenant payments spec.allowFrom[0]");
    has(text, "node node-a, to_pod at eni6bbbfb3d025");
    CHECK(widest(text) <= 80);
}
