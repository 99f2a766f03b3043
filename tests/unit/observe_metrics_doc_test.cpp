// SPDX-License-Identifier: Apache-2.0
//
// docs/metrics.md and the code say the same: every family with its type and labels, and none that isn't there.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <map>
#include <prometheus/metric_family.h>
#include <regex>
#include <set>
#include <sstream>

#include "observe/metrics.h"

using namespace bulkhead;
using namespace bulkhead::observe;

namespace {

struct Described {
    std::string type;
    std::set<std::string> labels;
    bool operator==(const Described&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Described& described) {
    out << described.type;
    for (const auto& label : described.labels)
        out << " " << label;
    return out;
}

/// With a series of each family.
Figures full() {
    Figures figures;
    figures.counters[BH_INGRESS][BH_REASON_OPEN] = {.packets = 1, .bytes = 60};
    ByVerdict counted{};
    counted[BH_INGRESS][BH_VERDICT_ALLOW] = {.packets = 1, .bytes = 60};
    figures.tenant_traffic["payments"] = counted;
    figures.pod_traffic = {{.ns = "pay", .name = "api-0", .tenant = "payments", .counters = counted}};
    figures.conversations = {{{"blog", "payments", BH_VERDICT_DENY, BH_REASON_NOT_GRANTED, "aurora"}, 1}};
    figures.admissions = {{{"blog", "payments", BH_VERDICT_ALLOW, BH_REASON_GRANTED, "aurora"}, 1}};
    figures.program_runs = {{.program = "to_pod", .runs = 1, .nanoseconds = 1}};
    figures.tenant_pods[{.tenant = "payments"}] = 1;
    figures.maps = {{.name = "openings", .entries = 1, .limit = 2}};
    figures.heard["Pod"] = {};
    figures.overrides = {state::Override{}};
    figures.errors = {{"write", 0}};
    figures.process.emplace();
    return figures;
}

std::map<std::string, Described> told() {
    std::map<std::string, Described> all;
    for (const auto& family : Metrics(full()).Collect()) {
        Described described{.type = family.type == prometheus::MetricType::Counter ? "counter"
                                    : family.type == prometheus::MetricType::Gauge ? "gauge"
                                                                                   : "histogram",
                            .labels = {}};
        for (const auto& metric : family.metric)
            for (const auto& label : metric.label)
                described.labels.insert(label.name);
        all[family.name] = described;
    }
    return all;
}

/// The rows of its tables, but for the controller's.
std::map<std::string, Described> documented() {
    static const std::regex kRow(R"(\| `(\w+)` \| (\w+) \| ([^|]*) \| (.+) \|)");
    std::ifstream file(BULKHEAD_DOCS "/metrics.md");
    REQUIRE(file);
    std::map<std::string, Described> all;
    for (std::string line; std::getline(file, line) && line != "## The controller";) {
        std::smatch parts;
        if (!std::regex_match(line, parts, kRow)) continue;
        Described described{.type = parts[2], .labels = {}};
        std::istringstream labels(parts[3]);
        for (std::string label; std::getline(labels, label, ',');) {
            std::erase(label, ' ');
            if (!label.empty()) described.labels.insert(label);
        }
        CHECK(all.emplace(parts[1], described).second);
    }
    return all;
}

} // namespace

TEST_CASE("every metric stands in docs/metrics.md with its type and labels, and no other does") {
    const auto told_ones = told();
    const auto documented_ones = documented();
    for (const auto& [name, described] : told_ones) {
        INFO(name);
        REQUIRE(documented_ones.contains(name));
        CHECK(documented_ones.at(name) == described);
    }
    for (const auto& [name, described] : documented_ones) {
        INFO(name);
        CHECK(told_ones.contains(name));
    }
}
