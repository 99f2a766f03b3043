// SPDX-License-Identifier: Apache-2.0
#include "advise/broad.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "flow/names.h"

namespace bulkhead::advise {

namespace {

using flow::Kind;
using flow::Party;

/// One end, and a port of the destination.
using Side = std::tuple<Party, uint8_t, uint16_t>;

struct Broad {
    Entry::Where (*where)(const Refusal&);
    bool (*reaches)(const Refusal&); // else the entry would be there, and this refused all the same
    const Party& (*whose)(const Refusal&);
    const std::string& (*other_tenant)(const Refusal&);
    const std::string& (*own_tenant)(const Refusal&);
    const state::Labels& (*labels)(const Refusal&);
};

const Broad kTrusting{
    .where = [](const Refusal&) { return Entry::Where::kTrusted; },
    .reaches = [](const Refusal& one) { return !one.doors.sealed; },
    .whose = [](const Refusal& one) -> const Party& { return one.edge.source; },
    .other_tenant = [](const Refusal& one) -> const std::string& { return one.seen.destination_tenant; },
    .own_tenant = [](const Refusal& one) -> const std::string& { return one.seen.source_tenant; },
    .labels = [](const Refusal& one) -> const state::Labels& { return one.source_labels; }};

const Broad kExposing{
    .where =
        [](const Refusal& one) { return one.doors.pod_expose ? Entry::Where::kExpose : Entry::Where::kTenantExpose; },
    .reaches = [](const Refusal& one) { return flow::has_ports(one.edge.protocol); }, // an annotation names ports
    .whose = [](const Refusal& one) -> const Party& { return one.edge.destination; },
    .other_tenant = [](const Refusal& one) -> const std::string& { return one.seen.source_tenant; },
    .own_tenant = [](const Refusal& one) -> const std::string& { return one.seen.destination_tenant; },
    .labels = [](const Refusal& one) -> const state::Labels& { return one.destination_labels; }};

/// Of confinement neither can say anything. Who isn't named can't be selected.
bool may_be_broad(const Refusal& refusal, const Broad& broad) {
    if (!broad.reaches(refusal)) return false;
    const bool confined = refusal.seen.reason == BH_REASON_CONFINED || refusal.seen.reason == BH_REASON_CONFINED_AUDIT;
    return !confined && refusal.edge.source.kind == Kind::kPod && refusal.edge.destination.kind == Kind::kPod;
}

Side side_of(const Refusal& refusal, const Broad& broad) {
    return {broad.whose(refusal), refusal.edge.protocol, refusal.edge.port};
}

void take(std::vector<Refusal>& refusals, const Broad& broad, std::vector<Entry>& entries) {
    std::map<Side, std::set<std::string>> tenants;
    for (const auto& refusal : refusals)
        if (may_be_broad(refusal, broad) && !broad.other_tenant(refusal).empty() &&
            !broad.whose(refusal).workload.empty())
            tenants[side_of(refusal, broad)].insert(broad.other_tenant(refusal));
    std::erase_if(tenants, [](const auto& side) { return side.second.size() < kManyTenants; });
    std::map<Party, Entry> broad_ones;
    std::erase_if(refusals, [&](const Refusal& refusal) {
        const auto found = tenants.find(side_of(refusal, broad));
        if (found == tenants.end() || !may_be_broad(refusal, broad)) return false;
        const auto& whose = broad.whose(refusal);
        auto& entry = broad_ones[whose];
        entry.where = broad.where(refusal);
        entry.ns = whose.ns;
        entry.object = broad.own_tenant(refusal);
        entry.peer = whose;
        entry.pods = selecting(broad.labels(refusal));
        std::set<std::string> all(entry.instead_of.begin(), entry.instead_of.end());
        all.insert(found->second.begin(), found->second.end());
        entry.instead_of.assign(all.begin(), all.end());
        add_port(entry, refusal);
        return true;
    });
    for (auto& [party, entry] : broad_ones)
        entries.push_back(std::move(entry));
}

} // namespace

std::vector<Entry> take_broad(std::vector<Refusal>& refusals) {
    std::vector<Entry> entries;
    take(refusals, kTrusting, entries); // first: it lets in one, not everybody
    take(refusals, kExposing, entries);
    return entries;
}

} // namespace bulkhead::advise
