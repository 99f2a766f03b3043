// SPDX-License-Identifier: Apache-2.0
//
// What the writer does where a map has no room for everything: what then is left out must open nothing.
#include <algorithm>

#include "datapath/writer.h"

namespace bulkhead::datapath {

namespace {

constexpr uint32_t kStrict = BH_PROTECTED | BH_CONFINED;

/// Restricts as the identity does, and lets nobody in; 0 = it drops nothing.
uint32_t stand_in(const bh_identity& identity) {
    if ((identity.flags & BH_AUDIT) != 0) return 0;
    switch (identity.flags & kStrict) {
    case BH_PROTECTED:
        return BH_IDENTITY_NO_ROOM_PROTECTED;
    case BH_CONFINED:
        return BH_IDENTITY_NO_ROOM_CONFINED;
    case kStrict:
        return BH_IDENTITY_NO_ROOM_BOTH;
    default:
        return 0;
    }
}

/// How many rows more than there is room for are new and have to be there.
template <typename Key, typename Value, typename Difference>
size_t rows_in_need(const Table<Key, Value>& table, const Difference& rows, const auto& is_needed) {
    size_t needed = 0;
    for (const auto* part : {&rows.tighten, &rows.loosen})
        needed += static_cast<size_t>(std::ranges::count_if(
            *part, [&](const auto& row) { return table.find(row.first) == nullptr && is_needed(row.second); }));
    return needed - std::min(needed, table.room());
}

} // namespace

/// The identity that a row names: itself, if the map has room for it.
uint32_t Writer::row_identity(const Job& job, uint32_t id) const {
    if (id < tables_.identities.limit()) return id;
    const auto wanted = job.desired.identities.find(id);
    const uint32_t instead = wanted == job.desired.identities.end() ? 0 : stand_in(wanted->second);
    return instead != 0 ? instead : id; // a row that isn't there reads as nobody's and open, as this one is
}

/// Identities that an address without an endpoint row may be taken for.
std::unordered_set<uint32_t> Writer::outside(const compile::Desired& desired) {
    std::unordered_set<uint32_t> identities{BH_IDENTITY_WORLD};
    for (const auto& [cidr, identity] : desired.prefixes)
        identities.insert(identity);
    return identities;
}

bool Writer::is_strict_now(uint32_t identity) const {
    const bh_identity* row = tables_.identities.find(identity);
    return row != nullptr && (row->flags & kStrict) != 0;
}

void Writer::make_room(const Job& job, Plan& plan, WriteReport& report) {
    make_room_for_endpoints(job, tables_.endpoints4, plan.endpoints4, report);
    make_room_for_endpoints(job, tables_.endpoints6, plan.endpoints6, report);
    make_room_for_prefixes(job, tables_.prefixes4, plan.prefixes4, report);
    make_room_for_prefixes(job, tables_.prefixes6, plan.prefixes6, report);
}

/// Without their rows a resource would be open, and this node's own a stranger to its pods.
void Writer::make_room_for_endpoints(const Job& job, auto& table, auto& rows, WriteReport& report) {
    const auto is_needed = [&](const bh_endpoint& row) {
        return row.slot != 0 || (row.flags & BH_ENDPOINT_THIS_NODE) != 0 || job.is_strict(row.identity);
    };
    const size_t missing = rows_in_need(table, rows, is_needed);
    if (missing == 0) return;
    std::ranges::stable_partition(rows.loosen, [&](const auto& row) { return is_needed(row.second); });
    std::vector<std::decay_t<decltype(table.rows().begin()->first)>> spare;
    for (const auto& [key, row] : table.rows()) {
        if (spare.size() == missing) break;
        if ((!settled_ && table.is_restored(key)) || is_strict_now(row.identity)) continue;
        const auto wanted = job.desired.endpoints.find(address_of(key));
        if (wanted == job.desired.endpoints.end() || !is_needed(wanted->second.row)) spare.push_back(key);
    }
    for (const auto& key : spare) {
        if (!job.desired.endpoints.contains(address_of(key))) {
            table.erase(key, report);
            continue;
        }
        table.give_up(key, report);
        retry_endpoints_.insert(address_of(key));
    }
}

/// What is Protected must not show as what surrounds it. The outermost others go first, since what is inside
/// would otherwise show as them.
void Writer::make_room_for_prefixes(const Job& job, auto& table, auto& rows, WriteReport& report) {
    const auto is_needed = [&](uint32_t identity) { return job.is_strict(identity); };
    const size_t missing = rows_in_need(table, rows, is_needed);
    if (missing == 0) return;
    const auto wanted = [&](const auto& key) {
        const auto found = job.desired.prefixes.find(cidr_of(key));
        return found == job.desired.prefixes.end() ? uint32_t{BH_IDENTITY_WORLD} : found->second;
    };
    std::vector<std::decay_t<decltype(table.rows().begin()->first)>> spare;
    for (const auto& [key, identity] : table.rows())
        if ((settled_ || !table.is_restored(key)) && !is_strict_now(identity) && !is_needed(wanted(key)))
            spare.push_back(key);
    std::ranges::sort(spare, {}, [](const auto& key) { return key.length; });
    spare.resize(std::min(spare.size(), missing));
    for (const auto& key : spare)
        if (job.desired.prefixes.contains(cidr_of(key)))
            table.give_up(key, report);
        else
            table.erase(key, report);
}

} // namespace bulkhead::datapath
