// SPDX-License-Identifier: Apache-2.0
//
// What the writer does where a map has no room for everything: what then is left out must open nothing.
#include <algorithm>
#include <array>

#include "datapath/writer.h"

namespace bulkhead::datapath {

namespace {

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

/// Who stays when not all can. A resource without a row would be open, and this node's own would be strangers to their
/// node; pods elsewhere are guarded there, and here they only lose what their tenant may.
enum Rank : size_t { kOwnOrResource, kProtectedPod, kOther, kRanks };

template <typename Key, typename Value>
size_t count_new(const Table<Key, Value>& table, const auto& rows, const auto& counts) {
    size_t number = 0;
    for (const auto* part : {&rows.tighten, &rows.loosen})
        number += static_cast<size_t>(std::ranges::count_if(
            *part, [&](const auto& row) { return table.find(row.first) == nullptr && counts(row.second); }));
    return number;
}

size_t beyond(size_t number, size_t room) {
    return number - std::min(number, room);
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

void Writer::make_room(const Job& job, Plan& plan, WriteReport& report) {
    make_room_for_endpoints(job, tables_.endpoints4, plan.endpoints4, report);
    make_room_for_endpoints(job, tables_.endpoints6, plan.endpoints6, report);
    make_room_for_prefixes(job, tables_.prefixes4, plan.prefixes4, report);
    make_room_for_prefixes(job, tables_.prefixes6, plan.prefixes6, report);
}

size_t Writer::rank_of(const Job& job, const bh_endpoint& row) {
    if (row.slot != 0 || (row.flags & BH_ENDPOINT_THIS_NODE) != 0) return kOwnOrResource;
    const auto identity = job.desired.identities.find(row.identity);
    const uint32_t flags = identity == job.desired.identities.end() ? 0 : identity->second.flags;
    if ((flags & kStrict) == 0 || (flags & BH_UNNAMED) != 0) return kOther;
    return (flags & BH_POD) != 0 ? kProtectedPod : kOwnOrResource;
}

/// Is a row with this identity what keeps something closed at the moment?
bool Writer::closes_something(uint32_t identity) const {
    const bh_identity* row = tables_.identities.find(identity);
    return row != nullptr && (row->flags & kStrict) != 0 && (row->flags & BH_POD) == 0;
}

template <typename Key, typename Value>
void Writer::evict(Table<Key, Value>& table, const Key& key, bool is_wanted, WriteReport& report) {
    if (!is_wanted) {
        table.erase(key, report);
        return;
    }
    table.give_up(key, report);
    if constexpr (std::is_same_v<Value, bh_endpoint>) retry_endpoints_.insert(address_of(key));
}

void Writer::make_room_for_endpoints(const Job& job, auto& table, auto& rows, WriteReport& report) {
    if (count_new(table, rows, [](const auto&) { return true; }) <= table.room()) return;
    const auto rank = [&](const auto& row) { return rank_of(job, row.second); };
    std::ranges::stable_sort(rows.tighten, {}, rank);
    std::ranges::stable_sort(rows.loosen, {}, rank);
    const auto missing = [&](size_t worst) {
        return beyond(count_new(table, rows, [&](const auto& row) { return rank_of(job, row) <= worst; }),
                      table.room());
    };
    const size_t own = missing(kOwnOrResource);
    const size_t all = missing(kProtectedPod);
    if (all == 0) return;
    using Key = std::decay_t<decltype(table.rows().begin()->first)>;
    std::array<std::vector<Key>, kRanks> spare;
    for (const auto& [key, row] : table.rows()) {
        if ((!settled_ && table.is_restored(key)) || closes_something(row.identity)) continue;
        const auto wanted = job.desired.endpoints.find(address_of(key));
        spare[wanted == job.desired.endpoints.end() ? kOther : rank_of(job, wanted->second.row)].push_back(key);
    }
    auto& leaving = spare[kOther];
    leaving.resize(std::min(leaving.size(), all));
    auto& pods = spare[kProtectedPod];
    pods.resize(std::min(pods.size(), beyond(own, leaving.size())));
    leaving.insert(leaving.end(), pods.begin(), pods.end());
    for (const Key& key : leaving)
        evict(table, key, job.desired.endpoints.contains(address_of(key)), report);
}

/// A CIDR without a row shows as what surrounds it. The outermost that are not protected go first, since what is
/// inside of them would show as them.
void Writer::make_room_for_prefixes(const Job& job, auto& table, auto& rows, WriteReport& report) {
    const auto is_strict = [&](uint32_t identity) { return job.is_strict(identity); };
    const size_t missing = beyond(count_new(table, rows, is_strict), table.room());
    if (missing == 0) return;
    std::vector<std::decay_t<decltype(table.rows().begin()->first)>> spare;
    for (const auto& [key, identity] : table.rows()) {
        if ((!settled_ && table.is_restored(key)) || closes_something(identity)) continue;
        const auto wanted = job.desired.prefixes.find(cidr_of(key));
        if (wanted == job.desired.prefixes.end() || !is_strict(wanted->second)) spare.push_back(key);
    }
    std::ranges::sort(spare, {}, [](const auto& key) { return key.length; });
    spare.resize(std::min(spare.size(), missing));
    for (const auto& key : spare)
        evict(table, key, job.desired.prefixes.contains(cidr_of(key)), report);
}

} // namespace bulkhead::datapath
