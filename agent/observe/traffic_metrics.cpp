// SPDX-License-Identifier: Apache-2.0
#include "observe/traffic_metrics.h"

#include "base/reasons.h"

namespace bulkhead::observe {

namespace {

using metrics::counter;
using metrics::Families;
using metrics::FamilyBuilder;
using metrics::gauge;
using metrics::Labels;

constexpr double kNanosecond = 1e-9;

/// Only what was seen: most reasons never occur, and a series for each would say nothing.
void add_packets(const Figures& figures, Families& families) {
    auto packets =
        counter("bulkhead_packets_total", "Packets judged at this node's pods; each segment of a GSO packet counts.");
    auto bytes = counter("bulkhead_bytes_total", "Bytes of these packets, from the Ethernet header on.");
    for (const auto direction : {BH_EGRESS, BH_INGRESS}) {
        for (int index = 0; index < BH_REASON_COUNT; ++index) {
            const auto reason = static_cast<bh_reason>(index);
            const auto& value = figures.counters[direction][static_cast<size_t>(index)];
            if (value.packets == 0) continue;
            const Labels labels{{"direction", label_of(direction)},
                                {"verdict", label_of(bh_verdict_of(reason))},
                                {"reason", label_of(reason)}};
            packets.add(value.packets, labels);
            bytes.add(value.bytes, labels);
        }
    }
    families.push_back(std::move(packets));
    families.push_back(std::move(bytes));
}

/// Calls `add(counter, labels)` for each that has counted; `labels` and two more.
template <typename Add>
void each_counted(const ByVerdict& counters, const Labels& labels, Add add) {
    for (const auto direction : {BH_EGRESS, BH_INGRESS})
        for (const auto verdict : {BH_VERDICT_ALLOW, BH_VERDICT_AUDIT, BH_VERDICT_DENY}) {
            const auto& value = counters[direction][verdict];
            if (value.packets == 0) continue;
            Labels all = labels;
            all.push_back({"direction", label_of(direction)});
            all.push_back({"verdict", label_of(verdict)});
            add(value, all);
        }
}

void add_tenants(const Figures& figures, Families& families) {
    auto packets = counter("bulkhead_tenant_packets_total",
                           "Packets judged at the tenant's pods on this node; until a minute after the last of them.");
    auto bytes = counter("bulkhead_tenant_bytes_total", "Bytes of these packets, from the Ethernet header on.");
    for (const auto& [tenant, counters] : figures.tenant_traffic)
        each_counted(counters, {{"tenant", tenant}}, [&](const bh_counter& value, const Labels& labels) {
            packets.add(value.packets, labels);
            bytes.add(value.bytes, labels);
        });
    families.push_back(std::move(packets));
    families.push_back(std::move(bytes));
}

void add_pods(const Figures& figures, Families& families) {
    auto packets =
        counter("bulkhead_pod_packets_total", "Packets judged at this pod; until a minute after it is gone.");
    auto bytes = counter("bulkhead_pod_bytes_total", "Bytes of these packets, from the Ethernet header on.");
    for (const auto& pod : figures.pod_traffic) {
        const Labels names{{"pod_namespace", pod.ns}, {"pod_name", pod.name}, {"tenant", pod.tenant}};
        each_counted(pod.counters, names, [&](const bh_counter& value, const Labels& labels) {
            packets.add(value.packets, labels);
            bytes.add(value.bytes, labels);
        });
    }
    families.push_back(std::move(packets));
    families.push_back(std::move(bytes));
}

/// A label without a value is none: most destinations are pods.
Labels labels_of(const TenantPair& pair) {
    Labels labels{{"source_tenant", pair.source}, {"destination_tenant", pair.destination}};
    if (!pair.resource.empty()) labels.push_back({"destination_resource", pair.resource});
    labels.push_back({"reason", label_of(pair.reason)});
    return labels;
}

void add_conversations(const Figures& figures, Families& families) {
    auto conversations = counter("bulkhead_conversations_total",
                                 "Conversations that were denied, or would have been but for audit mode.");
    for (const auto& [pair, count] : figures.conversations) {
        auto labels = labels_of(pair);
        labels.push_back({"verdict", label_of(pair.verdict)});
        conversations.add(count, labels);
    }
    families.push_back(std::move(conversations));
    auto admissions = counter("bulkhead_admitted_conversations_total",
                              "Conversations that were let into what is not everybody's, by an expose, trust or a "
                              "grant, or into AWS resources.");
    for (const auto& [pair, count] : figures.admissions)
        admissions.add(count, labels_of(pair));
    families.push_back(std::move(admissions));
    families.push_back(
        gauge("bulkhead_tenant_pairs", "Series of bulkhead_conversations_total that are kept.", figures.tenant_pairs));
    families.push_back(counter("bulkhead_tenant_pairs_overflow_total",
                               "Conversations that count under (other), because no room was left.",
                               figures.tenant_pairs_overflow));
}

void add_program_runs(const Figures& figures, Families& families) {
    auto runs = counter("bulkhead_program_runs_total", "How often a program ran while the kernel counted it.");
    auto seconds = counter("bulkhead_program_run_seconds_total", "For how long it did.");
    for (const auto& each : figures.program_runs) {
        runs.add(each.runs, {{"program", each.program}});
        seconds.add_real(static_cast<double>(each.nanoseconds) * kNanosecond, {{"program", each.program}});
    }
    families.push_back(std::move(runs));
    families.push_back(std::move(seconds));
}

} // namespace

void add_traffic(const Figures& figures, Families& families) {
    add_packets(figures, families);
    add_tenants(figures, families);
    add_pods(figures, families);
    add_conversations(figures, families);
    add_program_runs(figures, families);
}

} // namespace bulkhead::observe
