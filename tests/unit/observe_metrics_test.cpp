// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <set>

#include "observe/metrics.h"

using namespace bulkhead;
using namespace std::chrono_literals;
using namespace bulkhead::observe;

namespace {

Figures busy() {
    Figures figures;
    figures.version = "1.2.3";
    figures.node = "node-a";
    figures.counters[BH_INGRESS][BH_REASON_NOT_GRANTED] = {.packets = 3, .bytes = 180};
    figures.counters[BH_EGRESS][BH_REASON_AUDIT] = {.packets = 1, .bytes = 60};
    figures.in_sync = true;
    figures.guarded = 8;
    figures.held = 1;
    figures.unguarded = 2;
    figures.maps = {{.name = "endpoints4", .entries = 10, .limit = 100, .refused = 2}};
    figures.errors = {{"write", 4}};
    for (const std::chrono::microseconds took : std::initializer_list<std::chrono::microseconds>{200us, 800us, 2s})
        figures.overtakings.add(took);
    return figures;
}

void has_line(const std::string& text, const std::string& line) {
    INFO(text);
    CHECK(text.find("\n" + line + "\n") != std::string::npos);
}

} // namespace

TEST_CASE("packets are counted by direction, verdict and reason, and only those that were seen") {
    const auto text = render(busy());
    has_line(text, R"(bulkhead_packets_total{direction="ingress",verdict="deny",reason="not-granted"} 3)");
    has_line(text, R"(bulkhead_bytes_total{direction="ingress",verdict="deny",reason="not-granted"} 180)");
    has_line(text, R"(bulkhead_packets_total{direction="egress",verdict="audit",reason="audit"} 1)");
    CHECK(text.find("same-tenant") == std::string::npos);
}

TEST_CASE("a held veth is guarded too, but counted once") {
    const auto text = render(busy());
    has_line(text, R"(bulkhead_interfaces{state="guarded"} 7)");
    has_line(text, R"(bulkhead_interfaces{state="held"} 1)");
    has_line(text, R"(bulkhead_interfaces{state="unguarded"} 2)");
}

TEST_CASE("maps, errors and the version are labelled") {
    const auto text = render(busy());
    has_line(text, R"(bulkhead_map_entries{map="endpoints4"} 10)");
    has_line(text, R"(bulkhead_map_max_entries{map="endpoints4"} 100)");
    has_line(text, R"(bulkhead_map_write_errors_total{map="endpoints4"} 2)");
    has_line(text, "bulkhead_in_sync 1");
    has_line(text, R"(bulkhead_sync_errors_total{kind="write"} 4)");
    has_line(text, R"(bulkhead_build_info{version="1.2.3"} 1)");
}

TEST_CASE("how long it took to overtake others' filters is a histogram") {
    const auto text = render(busy());
    has_line(text, R"(bulkhead_reattach_seconds_bucket{le="0.0001"} 0)");
    has_line(text, R"(bulkhead_reattach_seconds_bucket{le="0.00025"} 1)");
    has_line(text, R"(bulkhead_reattach_seconds_bucket{le="0.001"} 2)");
    has_line(text, R"(bulkhead_reattach_seconds_bucket{le="1"} 2)");
    has_line(text, R"(bulkhead_reattach_seconds_bucket{le="+Inf"} 3)");
    has_line(text, "bulkhead_reattach_seconds_count 3");
}

TEST_CASE("what tenants and pods sent is told by direction and verdict, and only what there was") {
    auto figures = busy();
    auto& payments = figures.tenant_traffic["payments"];
    payments[BH_INGRESS][BH_VERDICT_DENY] = {.packets = 3, .bytes = 180};
    payments[BH_EGRESS][BH_VERDICT_ALLOW] = {.packets = 5, .bytes = 500};
    figures.pod_traffic = {{.ns = "pay", .name = "api-0", .tenant = "payments", .counters = payments}};
    const auto text = render(figures);
    has_line(text, R"(bulkhead_tenant_packets_total{tenant="payments",direction="ingress",verdict="deny"} 3)");
    has_line(text, R"(bulkhead_tenant_packets_total{tenant="payments",direction="egress",verdict="allow"} 5)");
    has_line(text, R"(bulkhead_tenant_bytes_total{tenant="payments",direction="ingress",verdict="deny"} 180)");
    has_line(text, R"(bulkhead_tenant_bytes_total{tenant="payments",direction="egress",verdict="allow"} 500)");
    CHECK(text.find(R"(direction="egress",verdict="deny")") == std::string::npos);
    const std::string pod =
        R"({pod_namespace="pay",pod_name="api-0",tenant="payments",direction="ingress",verdict="deny"})";
    has_line(text, "bulkhead_pod_packets_total" + pod + " 3");
    has_line(text, "bulkhead_pod_bytes_total" + pod + " 180");
}

TEST_CASE("who was let in is told by tenant, reason and AWS resource, and pods are no resource") {
    auto figures = busy();
    figures.admissions = {{{"blog", "payments", BH_VERDICT_ALLOW, BH_REASON_GRANTED, "aurora"}, 3},
                          {{"blog", "payments", BH_VERDICT_ALLOW, BH_REASON_EXPOSED}, 4}};
    const auto text = render(figures);
    has_line(text, "bulkhead_admitted_conversations_total{source_tenant=\"blog\",destination_tenant=\"payments\","
                   "destination_resource=\"aurora\",reason=\"granted\"} 3");
    has_line(text, "bulkhead_admitted_conversations_total{source_tenant=\"blog\",destination_tenant=\"payments\","
                   "reason=\"exposed\"} 4");
}

TEST_CASE("who was refused by whom, what pods are, and what the kernel's programs took") {
    auto figures = busy();
    figures.conversations = {{{"blog", "payments", BH_VERDICT_AUDIT, BH_REASON_AUDIT}, 7}};
    figures.tenant_pairs_overflow = 2;
    figures.tenant_pods[{.tenant = "payments", .is_protected = true, .is_audited = true}] = 4;
    figures.program_runs = {{.program = "to_pod", .runs = 1000, .nanoseconds = 250'000}};
    const auto text = render(figures);
    has_line(text, "bulkhead_conversations_total{source_tenant=\"blog\",destination_tenant=\"payments\","
                   "reason=\"audit\",verdict=\"audit\"} 7");
    has_line(text, "bulkhead_tenant_pairs_overflow_total 2");
    has_line(text, R"(bulkhead_tenant_pods{tenant="payments",level="protected",mode="audit"} 4)");
    has_line(text, R"(bulkhead_program_runs_total{program="to_pod"} 1000)");
    has_line(text, R"(bulkhead_program_run_seconds_total{program="to_pod"} 0.00025)");
}

TEST_CASE("how the source is heard is told by kind") {
    auto figures = busy();
    figures.heard["Pod"] = {.events = 5, .lists = 2, .failures = 1};
    const auto text = render(figures);
    has_line(text, R"(bulkhead_source_events_total{kind="Pod"} 5)");
    has_line(text, R"(bulkhead_source_lists_total{kind="Pod"} 2)");
    has_line(text, R"(bulkhead_source_errors_total{kind="Pod"} 1)");
}

TEST_CASE("every metric has a help text and one name, and counters alone end in _total") {
    std::set<std::string> names;
    for (const auto& family : Metrics(busy()).Collect()) {
        CAPTURE(family.name);
        CHECK(prometheus::CheckMetricName(family.name));
        CHECK((family.name.starts_with("bulkhead_") || family.name.starts_with("process_")));
        CHECK_FALSE(family.help.empty());
        CHECK(family.name.ends_with("_total") == (family.type == prometheus::MetricType::Counter));
        CHECK(names.insert(family.name).second);
    }
}
