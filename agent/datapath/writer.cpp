// SPDX-License-Identifier: Apache-2.0
#include "datapath/writer.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "datapath/bitmaps.h"

namespace bulkhead::datapath {

namespace {

bh_tenant_name name_row(const std::string& name) {
    bh_tenant_name row{};
    std::memcpy(row.text, name.data(), std::min(name.size(), sizeof(row.text) - 1));
    return row;
}

constexpr auto kTightening = [](const auto& difference) -> const auto& {
    return difference.tighten;
};
constexpr auto kLoosening = [](const auto& difference) -> const auto& {
    return difference.loosen;
};

} // namespace

Writer::Writer(const Maps& maps, const JiffiesClock& clock, Tables tables)
    : maps_(&maps), clock_(&clock), tables_(std::move(tables)), flows_(std::make_unique<FlowSlots>(maps.flows)) {}

Result<Writer> Writer::create(const Maps& maps, const JiffiesClock& clock) {
    auto tables = Tables::restore(maps);
    if (!tables) return within("restore", tables.error());
    return Writer(maps, clock, std::move(*tables));
}

Result<WriteReport> Writer::write(const compile::Desired& desired, const compile::Touched& touched, bool complete) {
    const auto now = clock_->now();
    if (!now) return tl::unexpected(now.error());
    // With the first complete state, what was restored is compared as a whole.
    const bool settling = complete && !settled_;
    settled_ = settled_ || complete;
    const bool everything = touched.everything || settling;
    Job job{.desired = desired,
            .touched = touched,
            .complete = complete,
            .all_rules = everything || retry_rules_,
            .all_endpoints = everything,
            .now = *now,
            .retry = {},
            .outside = {}};
    WriteReport report = pass(job);
    for (int more = 2; more > 0 && is_worth_another(report); more--) {
        job.all_rules = true;
        const WriteReport before = std::exchange(report, pass(job));
        report.puts += before.puts;
        report.removals += before.removals;
    }
    retry_rules_ = report.failed > retry_endpoints_.size() || must_turn_outside(report);
    if (settling) tables_.settle();
    return report;
}

/// Outside is shut though every address has its row by now, or not shut though one has lost it.
bool Writer::must_turn_outside(const WriteReport& report) const {
    return report.outside_is_shut == retry_endpoints_.empty();
}

/// There may be room now, or some of what has room must not be in force (or may again) for what has none.
bool Writer::is_worth_another(const WriteReport& report) const {
    return must_turn_outside(report) || (!report.in_sync() && report.removals > 0);
}

WriteReport Writer::pass(Job& job) {
    WriteReport report;
    report.outside_is_shut = !retry_endpoints_.empty();
    job.outside = report.outside_is_shut ? outside(job.desired) : std::unordered_set<uint32_t>{};
    job.retry = std::exchange(retry_endpoints_, {});
    if (job.complete && !job.desired.armed) set_armed(BH_ARMED, false, report);
    Plan todo = plan(job, report);
    prepare(job, todo, report);
    if (job.all_rules) end_overrides(job, report);
    tighten(job, todo, report);
    loosen(todo, report);
    if (job.all_rules) begin_overrides(job, report);
    // What could not be changed may still point to what would be cleared.
    if (report.stale == 0) clear(job, todo, report);
    if (job.complete && job.desired.armed) set_armed(BH_ARMED, true, report);
    return report;
}

void Writer::prepare(const Job& job, Plan& plan, WriteReport& report) {
    write_names(job, report);
    set_bits(plan, report);
    for (auto* pods : {&plan.pods.tighten, &plan.pods.loosen})
        for (auto& [slot, pod] : *pods)
            if (pod.flow_sets == 0) give_flow_table(slot, pod, report);
    for (const auto& change : plan.openings)
        if (change.early) write_rows(tables_.openings, change.key, change.wanted, report);
    for (const auto& [id, identity] : plan.new_identities)
        tables_.identities.put(id, identity, report);
}

void Writer::tighten(const Job& job, Plan& plan, WriteReport& report) {
    for (const auto& change : plan.openings) {
        if (change.early || change.late) continue;
        // Nobody is let in by a list that can't be shortened.
        if (!write_rows(tables_.openings, change.key, change.kept, report))
            write_rows(tables_.openings, change.key, {}, report);
    }
    for (const auto& [id, identity] : plan.identities.tighten)
        tables_.identities.put(id, identity, report);
    make_room(job, plan, report);
    put_rows(kTightening, plan, report);
}

void Writer::loosen(const Plan& plan, WriteReport& report) {
    put_rows(kLoosening, plan, report);
    for (const auto ifindex : plan.interfaces.gone)
        tables_.interfaces.erase(ifindex, report);
    for (const auto& key : plan.endpoints4.gone)
        if (!tables_.endpoints4.erase(key, report)) retry_endpoints_.insert(address_of(key));
    for (const auto& key : plan.endpoints6.gone)
        if (!tables_.endpoints6.erase(key, report)) retry_endpoints_.insert(address_of(key));
    for (const auto& key : plan.prefixes4.gone)
        tables_.prefixes4.erase(key, report);
    for (const auto& key : plan.prefixes6.gone)
        tables_.prefixes6.erase(key, report);
    for (const auto& [id, identity] : plan.identities.loosen)
        tables_.identities.put(id, identity, report);
    for (const auto& change : plan.openings)
        if (!change.early && !change.late) write_rows(tables_.openings, change.key, change.wanted, report);
}

/// A pod's row before its interfaces, and both before the addresses that name its slot.
void Writer::put_rows(const auto& select, const Plan& plan, WriteReport& report) {
    const auto ignore = [](const auto&) {}; // retry_rules_ says it
    const auto retry = [this](const auto& key) { retry_endpoints_.insert(address_of(key)); };
    tables_.pods.put_all(select(plan.pods), report, ignore);
    tables_.interfaces.put_all(select(plan.interfaces), report, ignore);
    tables_.endpoints4.put_all(select(plan.endpoints4), report, retry);
    tables_.endpoints6.put_all(select(plan.endpoints6), report, retry);
    tables_.prefixes4.put_all(select(plan.prefixes4), report, ignore);
    tables_.prefixes6.put_all(select(plan.prefixes6), report, ignore);
}

void Writer::clear(const Job& job, const Plan& plan, WriteReport& report) {
    for (const auto& change : plan.openings)
        if (change.late) write_rows(tables_.openings, change.key, change.wanted, report);
    for (const auto id : plan.identities.gone)
        tables_.identities.erase(id, report);
    for (const auto slot : plan.pods.gone)
        if (tables_.pods.erase(slot, report)) flows_->remove(slot);
    if (settled_ && (job.all_rules || !plan.identities.gone.empty())) clear_names(job.desired, report);
    clear_bits(plan, report);
}

void Writer::clear_names(const compile::Desired& desired, WriteReport& report) {
    std::vector<uint32_t> unused;
    for (const auto& [id, name] : tables_.tenants.rows())
        if (!desired.tenants.contains(id)) unused.push_back(id);
    for (const auto id : unused)
        tables_.tenants.erase(id, report);
}

void Writer::write_names(const Job& job, WriteReport& report) {
    if (job.all_rules) {
        for (const auto& [id, name] : job.desired.tenants)
            write_name(job.desired, id, report);
        return;
    }
    for (const auto id : job.touched.identities)
        if (const auto found = job.desired.identities.find(id); found != job.desired.identities.end())
            write_name(job.desired, found->second.tenant, report);
}

void Writer::write_name(const compile::Desired& desired, uint32_t tenant, WriteReport& report) {
    const auto found = desired.tenants.find(tenant);
    if (found == desired.tenants.end() || (!settled_ && tables_.tenants.is_restored(tenant))) return;
    tables_.tenants.put(tenant, name_row(found->second), report);
}

/// A pod that is new in its slot starts without memory and without counts.
void Writer::give_flow_table(uint32_t slot, bh_pod& pod, WriteReport& report) {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = BPF_F_INNER_MAP;
    Fd table(bpf_map_create(BPF_MAP_TYPE_ARRAY, "flow_table", sizeof(uint32_t), sizeof(bh_flow_set), maps_->flow_sets,
                            &options));
    const int error = table.valid() ? flows_->put(slot, std::move(table)) : errno;
    if (error != 0) return report.add({.map = maps_->flows.name(), .key = std::to_string(slot), .code = error});
    pod.flow_sets = maps_->flow_sets;
    const uint32_t first = slot * 2 * BH_REASON_COUNT;
    for (uint32_t index = first; index < first + 2 * BH_REASON_COUNT; index++)
        if (auto cleared = maps_->counters.clear(index); !cleared)
            return report.add(
                {.map = maps_->counters.name(), .key = std::to_string(index), .code = cleared.error().code});
}

void Writer::set_bits(const Plan& plan, WriteReport& report) {
    bh_control next = tables_.control;
    for (const auto* rows : {&plan.interfaces.tighten, &plan.interfaces.loosen})
        for (const auto& [ifindex, row] : *rows)
            set_interface(Bits(next.guarded), ifindex);
    for (const auto* rows : {&plan.prefixes4.tighten, &plan.prefixes4.loosen})
        for (const auto& [prefix, identity] : *rows)
            set_prefix(Bits(next.prefix4), prefix);
    for (const auto* rows : {&plan.prefixes6.tighten, &plan.prefixes6.loosen})
        for (const auto& [prefix, identity] : *rows)
            set_prefix(Bits(next.prefix6), prefix);
    write_control(next, report);
}

/// Several rows share a bit, so what is still right is found out from the rows that are left.
void Writer::clear_bits(const Plan& plan, WriteReport& report) {
    bh_control next = tables_.control;
    if (!plan.interfaces.gone.empty()) {
        std::ranges::fill(next.guarded, 0);
        for (const auto& [ifindex, row] : tables_.interfaces.rows())
            set_interface(Bits(next.guarded), ifindex);
    }
    if (!plan.prefixes4.gone.empty()) {
        std::ranges::fill(next.prefix4, 0);
        for (const auto& [prefix, identity] : tables_.prefixes4.rows())
            set_prefix(Bits(next.prefix4), prefix);
    }
    if (!plan.prefixes6.gone.empty()) {
        std::ranges::fill(next.prefix6, 0);
        for (const auto& [prefix, identity] : tables_.prefixes6.rows())
            set_prefix(Bits(next.prefix6), prefix);
    }
    write_control(next, report);
}

void Writer::set_armed(bh_armed flag, bool on, WriteReport& report) {
    bh_control next = tables_.control;
    next.armed = on ? next.armed | flag : next.armed & ~uint32_t{flag};
    write_control(next, report);
}

void Writer::write_control(const bh_control& control, WriteReport& report) {
    if (same_bytes(control, tables_.control)) return;
    if (int error = maps_->control.put(0, control))
        return report.add_stale({.map = maps_->control.name(), .key = "0", .code = error});
    tables_.control = control;
}

compile::KnownIds Writer::restore_ids() const {
    compile::KnownIds known;
    for (const auto& [id, name] : tables_.tenants.rows())
        known.tenants.emplace(std::string(name.text, strnlen(name.text, sizeof(name.text))), id);
    for (const auto& [id, identity] : tables_.identities.rows())
        if (identity.key_hash != 0) known.identities.emplace(identity.key_hash, id);
    return known;
}

std::map<uint32_t, SlotOwner> Writer::restore_slots() const {
    std::map<uint32_t, SlotOwner> slots;
    for (const auto& [ifindex, row] : tables_.interfaces.rows())
        if (const bh_pod* pod = tables_.pods.find(row.slot))
            slots[ifindex] = {.slot = static_cast<uint16_t>(row.slot), .generation = pod->generation};
    return slots;
}

} // namespace bulkhead::datapath
