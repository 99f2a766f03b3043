// SPDX-License-Identifier: Apache-2.0
//
// The rows of the openings map for the identities that live. A rule makes rows for every pair of live
// identities that it names, so one new identity costs the pairs that it is part of.
#pragma once

#include <map>
#include <unordered_set>
#include <vector>

#include "compile/identities.h"

namespace bulkhead::compile {

class Openings {
public:
    /// Forgets everything; `rules` must outlive the next reset.
    void reset(const Rules& rules);

    /// An identity is born or gone: its rows come into `desired` or leave it, and the identities at
    /// both ends of them are `touched`.
    void add(const Identity& identity, Desired& desired, std::unordered_set<IdentityId>& touched);
    void remove(const Identity& identity, Desired& desired, std::unordered_set<IdentityId>& touched);

    /// The BH_ASK_ flags: which rows can exist for this identity.
    uint32_t ask_flags(const Traits& traits) const;

    /// Keys with more rows than the kernel takes, and what was left out. No object: it is the annotation
    /// of pods of the identity `dst`.
    const std::map<OpeningKey, state::Problem>& problems() const { return problems_; }

private:
    using Identities = std::vector<const Identity*>;

    void add_rule_rows(const Rule& rule, const PortRanges& ranges, std::vector<OpeningRow>& rows) const;
    std::vector<OpeningRow> rows_to_any(const Traits& traits) const;
    std::vector<OpeningRow> rows_from_any(const Traits& traits) const;
    std::vector<OpeningRow> rows_between(const Traits& dst, const Traits& src) const;
    void put(OpeningKey key, std::vector<OpeningRow> rows, const Traits& dst, const Traits& src, Desired& desired);
    void add_pair(const Identity& dst, const Identity& src, Desired& desired, std::unordered_set<IdentityId>& touched);
    bool is_pair(RuleId rule) const { return rules_->list[rule].shape == Rule::Shape::kPair; }

    const Rules* rules_ = nullptr;
    std::vector<Identities> destinations_; // by RuleId, of pair rules
    std::vector<Identities> sources_;
    std::map<OpeningKey, state::Problem> problems_;
};

} // namespace bulkhead::compile
