// SPDX-License-Identifier: Apache-2.0
#include "resolve/finding.h"

#include "aws/sts.h"
#include "base/rfc3339.h"

namespace bulkhead::resolve {

Asked Asked::aws(const state::AwsPlace& place) {
    return {.of = "aws", .account = aws::account_of(place.role), .region = place.region};
}

const char* reason_of(aws::Failure::Kind kind) {
    switch (kind) {
    case aws::Failure::Kind::kCredentials:
        return "NoCredentials";
    case aws::Failure::Kind::kDenied:
        return "AccessDenied";
    case aws::Failure::Kind::kThrottled:
        return "Throttled";
    case aws::Failure::Kind::kUnreadable:
        return "Unreadable";
    case aws::Failure::Kind::kTooLarge:
        return "TooLarge";
    case aws::Failure::Kind::kRefused:
        return "Refused";
    default:
        return "Unavailable";
    }
}

std::string dates_of_trouble(state::Time since, const std::optional<state::Time>& answered,
                             const std::optional<Earlier>& earlier) {
    const auto text = "; failing since " + rfc3339(since);
    if (answered) return text + "; the good answer of " + rfc3339(*answered) + " stays in force";
    if (!earlier) return text + "; no good answer is known";
    return text + "; what was found before" + (earlier->by ? ", by " + rfc3339(*earlier->by) + "," : "") +
           " stays in force";
}

std::vector<state::Problem> problems_of(const state::AwsResource& resource, const Finding& finding) {
    std::vector<state::Problem> problems;
    for (const auto& trouble : finding.troubles)
        problems.push_back({.origin = resource.meta.origin,
                            .object = "AWSResource " + resource.meta.name,
                            .field = "spec.addresses",
                            .text = trouble.reason + ": " + trouble.text,
                            .nature = state::Problem::Nature::kNotAnswered});
    return problems;
}

} // namespace bulkhead::resolve
