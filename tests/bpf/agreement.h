// SPDX-License-Identifier: Apache-2.0
//
// What the comparisons with the oracle share.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "bpf/stage.h"
#include "bulkhead/reasons.h"
#include "support/random_cluster.h"

namespace bulkhead::test {

inline std::string words(const Question& question) {
    return question.src + " -> " + question.dst + " protocol " + std::to_string(question.protocol) + " port " +
           std::to_string(question.port) + " family " + std::to_string(question.family);
}

inline std::string label(bh_reason reason) {
    static const char* const kLabels[] = {
#define X(name, label, verdict, text) label,
        BH_REASONS(X)
#undef X
    };
    return kLabels[reason];
}

/// The questions that `node` judges, put as it hears them.
inline std::optional<Question> as_heard(const Stage& stage, Question question) {
    if (stage.has_pod(question.dst)) {
        question.side = stage.has_pod(question.src) ? Side::kBoth : Side::kDestination;
        return question;
    }
    if (!stage.has_pod(question.src)) return std::nullopt;
    question.side = Side::kSource;
    return question;
}

/// Dates as the kernel's clock sees them: the cluster's "now" becomes ours.
inline std::vector<state::Object> brought_to_today(RandomCluster& cluster) {
    const auto today = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto shift = today - cluster.now;
    const auto move = [&](state::Grant& grant) {
        if (grant.until) *grant.until += shift;
    };
    for (auto& object : cluster.objects) {
        if (auto* grant = std::get_if<state::AccessGrant>(&object)) move(grant->grant);
        if (auto* tenant = std::get_if<state::Tenant>(&object))
            for (auto& one : tenant->allow_from)
                move(one);
        if (auto* resource = std::get_if<state::AwsResource>(&object))
            for (auto& one : resource->allow_from)
                move(one);
    }
    cluster.now = today;
    return cluster.objects;
}

} // namespace bulkhead::test
