// SPDX-License-Identifier: Apache-2.0
#include "advise/check.h"

#include <algorithm>

namespace bulkhead::advise {

namespace {

bool is_rules(const flow::EdgeKey& edge, const flow::Sighting& seen) {
    switch (seen.reason) {
    case BH_REASON_NOT_GRANTED:
    case BH_REASON_AUDIT:
    case BH_REASON_CONFINED:
    case BH_REASON_CONFINED_AUDIT:
        return true;
    default:
        return edge.verdict == BH_VERDICT_ALLOW;
    }
}

} // namespace

std::vector<Loss> check(const flow::Edges::Rows& edges, const Supposition& supposed, state::Time now) {
    std::map<flow::EdgeKey, Loss> known; // by key without the verdict
    for (const auto& [edge, seen] : edges) {
        if (!is_rules(edge, seen)) continue;
        auto key = edge;
        key.verdict = BH_VERDICT_ALLOW;
        const auto [found, is_first] =
            known.try_emplace(key, Loss{.edge = edge, .seen = seen, .answer = {}, .why_untold = {}});
        if (is_first) continue;
        auto& loss = found->second;
        const bool is_later = seen.last >= loss.seen.last;
        const auto count = loss.seen.count + seen.count;
        const auto first = std::min(loss.seen.first, seen.first);
        if (is_later) loss = {.edge = edge, .seen = seen, .answer = {}, .why_untold = {}};
        loss.seen.count = count;
        loss.seen.first = first;
    }
    std::vector<Loss> all;
    for (auto& [key, loss] : known) {
        loss.answer = supposed.judge(loss.edge, now);
        all.push_back(std::move(loss));
    }
    return all;
}

} // namespace bulkhead::advise
