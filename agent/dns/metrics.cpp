// SPDX-License-Identifier: Apache-2.0
#include "dns/metrics.h"

#include <algorithm>

namespace bulkhead::dns {

namespace {

double seconds(Time::duration time) {
    return std::chrono::duration<double>(time).count();
}

prometheus::MetricFamily replies(const Resolver& resolver) {
    auto family = metrics::counter("bulkhead_dns_replies_total", "Questions to DNS servers, by what became of them.");
    for (size_t outcome = 0; outcome < kOutcomes; ++outcome)
        family.add(resolver.outcomes()[outcome], {{"outcome", label_of(static_cast<Outcome>(outcome))}});
    return family;
}

struct Sums {
    uint64_t names = 0, failing = 0, addresses = 0, in_grace = 0, refused = 0;
    Time::duration oldest{0};
};

Sums sums_of(const std::vector<NameState>& states, Time now) {
    Sums sums{.names = states.size()};
    for (const auto& state : states) {
        if (!state.error.empty()) ++sums.failing;
        sums.addresses += state.addresses.size();
        sums.in_grace += state.in_grace;
        sums.refused += state.refused;
        if (state.named_at) sums.oldest = std::max(sums.oldest, now - *state.named_at);
    }
    return sums;
}

} // namespace

metrics::Families metrics_of(const Follower& follower, Time now) {
    const auto sums = sums_of(follower.names().states(), now);
    return {
        replies(follower.resolver()),
        metrics::gauge("bulkhead_dns_names", "Names of AWSResources that are followed.", sums.names),
        metrics::gauge("bulkhead_dns_failing_names", "Names whose last answer is missing or wrong.", sums.failing),
        metrics::gauge("bulkhead_dns_addresses", "Addresses of followed names that are in force.", sums.addresses),
        metrics::gauge("bulkhead_dns_addresses_in_grace", "Of these, those that the last answer didn't name.",
                       sums.in_grace),
        metrics::gauge("bulkhead_dns_addresses_refused", "Addresses in last answers that no name may bring along.",
                       sums.refused),
        metrics::gauge_of_seconds("bulkhead_dns_oldest_answer_seconds",
                                  "Age of the last answer with addresses, of the name where it is oldest.",
                                  seconds(sums.oldest)),
        metrics::gauge_of_seconds("bulkhead_dns_overdue_seconds", "How long the next question waits for its turn.",
                                  seconds(follower.names().overdue(now))),
    };
}

} // namespace bulkhead::dns
