// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "datapath/writer.h"

namespace bulkhead::datapath {

namespace {

using compile::Desired;
using compile::OpeningKey;

constexpr uint32_t kStricter = BH_PROTECTED | BH_SEALED | BH_CONFINED | BH_UNNAMED;
constexpr uint32_t kLooser =
    BH_AUDIT | BH_INFRA | BH_SERVICE | BH_ASK_TO | BH_ASK_TO_FROM | BH_ASK_FROM | BH_ASK_FROM_TO;

/// Where a change does both, what it does to level and confinement counts: all else hangs on them.
bool tightens(const bh_identity& from, const bh_identity& to) {
    if ((to.flags & ~from.flags & kStrict) != 0) return true;
    if ((from.flags & ~to.flags & kStrict) != 0) return false;
    return from.tenant != to.tenant || (to.flags & ~from.flags & kStricter) != 0 ||
           (from.flags & ~to.flags & kLooser) != 0;
}

/// The rule drops something for the sake of this identity.
bool is_in_force(const bh_identity* identity, uint32_t flag) {
    return identity != nullptr && (identity->flags & flag) != 0 && (identity->flags & BH_AUDIT) == 0;
}

/// An address that has no row is taken for one outside. Nobody is let in as such, and a confined pod is not let out to
/// it, as long as it may be a pod's.
std::vector<compile::OpeningRow> in_force(OpeningKey key, std::span<const compile::OpeningRow> rows,
                                          const std::unordered_set<uint32_t>& outside) {
    if (outside.contains(key.src)) return {};
    std::vector<compile::OpeningRow> kept(rows.begin(), rows.end());
    if (outside.contains(key.dst)) std::erase_if(kept, [](const auto& row) { return row.line == BH_REASON_CONFINED; });
    return kept;
}

bool has_line(const OpeningRows& rows, uint8_t line) {
    return std::ranges::any_of(rows, [line](const bh_opening& row) { return row.line == line; });
}

/// Rows for this pair make no difference: nobody is the source or the destination, they are of one tenant, or nothing
/// is dropped for their sake. `dst` and `src` are null for identities that don't exist.
bool is_unnoticed(OpeningKey key, const bh_identity* dst, const bh_identity* src, bool frees_source) {
    if (key.dst != BH_IDENTITY_ANY && dst == nullptr) return true;
    if (key.src != BH_IDENTITY_ANY && src == nullptr) return true;
    if (dst != nullptr && src != nullptr && dst->tenant != 0 && dst->tenant == src->tenant) return true;
    if (frees_source && is_in_force(src, BH_CONFINED)) return false;
    return key.dst != BH_IDENTITY_ANY ? !is_in_force(dst, BH_PROTECTED) : frees_source;
}

bh_prefix4 key4(const Cidr& cidr) {
    return {.length = cidr.length, .address = cidr.address.raw4()};
}

bh_prefix6 key6(const Cidr& cidr) {
    return {.length = cidr.length, .address = cidr.address.raw()};
}

/// One wanted row against its table.
template <typename Key, typename Value, typename Difference>
void want(const Table<Key, Value>& table, const Key& key, const Value& value, bool strict, bool settled,
          Difference& into) {
    if (table.holds(key, value) || (!settled && table.is_restored(key))) return;
    (strict ? into.tighten : into.loosen).emplace_back(key, value);
}

template <typename Key, typename Value, typename Difference>
void unwant(const Table<Key, Value>& table, const Key& key, bool settled, Difference& into) {
    if (table.find(key) != nullptr && (settled || !table.is_restored(key))) into.gone.push_back(key);
}

/// Where prefixes nest, the inner one must stand before the outer one shows through, and go after it.
template <typename Difference>
void inner_first(Difference& rows) {
    const auto longer = [](const auto& a, const auto& b) { return a.first.length > b.first.length; };
    std::ranges::stable_sort(rows.tighten, longer);
    std::ranges::stable_sort(rows.loosen, longer);
    std::ranges::stable_sort(rows.gone, {}, [](const auto& key) { return key.length; });
}

} // namespace

bool Writer::Job::is_strict(uint32_t identity) const {
    const auto found = desired.identities.find(identity);
    return found != desired.identities.end() && (found->second.flags & kStrict) != 0;
}

Writer::Plan Writer::plan(const Job& job, WriteReport& report) const {
    Plan plan;
    plan_local(job, plan);
    plan_endpoints(job, plan);
    if (job.all_rules) plan_prefixes(job, plan);
    if (job.any_rules()) {
        plan_identities(job, plan);
        plan_openings(job, plan, report);
    }
    return plan;
}

void Writer::plan_endpoint(const Job& job, const Address& address, Plan& plan) const {
    const auto wanted = job.desired.endpoints.find(address);
    const auto decide = [&](const auto& table, const auto& key, auto& into) {
        if (wanted == job.desired.endpoints.end()) return unwant(table, key, settled_, into);
        bh_endpoint row = wanted->second.row;
        row.identity = row_identity(job, row.identity);
        want(table, key, row, job.is_strict(row.identity), settled_, into);
    };
    if (address.family == BH_IPV4)
        decide(tables_.endpoints4, address.raw4(), plan.endpoints4);
    else
        decide(tables_.endpoints6, address.raw(), plan.endpoints6);
}

void Writer::plan_endpoints(const Job& job, Plan& plan) const {
    if (!job.all_endpoints) {
        for (const Address& address : job.touched.endpoints)
            plan_endpoint(job, address, plan);
        for (const Address& address : job.retry)
            if (!job.touched.endpoints.contains(address)) plan_endpoint(job, address, plan);
        return;
    }
    for (const auto& [address, row] : job.desired.endpoints)
        plan_endpoint(job, address, plan);
    for (const auto& [key, row] : tables_.endpoints4.rows()) {
        const Address address = address_of(key);
        if (!job.desired.endpoints.contains(address)) plan_endpoint(job, address, plan);
    }
    for (const auto& [key, row] : tables_.endpoints6.rows()) {
        const Address address = address_of(key);
        if (!job.desired.endpoints.contains(address)) plan_endpoint(job, address, plan);
    }
}

void Writer::plan_prefixes(const Job& job, Plan& plan) const {
    const auto& prefixes = job.desired.prefixes;
    for (const auto& [cidr, wanted] : prefixes) {
        const uint32_t identity = row_identity(job, wanted);
        const bool strict = job.is_strict(identity);
        if (cidr.address.family == BH_IPV4)
            want(tables_.prefixes4, key4(cidr), identity, strict, settled_, plan.prefixes4);
        else
            want(tables_.prefixes6, key6(cidr), identity, strict, settled_, plan.prefixes6);
    }
    for (const auto& [key, identity] : tables_.prefixes4.rows())
        if (!prefixes.contains(cidr_of(key))) unwant(tables_.prefixes4, key, settled_, plan.prefixes4);
    for (const auto& [key, identity] : tables_.prefixes6.rows())
        if (!prefixes.contains(cidr_of(key))) unwant(tables_.prefixes6, key, settled_, plan.prefixes6);
    inner_first(plan.prefixes4);
    inner_first(plan.prefixes6);
}

void Writer::plan_identity(const Job& job, uint32_t id, Plan& plan) const {
    const auto wanted = job.desired.identities.find(id);
    if (wanted == job.desired.identities.end()) return unwant(tables_.identities, id, settled_, plan.identities);
    const bh_identity* known = tables_.identities.find(id);
    if (known == nullptr)
        plan.new_identities.emplace_back(id, wanted->second);
    else
        want(tables_.identities, id, wanted->second, tightens(*known, wanted->second), settled_, plan.identities);
}

void Writer::plan_identities(const Job& job, Plan& plan) const {
    if (!job.all_rules) {
        for (const auto id : job.touched.identities)
            plan_identity(job, id, plan);
        return;
    }
    for (const auto& [id, wanted] : job.desired.identities)
        plan_identity(job, id, plan);
    for (const auto& [id, known] : tables_.identities.rows())
        if (!job.desired.identities.contains(id)) plan_identity(job, id, plan);
}

/// A restored slot that went to another pod since is not restored any more.
void Writer::plan_local(const Job& job, Plan& plan) const {
    for (const auto& [slot, wanted] : job.desired.pods) {
        bh_pod row = with_flow_table(slot, wanted);
        row.identity = row_identity(job, row.identity);
        if (row.flow_sets == 0)
            plan.pods.tighten.emplace_back(slot, row); // prepare() gives it one
        else
            want(tables_.pods, uint32_t{slot}, row, job.is_strict(row.identity), settled_, plan.pods);
    }
    for (const auto& [slot, known] : tables_.pods.rows())
        if (!job.desired.pods.contains(static_cast<uint16_t>(slot))) unwant(tables_.pods, slot, settled_, plan.pods);
    for (const auto& [ifindex, wanted] : job.desired.interfaces)
        want(tables_.interfaces, ifindex, wanted, true, true, plan.interfaces);
    for (const auto& [ifindex, known] : tables_.interfaces.rows())
        if (!job.desired.interfaces.contains(ifindex)) unwant(tables_.interfaces, ifindex, settled_, plan.interfaces);
}

/// flow_sets is the writer's own: what the pod has, or 0 until it gets a table.
bh_pod Writer::with_flow_table(uint32_t slot, bh_pod pod) const {
    const bh_pod* known = tables_.pods.find(slot);
    pod.flow_sets = known != nullptr && known->generation == pod.generation ? known->flow_sets : 0;
    return pod;
}

void Writer::plan_openings(const Job& job, Plan& plan, WriteReport& report) const {
    const auto concerned = [&](const OpeningKey& key) {
        return job.all_rules || job.touched.identities.contains(key.dst) || job.touched.identities.contains(key.src);
    };
    for (const auto& [key, rows] : job.desired.openings)
        if (concerned(key)) plan_opening(job, key, rows, plan, report);
    for (const auto& [block, rows] : tables_.openings.rows()) {
        const OpeningKey key{.dst = block.dst, .src = block.src};
        if (block.part == 0 && concerned(key) && !job.desired.openings.contains(key))
            plan_opening(job, key, {}, plan, report);
    }
}

void Writer::plan_opening(const Job& job, OpeningKey key, std::span<const compile::OpeningRow> rows, Plan& plan,
                          WriteReport& report) const {
    if (!settled_ && tables_.openings.is_restored({.dst = key.dst, .src = key.src, .part = 0})) return;
    const OpeningRows there = read_rows(tables_.openings, key);
    OpeningChange change{.key = key, .kept = {}, .wanted = encode(in_force(key, rows, job.outside), there, job.now)};
    if (change.wanted.size() > kMaxOpeningRows) {
        report.add({.map = "openings", .key = "(identity " + std::to_string(key.dst) + ")", .code = E2BIG});
        change.wanted.resize(kMaxOpeningRows);
    }
    if (same(change.wanted, there)) return;
    const auto wanted_row = [&](uint32_t id) {
        const auto found = job.desired.identities.find(id);
        return found == job.desired.identities.end() ? nullptr : &found->second;
    };
    const bool frees_source = has_line(change.wanted, BH_REASON_CONFINED) || has_line(there, BH_REASON_CONFINED);
    change.kept = common(there, change.wanted);
    change.early = is_unnoticed(key, tables_.identities.find(key.dst), tables_.identities.find(key.src), frees_source);
    change.late = !change.early && is_unnoticed(key, wanted_row(key.dst), wanted_row(key.src), frees_source);
    plan.openings.push_back(std::move(change));
}

} // namespace bulkhead::datapath
