// SPDX-License-Identifier: Apache-2.0
#include "compile/openings.h"

#include <algorithm>
#include <tuple>

namespace bulkhead::compile {

namespace {

constexpr size_t kMostRows = BH_OPENINGS_PER_BLOCK * BH_OPENING_PARTS;

auto without_ports(const OpeningRow& row) {
    return std::tie(row.line, row.origin, row.until, row.protocol);
}

/// Ranges that overlap or touch become one where everything else is equal.
std::vector<OpeningRow> merged_rows(std::vector<OpeningRow> rows) {
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return std::tuple_cat(without_ports(a), std::tie(a.first_port, a.last_port)) <
               std::tuple_cat(without_ports(b), std::tie(b.first_port, b.last_port));
    });
    std::vector<OpeningRow> out;
    for (const auto& row : rows) {
        if (!out.empty() && without_ports(out.back()) == without_ports(row) &&
            row.first_port <= out.back().last_port + 1)
            out.back().last_port = std::max(out.back().last_port, row.last_port);
        else
            out.push_back(row);
    }
    return out;
}

std::string described(const Traits& traits) {
    return traits.tenant.empty() ? traits.what : traits.what + " of " + traits.tenant;
}

} // namespace

void Openings::reset(const Rules& rules) {
    rules_ = &rules;
    destinations_.assign(rules.list.size(), {});
    sources_.assign(rules.list.size(), {});
    problems_.clear();
}

void Openings::add_rule_rows(const Rule& rule, const PortRanges& ranges, std::vector<OpeningRow>& rows) const {
    for (const auto& range : rule.named ? ranges : rule.ranges)
        rows.push_back({.first_port = range.first,
                        .last_port = range.last,
                        .protocol = range.protocol,
                        .line = static_cast<uint8_t>(rule.line),
                        .origin = rule.origin,
                        .until = rule.until});
}

std::vector<OpeningRow> Openings::rows_to_any(const Traits& traits) const {
    std::vector<OpeningRow> rows;
    for (const auto& accepts : traits.accepts)
        if (const auto& rule = rules_->list[accepts.rule]; rule.shape == Rule::Shape::kToAny)
            add_rule_rows(rule, accepts.ranges, rows);
    for (const auto& range : traits.exposed)
        rows.push_back({.first_port = range.first,
                        .last_port = range.last,
                        .protocol = range.protocol,
                        .line = BH_REASON_EXPOSED,
                        .origin = annotation_origin(),
                        .until = std::nullopt});
    return rows;
}

std::vector<OpeningRow> Openings::rows_from_any(const Traits& traits) const {
    std::vector<OpeningRow> rows;
    for (const auto id : traits.may)
        if (const auto& rule = rules_->list[id]; rule.shape == Rule::Shape::kFromAny) add_rule_rows(rule, {}, rows);
    return rows;
}

std::vector<OpeningRow> Openings::rows_between(const Traits& dst, const Traits& src) const {
    std::vector<OpeningRow> rows;
    for (const auto& accepts : dst.accepts)
        if (is_pair(accepts.rule) && std::binary_search(src.may.begin(), src.may.end(), accepts.rule))
            add_rule_rows(rules_->list[accepts.rule], accepts.ranges, rows);
    return rows;
}

void Openings::put(OpeningKey key, std::vector<OpeningRow> rows, const Traits& dst, const Traits& src,
                   Desired& desired) {
    rows = merged_rows(std::move(rows));
    if (rows.empty()) return;
    if (rows.size() > kMostRows) {
        const auto& author = rules_->authors.at(rows[kMostRows].origin);
        problems_[key] = {author.origin, author.object, author.field,
                          std::to_string(rows.size()) + " port ranges open " + described(dst) + " to " +
                              described(src) + ", but " + std::to_string(kMostRows) +
                              " is the most; the last ones, from this one on, open nothing"};
        rows.resize(kMostRows);
    }
    desired.openings[key] = std::move(rows);
}

void Openings::add_pair(const Identity& dst, const Identity& src, Desired& desired,
                        std::unordered_set<IdentityId>& touched) {
    // Line 4 comes before any grant, and line 2 lets a tenant reach itself.
    if (!dst.traits.tenant.empty() && dst.traits.tenant == src.traits.tenant) return;
    const OpeningKey key{dst.id, src.id};
    if (desired.openings.contains(key)) return; // by another rule that names both
    put(key, rows_between(dst.traits, src.traits), dst.traits, src.traits, desired);
    touched.insert({dst.id, src.id});
}

void Openings::add(const Identity& identity, Desired& desired, std::unordered_set<IdentityId>& touched) {
    Traits anybody;
    anybody.what = "everybody";
    const auto& traits = identity.traits;
    touched.insert(identity.id);
    put({identity.id, BH_IDENTITY_ANY}, rows_to_any(traits), traits, anybody, desired);
    put({BH_IDENTITY_ANY, identity.id}, rows_from_any(traits), anybody, traits, desired);
    for (const auto& accepts : traits.accepts)
        if (is_pair(accepts.rule)) destinations_[accepts.rule].push_back(&identity);
    for (const auto rule : traits.may)
        if (is_pair(rule)) sources_[rule].push_back(&identity);
    for (const auto& accepts : traits.accepts)
        for (const auto* source : sources_[accepts.rule])
            add_pair(identity, *source, desired, touched);
    for (const auto rule : traits.may)
        for (const auto* destination : destinations_[rule])
            add_pair(*destination, identity, desired, touched);
}

void Openings::remove(const Identity& identity, Desired& desired, std::unordered_set<IdentityId>& touched) {
    const auto drop = [&](OpeningKey key) {
        if (desired.openings.erase(key) == 0) return;
        problems_.erase(key);
        touched.insert({key.dst, key.src});
    };
    touched.insert(identity.id);
    drop({identity.id, BH_IDENTITY_ANY});
    drop({BH_IDENTITY_ANY, identity.id});
    for (const auto& accepts : identity.traits.accepts) {
        for (const auto* source : sources_[accepts.rule])
            drop({identity.id, source->id});
        std::erase(destinations_[accepts.rule], &identity);
    }
    for (const auto rule : identity.traits.may) {
        for (const auto* destination : destinations_[rule])
            drop({destination->id, identity.id});
        std::erase(sources_[rule], &identity);
    }
    touched.erase(BH_IDENTITY_ANY);
}

uint32_t Openings::ask_flags(const Traits& traits) const {
    uint32_t flags = traits.exposed.empty() ? 0 : BH_ASK_TO;
    for (const auto& accepts : traits.accepts) {
        const auto& rule = rules_->list[accepts.rule];
        if (rule.shape == Rule::Shape::kToAny) flags |= BH_ASK_TO;
        if (rule.shape == Rule::Shape::kPair && rule.line != BH_REASON_CONFINED) flags |= BH_ASK_TO_FROM;
    }
    for (const auto id : traits.may) {
        const auto& rule = rules_->list[id];
        if (rule.shape == Rule::Shape::kFromAny) flags |= BH_ASK_FROM;
        if (rule.shape == Rule::Shape::kPair && rule.line == BH_REASON_CONFINED) flags |= BH_ASK_FROM_TO;
    }
    return flags;
}

} // namespace bulkhead::compile
