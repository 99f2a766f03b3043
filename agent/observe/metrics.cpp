// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.h"

#include "base/metrics.h"
#include "observe/traffic_metrics.h"

namespace bulkhead::observe {

namespace {

using metrics::counter;
using metrics::Families;
using metrics::gauge;
using metrics::histogram;
using metrics::Labels;
using prometheus::MetricFamily;

void add_datapath(const Figures& figures, Families& families) {
    const auto& statistics = figures.statistics;
    families.push_back(
        counter("bulkhead_flow_entries_written_total", "Conversations remembered.", statistics[BH_STAT_FLOWS_WRITTEN]));
    families.push_back(counter("bulkhead_flow_entries_evicted_total",
                               "Live conversations whose memory gave way to new ones.",
                               statistics[BH_STAT_FLOWS_EVICTED]));
    families.push_back(std::move(gauge("bulkhead_interfaces", "Pods' host-side interfaces on this node by state.")
                                     .add(figures.guarded - figures.held, {{"state", "guarded"}})
                                     .add(figures.held, {{"state", "held"}})
                                     .add(figures.unguarded, {{"state", "unguarded"}})
                                     .add(figures.shut, {{"state", "shut"}})));
    families.push_back(gauge("bulkhead_unwired_pods",
                             "Pods that run on this node without an interface that is known as theirs: another CNI's, "
                             "which nothing guards.",
                             figures.unwired));
    families.push_back(
        gauge("bulkhead_uplinks", "Interfaces that lead off the node and are watched.", figures.uplinks));
    families.push_back(counter("bulkhead_reattachments_total",
                               "Times that a program was put back, or back to the front, after somebody else's change.",
                               figures.reattachments));
    families.push_back(counter("bulkhead_program_replacements_total",
                               "Interfaces on which this agent's programs took the place of a former agent's.",
                               figures.replacements));
    families.push_back(histogram("bulkhead_veth_guard_delay_seconds",
                                 "Of a new veth: from the moment at which the agent heard of it until programs judge "
                                 "there, as the agent's loop learns it.",
                                 figures.guard_delays));
    families.push_back(histogram("bulkhead_reattach_seconds",
                                 "With clsact: from the news of somebody's filter until ours was first again. Packets "
                                 "that came meanwhile, or just before the news, were not judged.",
                                 figures.overtakings));
}

/// What the programs told, and what nobody hears of.
void add_flows(const Figures& figures, Families& families) {
    const auto& statistics = figures.statistics;
    families.push_back(
        std::move(counter("bulkhead_events_total", "Flow events: written, or conversations without one, by why.")
                      .add(statistics[BH_STAT_EVENTS], {{"result", "written"}})
                      .add(statistics[BH_STAT_EVENTS_LIMITED], {{"result", "limited"}})
                      .add(statistics[BH_STAT_EVENTS_LOST], {{"result", "lost"}})));
    families.push_back(counter("bulkhead_refused_packets_merged_total",
                               "Refused packets that flows tell of without the sender's port: there were too many.",
                               statistics[BH_STAT_REFUSED_MERGED]));
    families.push_back(counter("bulkhead_refused_packets_untold_total",
                               "Refused packets that no flow tells of, only bulkhead_packets_total.",
                               statistics[BH_STAT_REFUSED_UNTOLD]));
    families.push_back(gauge("bulkhead_flows_remembered", "Flows in the agent's history.", figures.flows.remembered));
    families.push_back(gauge("bulkhead_flow_readers", "Requests that read flows just now.", figures.flows.readers));
    families.push_back(counter("bulkhead_flow_readers_cut_off_total", "Readers that followed flows, and were too slow.",
                               figures.flows.cut_off));
}

void add_state(const Figures& figures, Families& families) {
    families.push_back(gauge("bulkhead_endpoints", "Addresses known by name.", figures.endpoints));
    families.push_back(
        gauge("bulkhead_identities", "Classes of endpoints that no rule tells apart.", figures.identities));
    families.push_back(gauge("bulkhead_tenants", "Tenants known.", figures.tenants));
    families.push_back(gauge("bulkhead_prefixes", "CIDRs known.", figures.prefixes));
    families.push_back(gauge("bulkhead_openings", "Rows of exposes, trust, grants and allowTo.", figures.openings));
    families.push_back(gauge("bulkhead_audit_resources",
                             "Classes of AWS resources that are Protected and in audit mode.",
                             figures.audit_resources));
    auto pods = gauge("bulkhead_tenant_pods", "This node's pods, by what they are.");
    for (const auto& [what, count] : figures.tenant_pods)
        pods.add(count, {{"tenant", what.tenant},
                         {"level", what.is_protected ? "protected" : "non-protected"},
                         {"mode", what.is_audited ? "audit" : "enforce"}});
    families.push_back(std::move(pods));
}

void add_maps(const Figures& figures, Families& families) {
    auto entries = gauge("bulkhead_map_entries",
                         "Rows that a kernel map should hold; beyond bulkhead_map_max_entries, some are not in it.");
    auto limits = gauge("bulkhead_map_max_entries", "Rows that a kernel map can hold.");
    auto refused =
        counter("bulkhead_map_write_errors_total",
                "Rows that were still refused at the end of a write, again with every write; \"full\" is one reason.");
    for (const auto& map : figures.maps) {
        entries.add(map.entries, {{"map", map.name}});
        limits.add(map.limit, {{"map", map.name}});
        refused.add(map.refused, {{"map", map.name}});
    }
    families.push_back(std::move(entries));
    families.push_back(std::move(limits));
    families.push_back(std::move(refused));
}

void add_heard(const Figures& figures, Families& families) {
    auto events = counter("bulkhead_source_events_total",
                          "Objects that the API server told of one by one, or files that were read.");
    auto lists = counter("bulkhead_source_lists_total",
                         "Complete lists of one kind of objects, or complete reads of the directory.");
    auto errors =
        counter("bulkhead_source_errors_total", "Requests that failed, or files that could not be understood.");
    for (const auto& [kind, heard] : figures.heard) {
        events.add(heard.events, {{"kind", kind}});
        lists.add(heard.lists, {{"kind", kind}});
        errors.add(heard.failures, {{"kind", kind}});
    }
    for (auto* family : {&events, &lists, &errors})
        families.push_back(std::move(*family));
}

void add_sources(const Figures& figures, Families& families) {
    families.push_back(gauge("bulkhead_source_age_seconds",
                             "Since when what the source says may be out of date: 0 while it is heard; what it said "
                             "last stays in force.",
                             figures.source_age));
    add_heard(figures, families);
    auto slices = counter("bulkhead_slice_writes_total",
                          "IdentitySlices of this node that the API server took, or removed, at our request.");
    slices.add(figures.slice_writes, {{"verb", "apply"}});
    slices.add(figures.slice_removals, {{"verb", "delete"}});
    families.push_back(std::move(slices));
    families.push_back(gauge("bulkhead_published",
                             "1 = other nodes can know this node's pods: the API server has its IdentitySlices.",
                             figures.published));
}

/// A series for each: they are few, and end.
void add_overrides(const Figures& figures, Families& families) {
    uint64_t here = 0;
    auto ends = gauge("bulkhead_override_until_timestamp_seconds",
                      "When an override ends that is in force on this node; tenant \"*\" = everybody.");
    for (const auto& override : figures.overrides) {
        here += override.only_here ? 1 : 0;
        ends.add(static_cast<uint64_t>(override.until.time_since_epoch().count()),
                 {{"scope", override.only_here ? "node" : "cluster"},
                  {"tenant", override.tenant.empty() ? "*" : override.tenant}});
    }
    families.push_back(std::move(gauge("bulkhead_overrides",
                                       "Overrides in force: what would be dropped for a tenant's sake, or anybody's, "
                                       "passes and is reported.")
                                     .add(here, {{"scope", "node"}})
                                     .add(figures.overrides.size() - here, {{"scope", "cluster"}})));
    families.push_back(std::move(ends));
}

void add_settings(const Figures& figures, Families& families) {
    families.push_back(std::move(gauge("bulkhead_settings_info",
                                       "1. `hash` is of all settings by which a policy is read: two agents with "
                                       "different ones may judge differently.")
                                     .add(1, {{"default_mode", figures.settings.default_mode},
                                              {"hash", figures.settings.hash},
                                              {"slice_scope", figures.settings.slice_scope}})));
    families.push_back(
        std::move(gauge("bulkhead_build_info", "1, with the agent's version.").add(1, {{"version", figures.version}})));
}

/// Their names are those of all Prometheus' clients.
void add_process(const Figures& figures, Families& families) {
    if (!figures.process) return;
    const auto& process = *figures.process;
    using metrics::counter_of_seconds;
    using metrics::gauge_of_seconds;
    families.push_back(counter_of_seconds("process_cpu_seconds_total", "User and system time.", process.cpu_seconds));
    families.push_back(gauge_of_seconds("process_start_time_seconds", "Since the epoch.", process.start_seconds));
    families.push_back(gauge("process_resident_memory_bytes", "Without the kernel's maps.", process.resident_bytes));
    families.push_back(gauge("process_virtual_memory_bytes", "Address space.", process.virtual_bytes));
    families.push_back(gauge("process_open_fds", "Open file descriptors.", process.open_fds));
    families.push_back(gauge("process_max_fds", "How many there may be.", process.max_fds));
}

void add_agent(const Figures& figures, Families& families) {
    families.push_back(
        gauge("bulkhead_armed", "1 = something is protected in enforce mode; 0 = nothing is dropped.", figures.armed));
    families.push_back(gauge("bulkhead_synced", "1 = every source has told its first list.", figures.synced));
    families.push_back(gauge("bulkhead_in_sync",
                             "1 = that list is in the kernel, and the last write left no row out; 0 = see "
                             "bulkhead_map_write_errors_total.",
                             figures.in_sync));
    families.push_back(
        gauge("bulkhead_ready",
              "1 = in sync, every local veth guarded, and the API server has once taken this node's IdentitySlices.",
              figures.ready));
    families.push_back(
        gauge("bulkhead_problems", "Problems in the sources that somebody should mend.", figures.problems));
    auto errors =
        counter("bulkhead_sync_errors_total", "Failures to keep the kernel in step, by kind; each is tried again.");
    for (const auto& [kind, count] : figures.errors)
        errors.add(count, {{"kind", kind}});
    families.push_back(std::move(errors));
    families.push_back(
        counter("bulkhead_writes_total", "Times that changes were written to the kernel.", figures.writes));
    families.push_back(histogram("bulkhead_policy_implementation_delay_seconds",
                                 "Of a change that alters rows: from the moment at which the agent heard of it until "
                                 "it is in the kernel.",
                                 figures.policy_delays));
    families.push_back(counter("bulkhead_netlink_overruns_total",
                               "Times that the kernel dropped news for the agent, which then read everything anew.",
                               figures.netlink_overruns));
}

} // namespace

std::vector<MetricFamily> Metrics::Collect() const {
    Families families;
    add_traffic(figures_, families);
    add_datapath(figures_, families);
    add_flows(figures_, families);
    add_state(figures_, families);
    add_maps(figures_, families);
    add_sources(figures_, families);
    add_overrides(figures_, families);
    add_agent(figures_, families);
    add_settings(figures_, families);
    add_process(figures_, families);
    // A family without series is no metric yet.
    std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
    return families;
}

std::string render(const Figures& figures) {
    return metrics::text_of(Metrics(figures).Collect());
}

} // namespace bulkhead::observe
